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


class NotFetched(Refusal):
    """Media could not be fetched from its URL; each way in which it could not is a class below."""

    code: str


class Blocked(NotFetched):
    """The URL is one that the gateway does not call."""

    code = "blocked_url"


class Unreachable(NotFetched):
    """No answer came from the URL, or none with media."""

    code = "url_unreachable"


class Redirects(NotFetched):
    """The URL redirects."""

    code = "url_redirects"


class TooLarge(NotFetched):
    """What the URL gives is above the cap."""

    code = "media_too_large"


def of_url(code: str, message: str) -> NotFetched | None:
    """The error with this code, made again from what was stored of it; None for a code of another kind."""
    return next((cls(message) for cls in NotFetched.__subclasses__() if cls.code == code), None)


class BadRange(Refusal):
    """Nothing lies in the part that was asked for, of so many bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(f"The range lies outside of {size} bytes")
        self.size = size


class ReadOnly(Refusal):
    """It is set by the environment; no request changes it."""
