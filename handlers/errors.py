"""What handlers refuse, said for the caller. What storage and engines raise passes through as it is."""


class Refusal(Exception):
    """The request cannot be served; the message says why."""


class BadRequest(Refusal):
    """A precondition of the operation does not hold."""


class Unauthorized(Refusal):
    """The key is missing, unknown, expired, revoked, or used outside its addresses or sessions."""


class Forbidden(Refusal):
    """The key is good, its role too low."""


class NotAllowed(Refusal):
    """WhatsApp does not let this account do that."""


class Disabled(Refusal):
    """The operator has switched this off."""


class BadRange(Refusal):
    """Nothing lies in the part that was asked for, of so many bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(f"The range lies outside of {size} bytes")
        self.size = size
