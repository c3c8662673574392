"""What goes wrong: every error that an engine raises."""


class EngineError(Exception):
    """The engine could not do it; the message is for the caller. What was asked did not happen."""

    code = "engine_error"


class NotStarted(EngineError):
    """No engine runs for the session; start it first."""

    code = "not_started"


class NotConnected(EngineError):
    """The account is not connected right now."""

    code = "not_connected"


class NotSupported(EngineError):
    """This engine cannot do that at all."""

    code = "not_supported"


class NotOnAccount(EngineError):
    """The message, contact, chat, group or channel asked for does not exist on the account."""

    code = "not_on_account"


class Refused(EngineError):
    """WhatsApp refused, and asking again does not help before something changes. `reason` is a stable word."""

    code = "refused_by_whatsapp"

    def __init__(self, message: str, reason: str = "refused") -> None:
        super().__init__(message)
        self.reason = reason


class WrongState(EngineError):
    """The session's state does not allow it (already linked, no code yet)."""

    code = "wrong_state"


class OutcomeUnknown(EngineError):
    """The engine went away, or did not answer in time: it may have happened. Never repeat by yourself."""

    code = "outcome_unknown"


def error_of(code: str, message: str) -> EngineError:
    """The error with this code, made again from what was stored of it."""
    made: type[EngineError] = next((cls for cls in EngineError.__subclasses__() if cls.code == code), EngineError)
    return made(message)
