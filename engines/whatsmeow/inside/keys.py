"""The keys that the library decrypts with, before and after: Signal sessions with devices, and their keys of groups.

Decrypting a message moves them on, for good. Where the process was killed before the message was kept, WhatsApp brings
it once more, and it can be opened if they are what they were.
"""

import contextlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import msgspec

from engines.whatsmeow.inside import store
from engines.whatsmeow.inside.notebook import Key

_SELECT = {
    False: "SELECT session FROM whatsmeow_device CROSS JOIN whatsmeow_sessions ON our_jid = jid"
    " WHERE their_id = :address",
    True: "SELECT sender_key FROM whatsmeow_device CROSS JOIN whatsmeow_sender_keys ON our_jid = jid"
    " WHERE chat_id = :chat AND sender_id = :address",
}
_UPDATE = {
    False: "INSERT OR REPLACE INTO whatsmeow_sessions SELECT jid, :address, :key FROM whatsmeow_device",
    True: "INSERT OR REPLACE INTO whatsmeow_sender_keys SELECT jid, :chat, :address, :key FROM whatsmeow_device",
}
_DELETE = {
    False: "DELETE FROM whatsmeow_sessions WHERE their_id = :address",
    True: "DELETE FROM whatsmeow_sender_keys WHERE chat_id = :chat AND sender_id = :address",
}
"""By whether it is the key of a group."""


def look(path: Path, author: str, chat: str) -> list[Key]:
    """The keys for what this device writes in this chat, both as WhatsApp writes them: user:device@server.

    Raises TimeoutError where they cannot be seen, as the library writes all the time.
    """
    user, _, server = author.partition("@")
    name, _, device = user.partition(":")

    def read(base: sqlite3.Connection) -> list[Key]:
        pair = base.execute("SELECT lid, pn FROM whatsmeow_lid_map WHERE lid = ?1 OR pn = ?1", (name,)).fetchone()
        lid, phone = pair or ((name, "") if server == "lid" else ("", name))
        addresses = [f"{one}:{device or 0}" for one, known in ((f"{lid}_1", lid), (phone, phone)) if known]
        places = [""] if chat == author else ["", chat]
        return [(place, address, _key(base, place, address)) for place in places for address in addresses]

    found = store.glance(path, read)
    if found is None:
        raise TimeoutError(f"{path.name} is being written all the time")
    return found


def restore(path: Path, before: Iterable[Key]) -> None:
    """Make keys what they were. Only while the library is not there.

    Not at the price of using a key for sending twice: a session that has sent since then is forgotten. So is one that
    did not exist. What comes with it then cannot be opened, and the library asks for it anew, as every phone does.
    """
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True)) as base, base:
        for chat, address, old in before:
            now = _key(base, chat, address)
            if now == old:
                continue
            what = _meanwhile(old, now) if old and now and not chat else "received"
            if old is None or what == "both":
                base.execute(_DELETE[bool(chat)], {"chat": chat, "address": address})
            elif what == "received":
                base.execute(_UPDATE[bool(chat)], {"chat": chat, "address": address, "key": old})


def _key(base: sqlite3.Connection, chat: str, address: str) -> bytes | None:
    row = base.execute(_SELECT[bool(chat)], {"chat": chat, "address": address}).fetchone()
    return row[0] if row else None


def _meanwhile(old: bytes, now: bytes) -> str:
    """What became of a session: it has "sent", "received", or both, where the rest is forgotten."""
    before, after = (msgspec.json.decode(record)["SessionState"] for record in (old, now))
    if before["ReceiverChains"] == after["ReceiverChains"]:
        return "sent"
    if before["SenderChain"] == after["SenderChain"]:
        return "received"
    # receiving began a new chain for sending, and tells the last number of the old one
    sent = (before["SenderChain"]["ChainKey"]["Index"] - 1) % (1 << 32)
    fresh = before["SenderBaseKey"] != after["SenderBaseKey"] or sent == after["PreviousCounter"]
    return "received" if fresh and not after["SenderChain"]["ChainKey"]["Index"] else "both"
