"""The phone whose account an engine links: it scans or types codes, and tells its linked devices what phones tell."""

import os
import time
import zlib

from .accounts import LinkedDevice
from .contact import Contact
from .schema import e2e, history


class Phone(Contact):
    """Device 0 of an account that is linked; it also gets a copy of what its engine sends."""

    async def scan(self, text: str) -> None:
        """Scan a QR code shown by an engine."""
        await self.server.pairing.scan(text, self.account)

    async def type_code(self, code: str) -> None:
        """Type a link code shown by an engine."""
        await self.server.pairing.type_code(code, self.account)

    async def unlink(self) -> None:
        """Remove every linked device: the engine is told, or finds out at its next login."""
        for device in self.account.linked:
            await self.server.unlink(device)

    async def write(self, chat: Contact, text: str) -> str:
        """The owner writes on the phone itself: linked devices get a copy."""
        inner = e2e.Message(conversation=text)
        copy = e2e.DeviceSentMessage(destinationJID=str(chat.account.lid), message=inner)
        attrs = {"recipient": chat.account.lid, "peer_recipient_pn": chat.account.phone, "sender_pn": None}
        return await self.say(self.account, e2e.Message(deviceSentMessage=copy), **attrs)

    async def share_key(self) -> None:
        """Give linked devices the key of the app state, without which they cannot set a name or be present."""
        indexes = [0, *(device.number for device in self.account.linked)]
        mark = e2e.AppStateSyncKeyFingerprint(rawID=self.account.key_index, currentIndex=1, deviceIndexes=indexes)
        data = e2e.AppStateSyncKeyData(keyData=os.urandom(32), fingerprint=mark, timestamp=int(time.time() * 1000))
        key = e2e.AppStateSyncKey(keyID=e2e.AppStateSyncKeyId(keyID=os.urandom(6)), keyData=data)
        share = e2e.AppStateSyncKeyShare(keys=[key])
        kind = e2e.ProtocolMessage.APP_STATE_SYNC_KEY_SHARE
        await self._tell(e2e.ProtocolMessage(type=kind, appStateSyncKeyShare=share))

    async def share_history(self, past: "history.HistorySync") -> None:
        """Give linked devices old messages."""
        notice = e2e.HistorySyncNotification(
            syncType=past.syncType,
            chunkOrder=1,
            progress=past.progress,
            initialHistBootstrapInlinePayload=zlib.compress(past.SerializeToString()),
        )
        kind = e2e.ProtocolMessage.HISTORY_SYNC_NOTIFICATION
        await self._tell(e2e.ProtocolMessage(type=kind, historySyncNotification=notice))

    async def _tell(self, message: "e2e.ProtocolMessage") -> None:
        attrs = {"from": self.account.phone, "category": "peer", "sender_pn": None}
        await self.say(self.account, e2e.Message(protocolMessage=message), **attrs)

    @property
    def device(self) -> LinkedDevice:
        """The newest linked device."""
        return self.account.linked[-1]
