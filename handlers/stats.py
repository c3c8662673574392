"""Statistics: how much was said, when, on which sessions and in which chats."""

from datetime import UTC, datetime
from typing import Any

from handlers.security import Caller
from storage import sessions, stats
from storage.db import Database
from storage.stats import HOUR

Json = dict[str, Any]
_DAY = 24 * HOUR
_PERIODS = {"24h": (24, 1), "7d": (7, 24), "30d": (30, 24)}  # how many buckets, of how many hours


def get_overview(db: Database, now: int, caller: Caller) -> Json:
    """Sessions by status and messages of all time and of today, within the key's scope."""
    with db.read() as tx:
        by_status = sessions.counts(tx, caller.sessions)
        ever, today = stats.totals(tx, caller.sessions), stats.totals(tx, caller.sessions, now - now % _DAY)
    return {
        "sessions": {"active": by_status.get("ready", 0), "total": sum(by_status.values()), "byStatus": by_status},
        "messages": {**ever._asdict(), "today": {"sent": today.sent, "received": today.received}},
    }


def get_messages(db: Database, now: int, caller: Caller, period: str) -> Json:
    """Messages of a period: over time, by type, by session, and where most was said."""
    buckets, step = _PERIODS[period]
    width, only = step * HOUR, caller.sessions
    since = now - now % width - (buckets - 1) * width
    with db.read() as tx:
        return {
            "timeSeries": [
                {"timestamp": _bucket(at, step), "sent": sent, "received": received}
                for at, sent, received in stats.series(tx, since, step, only)
            ],
            "byType": stats.by_type(tx, since, only),
            "bySession": [
                {"sessionId": key, "name": name, "sent": sent, "received": received}
                for key, name, sent, received in stats.by_session(tx, since, only)
            ],
            "topChats": [{"chatId": chat, "messageCount": n} for chat, n in stats.top_chats(tx, since, only)],
        }


def get_session(db: Database, now: int, session_id: str) -> Json:
    """One session's messages of all time and of today, its busiest chats, and the last 24 hours by the clock's hour."""
    with db.read() as tx:
        row = sessions.find(tx, session_id)
        only = [row.id]
        ever, today = stats.totals(tx, only), stats.totals(tx, only, now - now % _DAY)
        hours = {at // HOUR % 24: (a, b) for at, a, b in stats.series(tx, now - now % HOUR - 23 * HOUR, 1, only)}
        top = stats.top_chats_of(tx, row.id)
    return {
        "session": {"id": row.id, "name": row.name, "status": row.status},
        "messages": {**ever._asdict(), "today": today.sent + today.received},
        "topChats": [
            {"chatId": chat.chat_id, "count": chat.message_count, "lastActive": _written(chat.last_at)}
            for chat in top
            if chat.last_at is not None
        ],
        "hourlyActivity": [
            {"hour": hour, "sent": sent, "received": received}
            for hour in range(24)
            for sent, received in [hours.get(hour, (0, 0))]
        ],
    }


def _bucket(at: int, step: int) -> str:
    """A bucket as OpenWA writes it: an hour with its zeros, or a day."""
    return _written(at) if step == 1 else _written(at)[:10]


def _written(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
