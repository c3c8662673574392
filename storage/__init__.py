"""What is remembered: one module per tag, plus db, tables and migrations.

Functions take the open transaction first and the time (epoch milliseconds) as an argument. They raise the exceptions
below, never anything about HTTP.
"""


class StorageError(Exception):
    """Something about what is remembered that the caller must know; the message is for the caller."""


class NotFound(StorageError):
    """No such row."""


class Conflict(StorageError):
    """The row would break a rule that the others rely on (a name taken, the last admin key)."""


class NewerDatabase(StorageError):
    """The database was made by a newer release; this one must not touch it."""


class Unavailable(StorageError):
    """The database does not answer right now."""
