"""How a worker may end, or stop to serve a session; any other end is a crash."""

DONE = 0
"""It was asked to, or said why in a terminal state."""

RETRY = 75
"""It could not go on: start another one after a while."""

AGAIN = 76
"""Its time was over (codes ran out, a deaf socket): start another one now."""

MISSING = 78
"""neonize, or what it needs, is not installed."""

DAMAGED = 79
"""The session's store cannot be read."""
