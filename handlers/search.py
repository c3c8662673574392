"""Full text over what was said."""

import html
import re
from typing import Any

from engines import addresses
from handlers import shapes
from handlers.errors import BadRequest, Unauthorized
from handlers.security import Caller
from storage import identities, search, sessions
from storage.db import Database
from storage.search import Wanted

Json = dict[str, Any]
_CATCH_UP = 5_000  # messages a request indexes at most before it looks
_AROUND = 60  # characters of a message shown on each side of its first hit


def find(
    db: Database,
    caller: Caller,
    q: str,
    limit: int,
    offset: int,
    session_id: str = "",
    chat_id: str = "",
    from_: str = "",
    direction: str | None = None,
    type_: str | None = None,
    date_from: int | None = None,
    date_to: int | None = None,
) -> Json:
    """Messages within the key's scope that hold all words of `q`, newest first."""
    asked = search.words(q)
    if not asked:
        raise BadRequest("q must contain a letter or a digit")
    with db.read() as tx:
        only = [sessions.find(tx, session_id).id] if session_id else caller.sessions
        if session_id and not caller.may(only[0]):
            raise Unauthorized("API key not authorized for this session")
        late = search.behind(tx)
    complete = not late or search.catch_up(db, _CATCH_UP)
    with db.read() as tx:
        chats, senders = (identities.forms(tx, only, addresses.parse(one)) if one else () for one in (chat_id, from_))
        wanted = Wanted(only, chats, senders, direction, type_, date_from, date_to)
        rows, total = search.find(tx, asked, wanted, limit, offset)
    hits = [{"message": shapes.message(row), "snippet": _snippet(row.body or "", asked)} for row in rows]
    return {"hits": hits, "total": total, "complete": complete}


def _snippet(body: str, asked: list[str]) -> str:
    """The part of a text around its first hit as HTML, hits in mark tags and all else escaped."""
    *whole, last = map(re.escape, asked)
    ends = [rf"(?<![^\W_]){word}(?![^\W_])" for word in whole] + [rf"(?<![^\W_]){last}[^\W_]*"]
    hit = re.compile("|".join(ends), re.IGNORECASE)
    first = hit.search(body)
    start = max(0, first.start() - _AROUND) if first else 0
    end = min(len(body), (first.end() if first else 0) + _AROUND)
    shown, at = ["…" if start else ""], start
    for found in hit.finditer(body, start, end):
        shown += [html.escape(body[at : found.start()]), "<mark>", html.escape(found.group()), "</mark>"]
        at = found.end()
    return "".join([*shown, html.escape(body[at:end]), "…" if end < len(body) else ""])
