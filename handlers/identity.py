"""Written addresses to the one form under which a session knows whom or what they name."""

from engines import addresses
from storage import identities
from storage.db import Tx


def known(tx: Tx, session_id: str, written: str) -> str:
    """The one address of whom or what `written` names, in any form. Raises BadAddress."""
    return identities.known(tx, session_id, addresses.parse(written))
