"""How WhatsApp is reached."""
