"""What each engine can do: the one table behind `x-capability`, its 501, and the matrix of `GET /infra/engines`."""

from engines.base import Capability

CAPABILITIES: dict[str, frozenset[Capability]] = {
    "simulator": frozenset(Capability),
    "whatsmeow": frozenset(Capability)
    - {  # its library's write of the account's own settings is broken, and it knows nothing of a business
        Capability.DELETE_FOR_ME,
        Capability.MARK_UNREAD,
        Capability.DELETE_CHAT,
        Capability.ARCHIVE,
        Capability.PIN,
        Capability.MUTE,
        Capability.STAR,
        Capability.LABELS,
        Capability.CATALOG,
    },
}
