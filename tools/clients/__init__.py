"""Clients of the gateway in other languages, made of the document by well-kept generators; none is committed."""
