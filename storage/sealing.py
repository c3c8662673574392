"""Secrets under a passphrase: sealed so that they can travel in a file, opened by whoever knows the passphrase."""

import base64
import hashlib
import json
import secrets
from typing import Any

from storage import StorageError

_SCRYPT: dict[str, Any] = {"n": 2**15, "r": 8, "p": 1, "maxmem": 2**26}


class WrongPassphrase(StorageError):
    """The secrets were sealed under another passphrase."""


class Seal:
    """Seals and opens values under one passphrase; `salt` has to be told to whoever is to open them."""

    def __init__(self, passphrase: str, salt: str = "") -> None:
        from cryptography.fernet import Fernet  # noqa: PLC0415 - loads OpenSSL, which only few commands need

        self.salt = salt or secrets.token_hex(16)
        key = hashlib.scrypt(passphrase.encode(), salt=bytes.fromhex(self.salt), dklen=32, **_SCRYPT)
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def close(self, value: Any) -> str:
        """A JSON value, sealed."""
        return self._fernet.encrypt(json.dumps(value).encode()).decode()

    def open(self, sealed: str) -> Any:
        """The value that was sealed. Raises WrongPassphrase, also for what was tampered with."""
        from cryptography.fernet import InvalidToken  # noqa: PLC0415

        try:
            return json.loads(self._fernet.decrypt(sealed.encode()))
        except InvalidToken:
            raise WrongPassphrase("The file's secrets were sealed under another passphrase") from None
