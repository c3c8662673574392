"""Alembic migrations: forward steps from an empty database, tested against tables.py on both databases."""
