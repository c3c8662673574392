"""What every verb stands on."""

from dataclasses import dataclass
from typing import Any

from engines import base
from engines.whatsmeow import ids
from engines.whatsmeow.frames import Settings
from engines.whatsmeow.inside.compose import Composer
from engines.whatsmeow.inside.notebook import Kept, Notebook
from engines.whatsmeow.inside.people import People
from engines.whatsmeow.inside.pump import Pump
from engines.whatsmeow.inside.session import Session


@dataclass(frozen=True)
class Ground:
    """One account's parts."""

    session: Session
    people: People
    notebook: Notebook
    composer: Composer
    pump: Pump
    settings: Settings

    @property
    def client(self) -> Any:
        """The client of a session that is connected. Raises NotConnected."""
        self.require_connection()
        return self.session.client

    def require_connection(self) -> None:
        """Raises NotConnected where there is none: a call would hang while a dial hangs."""
        if self.session.state != "ready":
            raise base.NotConnected("Session is not connected. The WhatsApp client is not ready.")

    def send(self, to: Any, message: Any) -> Any:
        """Send a message of neonize's to an address of its own; its answer. Raises NotConnected."""
        client = self.client
        with self.session.custody.sending():
            return client.send_message(to, message)

    def message(self, chat: str, message_id: str) -> Kept:
        """A message that was seen. Raises NotOnAccount."""
        kept = self.notebook.find(chat, ids.stanza(message_id))
        if kept is None:
            raise base.NotOnAccount(f"Message {message_id} not found in {chat}")
        return kept
