"""Every WhatsApp address is parsed and printed here, and nowhere else.

Outward there is one dialect: `<digits>@c.us` (a person by phone), `<lid>@lid` (a person by hidden id), `<id>@g.us`
(group), `<id>@newsletter` (channel), `<id>@broadcast` (list), `status@broadcast` (stories). Inward any written form is
taken: digits, `+`, spaces and dashes, `@s.whatsapp.net`, a device suffix (`:12`).
"""

import re

_PERSON = "c.us"
_PEOPLE = ("c.us", "s.whatsapp.net")
_USER = {
    "c.us": re.compile(r"[1-9][0-9]{4,19}"),
    "lid": re.compile(r"[0-9]{1,32}"),
    "g.us": re.compile(r"[0-9]{1,32}(?:-[0-9]{1,32})?"),
    "newsletter": re.compile(r"[0-9]{1,32}"),
    "broadcast": re.compile(r"status|[0-9]{1,32}"),
}
_KINDS = {"c.us": "individual", "lid": "individual", "g.us": "group", "newsletter": "channel", "broadcast": "broadcast"}
_WRITTEN_NUMBER = re.compile(r"\+?[1-9](?:[ ().-]{0,2}[0-9]){4,19}")
_DEVICE = re.compile(r":[0-9]{1,4}\Z")

STATUS = "status@broadcast"


class BadAddress(ValueError):
    """The text is no WhatsApp address; the message says what one looks like."""

    def __init__(self, text: str) -> None:
        super().__init__(f"'{text[:64]}' is not a WhatsApp address such as 628123456789@c.us")


def parse(text: str) -> str:
    """Any written form to the neutral one; a bare number is a person.

    Raises BadAddress. `parse(parse(x)) == parse(x)` for every x it takes.
    """
    user, at, server = text.partition("@")
    if server in _PEOPLE or server == "lid":
        user = _DEVICE.sub("", user)
    if server in _PEOPLE or not at:
        if not _WRITTEN_NUMBER.fullmatch(user):
            raise BadAddress(text)
        return from_phone(user)
    if server not in _USER or not _USER[server].fullmatch(user):
        raise BadAddress(text)
    return f"{user}@{server}"


def from_phone(written: str) -> str:
    """A phone number, however written, to its address. Raises BadAddress."""
    digits = re.sub(r"[^0-9]", "", written)
    if not digits.isascii() or not _USER[_PERSON].fullmatch(digits):
        raise BadAddress(written)
    return f"{digits}@{_PERSON}"


def phone(address: str) -> str | None:
    """The digits of a person's address, None for anything else."""
    user, _, server = address.partition("@")
    return user if server == _PERSON else None


def is_hidden(address: str) -> bool:
    """Whether it is the hidden address of a person whose number it does not tell."""
    return address.endswith("@lid")


def kind(address: str) -> str:
    """What a chat with that address is: individual, group, channel, status or broadcast."""
    if address == STATUS:
        return "status"
    return _KINDS[address.partition("@")[2]]


def is_group(address: str) -> bool:
    """Whether the address is a group's."""
    return address.endswith("@g.us")
