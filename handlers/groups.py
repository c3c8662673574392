"""Groups of the account, live from the engine."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from engines import Engines, addresses, base
from engines.things import Group, ParticipantResult
from engines.verbs import ParticipantChange
from handlers import shapes
from handlers.asking import Asked, ask, ask_once
from handlers.errors import BadRequest, NotAllowed
from handlers.security import Caller
from storage import idempotency
from storage.db import Database

Json = dict[str, Any]
_LINK = "https://chat.whatsapp.com/"
_INVITED = ("not_allowed", "invite_required")  # outcomes after which an invite link still helps
_DONE: dict[ParticipantChange, str] = {
    "add": "Participants added",
    "remove": "Participants removed",
    "promote": "Participants promoted to admin",
    "demote": "Participants demoted from admin",
}


def list_all(db: Database, engines: Engines, session_id: str, limit: int, offset: int) -> list[Json]:
    """The groups the account is in."""
    return [shapes.group(one) for one in ask(db, engines, session_id).engine.groups(limit, offset)]


def create(
    db: Database, engines: Engines, now: int, caller: Caller, session_id: str, body: Json, idempotency_key: str = ""
) -> tuple[Json, int]:
    """Make a group of the account and these people; whoever cannot be added is told."""
    asked = ask(db, engines, session_id)
    use = idempotency.use(caller.key_id, idempotency_key, "groups.create", body, session_id=asked.session_id)

    def work() -> tuple[Json, int]:
        wanted = asked.addresses(body["participants"])
        group = _known(asked, asked.engine.create_group(body["name"], wanted))
        inside = {participant.id for participant in group.participants}
        return {**shapes.group(group), "notAdded": [one for one in wanted if one not in inside]}, 201

    return ask_once(db, now, use, work)


def get(db: Database, engines: Engines, session_id: str, group_id: str) -> Json:
    """One group with everybody in it."""
    asked = ask(db, engines, session_id)
    with _of(group_id):
        group = _known(asked, asked.engine.group(group_id))
    return shapes.group_info(group, asked.lids(one.id for one in group.participants))


def add_participants(db: Database, engines: Engines, session_id: str, group_id: str, body: Json) -> Json:
    """Add people; where somebody cannot be added, the answer has an invite link for them."""
    asked = ask(db, engines, session_id)
    shown = _change(asked, group_id, "add", body)
    if any(result["outcome"] in _INVITED for result in shown["results"]):
        with suppress(base.EngineError):  # the others are in the group by now, whatever becomes of the link
            shown["inviteLink"] = _LINK + asked.engine.invite_code(group_id)
    return shown


def remove_participants(db: Database, engines: Engines, session_id: str, group_id: str, body: Json) -> Json:
    """Remove people."""
    return _change(ask(db, engines, session_id), group_id, "remove", body)


def promote_participants(db: Database, engines: Engines, session_id: str, group_id: str, body: Json) -> Json:
    """Make people admins."""
    return _change(ask(db, engines, session_id), group_id, "promote", body)


def demote_participants(db: Database, engines: Engines, session_id: str, group_id: str, body: Json) -> Json:
    """Make admins ordinary members."""
    return _change(ask(db, engines, session_id), group_id, "demote", body)


def set_subject(db: Database, engines: Engines, session_id: str, group_id: str, body: Json) -> Json:
    """Give the group another name."""
    with _of(group_id):
        ask(db, engines, session_id).engine.set_group_subject(group_id, body["subject"])
    return _done("Group subject updated")


def set_description(db: Database, engines: Engines, session_id: str, group_id: str, body: Json) -> Json:
    """Give the group another description, or none."""
    with _of(group_id):
        ask(db, engines, session_id).engine.set_group_description(group_id, body["description"])
    return _done("Group description updated")


def leave(db: Database, engines: Engines, session_id: str, group_id: str) -> Json:
    """Leave the group."""
    with _of(group_id):
        ask(db, engines, session_id).engine.leave_group(group_id)
    return _done("Left the group")


def get_invite_code(db: Database, engines: Engines, session_id: str, group_id: str) -> Json:
    """The code by which others join."""
    with _of(group_id):
        return _invite(ask(db, engines, session_id).engine.invite_code(group_id))


def revoke_invite_code(db: Database, engines: Engines, session_id: str, group_id: str) -> Json:
    """A new code; the old one is worth nothing."""
    with _of(group_id):
        code = ask(db, engines, session_id).engine.revoke_invite(group_id)
    return {**_invite(code), "message": "Invite code revoked and new one generated"}


def join(db: Database, engines: Engines, session_id: str, body: Json) -> Json:
    """Enter a group by its invite code, or by the link with it."""
    engine = ask(db, engines, session_id).engine
    try:
        return shapes.group(engine.join_group(body["inviteCode"].removeprefix(_LINK)))
    except base.NotOnAccount as unknown:
        raise BadRequest(str(unknown)) from None


def get_settings(db: Database, engines: Engines, session_id: str, group_id: str) -> Json:
    """Who may write and change the group, and how long messages stay."""
    with _of(group_id):
        return shapes.group_settings(ask(db, engines, session_id).engine.group_settings(group_id))


def set_settings(db: Database, engines: Engines, session_id: str, group_id: str, body: Json) -> Json:
    """Change what is given."""
    with _of(group_id):
        settings = ask(db, engines, session_id).engine.set_group_settings(
            group_id,
            announce=body.get("announce"),
            locked=body.get("locked"),
            ephemeral_seconds=body.get("ephemeralSeconds"),
        )
    return shapes.group_settings(settings)


def _change(asked: Asked, group_id: str, change: ParticipantChange, body: Json) -> Json:
    """Raises Refused where nobody's request was granted."""
    with _of(group_id):
        results = asked.engine.change_participants(group_id, change, asked.addresses(body["participants"]))
    if not any(result.success for result in results):
        raise base.Refused(f"None of them: {', '.join(f'{one.id} ({one.outcome})' for one in results[:10])}")
    return {**_done(_DONE[change]), "results": [_result(result) for result in results]}


def _known(asked: Asked, group: Group) -> Group:
    """The group with everybody under the one address that the session has for them."""
    phones = asked.phones([*(one.id for one in group.participants), group.owner or ""])
    if not phones:
        return group
    people = [
        replace(one, id=phones[one.id], number=addresses.phone(phones[one.id]) or "") if one.id in phones else one
        for one in group.participants
    ]
    return replace(group, participants=tuple(people), owner=group.owner and phones.get(group.owner, group.owner))


def _result(result: ParticipantResult) -> Json:
    return {"id": result.id, "success": result.success, "outcome": result.outcome}


def _invite(code: str) -> Json:
    return {"inviteCode": code, "inviteLink": _LINK + code}


def _done(message: str) -> Json:
    return {"success": True, "message": message}


@contextmanager
def _of(group_id: str) -> Iterator[None]:
    """What the account may not do there is 403; a group it is not in is not there."""
    try:
        yield
    except base.Refused as refused:
        if refused.reason == "not_a_participant":
            raise base.NotOnAccount(f"Group {group_id} not found") from None
        if refused.reason == "not_admin":
            raise NotAllowed(str(refused)) from None
        raise
