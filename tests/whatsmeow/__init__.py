"""The real engine against the WhatsApp double."""
