"""What happened to a session as such, as an event of the log; see `handlers.happenings` for all else."""

from engines import base
from handlers.shapes import moment
from storage.events import Draft, digest

_REMEDIES = {
    "outdated": "outdated: WhatsApp takes this version of the engine no more; upgrade the gateway",
    "replaced": "replaced: the same device was connected somewhere else; start the session to take it back",
    "logged_out": "logged_out: the device was unlinked; start the session and link it anew",
    "engine_missing": "engine_missing: the engine's packages are not installed or cannot be loaded",
    "store_damaged": "store_damaged: the session's credentials cannot be read; delete the session and link it anew",
}


def session_changed(session_id: str, event: base.StateChanged, now: int) -> list[Draft]:
    """The session is in another state: its status, and what that means: authenticated, or disconnected."""
    drafts = [session_status(session_id, event.state, event.reason, now, until=event.until)]
    if event.state == "ready":
        drafts.append(session_authenticated(session_id, event.phone, event.push_name, now))
    elif event.state in ("disconnected", "failed"):
        drafts.append(session_disconnected(session_id, event.reason, now))
    return drafts


def why(event: base.StateChanged) -> str | None:
    """The reason for people who look at the session: the stable word, and what it takes to get out of it."""
    if event.reason == "banned" and event.until:
        return f"banned until {moment(event.until * 1000)}"
    return _REMEDIES.get(event.reason or "", event.reason)


def session_status(session_id: str, status: str, reason: str | None, now: int, *, until: int | None = None) -> Draft:
    """The session's status; `reason` is a stable word where there is one, `until` (epoch seconds) ends a ban."""
    ends = moment(until * 1000) if until else None
    data = {"sessionId": session_id, "status": status, "reason": reason, "until": ends}
    data = {name: value for name, value in data.items() if value is not None}
    return Draft("session.status", f"sess_{session_id}_{status}_{moment(now)}", data)


def session_authenticated(session_id: str, phone: str | None, push_name: str | None, now: int) -> Draft:
    """The account is linked and connected."""
    data = {"sessionId": session_id, "phone": phone, "pushName": push_name}
    return Draft("session.authenticated", f"auth_{session_id}_{digest(data)}_{moment(now)}", data)


def session_disconnected(session_id: str, reason: str | None, now: int) -> Draft:
    """The connection is gone: stopped, lost, or ended by WhatsApp."""
    reason = reason or "stopped"
    data = {"sessionId": session_id, "reason": reason}
    return Draft("session.disconnected", f"disc_{session_id}_{digest(reason)}_{moment(now)}", data)


def session_qr(session_id: str, picture: str) -> Draft:
    """There is a new code to scan; `picture` is its PNG data URL, as `handlers.sessions.png` makes it."""
    return Draft("session.qr", f"qr_{session_id}_{digest(picture)}", {"sessionId": session_id, "qr": picture})


def session_history(session_id: str, percent: int, now: int) -> Draft:
    """So much of the old messages is here."""
    data = {"sessionId": session_id, "percent": min(max(percent, 0), 100), "timestamp": now // 1000}
    return Draft("session.history", f"evt_session_history_{digest(data)}", data)


def reconnect_loop(session_id: str, attempts: int, now: int) -> Draft:
    """The connection was lost so often since the session was last ready. Engines do not tell when they try again."""
    data = {"sessionId": session_id, "attempts": attempts, "nextDelayMs": None}
    key = f"evt_session_reconnect_loop_{digest({**data, 'at': now})}"  # every loop is one of its own
    return Draft("session.reconnect_loop", key, data)
