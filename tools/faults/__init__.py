"""A gateway that is killed over and over while it works, and what must still be true after that."""
