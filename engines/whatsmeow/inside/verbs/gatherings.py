"""Groups, channels and status posts."""

import time
from typing import Any

from neonize.builder import build_revoke
from neonize.utils.enum import ParticipantChange

from engines import addresses, base
from engines.things import (
    Channel,
    ChannelMessage,
    Group,
    GroupSettings,
    Participant,
    ParticipantOutcome,
    ParticipantResult,
    StatusPost,
)
from engines.whatsmeow import frames, ids
from engines.whatsmeow.inside import content
from engines.whatsmeow.inside.ground import Ground
from engines.whatsmeow.inside.verbs.sending import Sending

_DAY = 86_400
_MOST_STATUSES = 500
_OUTCOMES: dict[int, ParticipantOutcome] = {
    0: "ok",
    401: "not_allowed",
    403: "invite_required",
    404: "not_on_whatsapp",
    408: "invite_required",
    409: "already_in_group",
}


class Gatherings:
    """Verbs about groups, channels and status posts."""

    def __init__(self, ground: Ground, sending: Sending) -> None:
        self._ground, self._sending = ground, sending

    # --- groups

    def groups(self, limit: int, offset: int) -> list[Group]:
        """A page of the groups the account is in, in the order of their addresses."""
        found = sorted(self._ground.client.get_joined_groups(), key=lambda info: info.JID.User)
        return [self._group(info) for info in found[offset : offset + limit]]

    def group(self, group_id: str) -> Group:
        return self._group(self._ground.client.get_group_info(self._ground.people.wire(group_id)))

    def create_group(self, subject: str, participants: list[str]) -> Group:
        people = [self._ground.people.wire(address) for address in participants]
        return self._group(self._ground.client.create_group(subject, people))

    def change_participants(self, group_id: str, change: str, participants: list[str]) -> list[ParticipantResult]:
        """Add, remove, promote or demote; one result each, in the order asked."""
        client, people = self._ground.client, self._ground.people
        jids = [people.wire(address) for address in participants]
        answers = client.update_group_participants(people.wire(group_id), jids, ParticipantChange(change))
        codes: dict[str, int] = {}
        for each in answers:
            for jid in (each.JID, each.PhoneNumber):
                codes[people.neutral(jid)] = each.Error
        return [ParticipantResult(address, self._outcome(codes.get(address), change)) for address in participants]

    @staticmethod
    def _outcome(code: int | None, change: str) -> ParticipantOutcome:
        if code == 404 and change != "add":
            return "not_in_group"
        return "failed" if code is None else _OUTCOMES.get(code, "failed")

    def set_group_subject(self, group_id: str, subject: str) -> None:
        self._ground.client.set_group_name(self._ground.people.wire(group_id), subject)

    def set_group_description(self, group_id: str, description: str) -> None:
        client, jid = self._ground.client, self._ground.people.wire(group_id)
        earlier = client.get_group_info(jid).GroupTopic.TopicID
        client.set_group_topic(jid, earlier, client.generate_message_id(), description)

    def group_settings(self, group_id: str) -> GroupSettings:
        info = self._ground.client.get_group_info(self._ground.people.wire(group_id))
        timer = info.GroupEphemeral.DisappearingTimer
        return GroupSettings(info.GroupAnnounce.IsAnnounce, info.GroupLocked.isLocked, timer)

    def set_group_settings(
        self, group_id: str, *, announce: bool | None, locked: bool | None, ephemeral_seconds: int | None
    ) -> GroupSettings:
        """Change what is given."""
        client, jid = self._ground.client, self._ground.people.wire(group_id)
        if announce is not None:
            client.set_group_announce(jid, announce)
        if locked is not None:
            client.set_group_locked(jid, locked)
        if ephemeral_seconds is not None:
            client.set_disappearing_timer(jid, ephemeral_seconds * 10**9)
        return self.group_settings(group_id)

    def invite_code(self, group_id: str, *, revoke: bool) -> str:
        """The code of the invite link, a new one where the old shall be void."""
        link = self._ground.client.get_group_invite_link(self._ground.people.wire(group_id), revoke)
        return str(link).rpartition("/")[2]

    def join_group(self, code: str) -> Group:
        """Raises NotOnAccount for a code that is not valid."""
        client = self._ground.client
        return self._group(client.get_group_info(client.join_group_with_link(code)))

    def leave_group(self, group_id: str) -> None:
        self._ground.client.leave_group(self._ground.people.wire(group_id))

    def _group(self, info: Any) -> Group:
        people, own = self._ground.people, self._ground.people.own()
        participants = tuple(self._participant(each) for each in info.Participants)
        parent = info.GroupLinkedParent.LinkedParentJID if info.HasField("GroupLinkedParent") else None
        return Group(
            id=people.neutral(info.JID),
            name=info.GroupName.Name,
            participants=participants,
            description=info.GroupTopic.Topic or None,
            owner=people.neutral(info.OwnerJID, info.OwnerPN) if info.OwnerJID.User else None,
            created_at=int(info.GroupCreated) or None,
            announce=info.GroupAnnounce.IsAnnounce,
            locked=info.GroupLocked.isLocked,
            is_admin=any(each.id == own and each.is_admin for each in participants),
            linked_parent=people.neutral(parent) if parent is not None and parent.User else None,
        )

    def _participant(self, each: Any) -> Participant:
        address = self._ground.people.neutral(each.JID, each.PhoneNumber)
        number = addresses.phone(address) or ""
        return Participant(
            address, number, each.DisplayName or None, each.IsAdmin or each.IsSuperAdmin, each.IsSuperAdmin
        )

    # --- channels

    def channels(self) -> list[Channel]:
        """The channels that the account follows."""
        return [_channel(each) for each in self._ground.client.get_subscribed_newletters()]

    def channel(self, channel_id: str) -> Channel:
        return _channel(self._ground.client.get_newsletter_info(self._ground.people.wire(channel_id)))

    def channel_messages(self, channel_id: str, limit: int) -> list[ChannelMessage]:
        """Newest first."""
        jid = self._ground.people.wire(channel_id)
        found = [_post(channel_id, each) for each in self._ground.client.get_newsletter_messages(jid, limit, 0)]
        return found[::-1]

    def follow_channel(self, invite_code: str) -> Channel:
        client = self._ground.client
        found = client.get_newsletter_info_with_invite(invite_code)
        client.follow_newsletter(found.ID)
        return _channel(found)

    def unfollow_channel(self, channel_id: str) -> None:
        self._ground.client.unfollow_newsletter(self._ground.people.wire(channel_id))

    # --- status posts

    def statuses(self) -> list[StatusPost]:
        """What was posted in the last 24 hours, newest first."""
        kept = self._ground.notebook.latest(addresses.STATUS, _MOST_STATUSES, since=int(time.time()) - _DAY)
        return [_status(frames.unpack(each.packed, base.Message)) for each in reversed(kept)]

    def post_status(self, key: str, kind: str, what: dict[str, Any]) -> StatusPost:
        """Post for everybody whom the account's privacy settings let see it."""
        if kind == "StatusText":
            text = frames.convert(what, base.StatusText)
            kind, what = "Text", {"body": text.body}
        sent = self._sending.send(key, addresses.STATUS, kind, what, None)
        body = what.get("body") or what.get("caption")
        message = base.Message(
            sent.message_id,
            addresses.STATUS,
            self._ground.people.own(),
            "text",
            body or "",
            sent.timestamp,
            from_me=True,
        )
        return _status(message)

    def delete_status(self, status_id: str) -> None:
        client, jid = self._ground.client, self._ground.people.wire(addresses.STATUS)
        own = client.get_me().JID
        self._ground.send(jid, build_revoke(jid, own, ids.stanza(status_id), own))


def _status(message: base.Message) -> StatusPost:
    return StatusPost(
        id=message.id,
        sender=message.sender,
        type=message.type,
        timestamp=message.timestamp,
        expires_at=message.timestamp + _DAY,
        from_me=message.from_me,
        sender_name=message.push_name,
        body=message.body or None,
    )


def _channel(found: Any) -> Channel:
    meta = found.ThreadMeta
    return Channel(
        id=f"{found.ID.User}@newsletter",
        name=meta.Name.Text,
        description=meta.Description.Text or None,
        invite_code=meta.InviteCode or None,
        subscribers=meta.SubscriberCount,
        verified=meta.VerificationState == 1,
        created_at=meta.CreationTime or None,
        picture=meta.Picture.URL or None,
    )


def _post(channel_id: str, each: Any) -> ChannelMessage:
    said = content.said(content.unwrapped(each.Message))
    return ChannelMessage(
        id=f"{channel_id}_{each.MessageServerID}",
        body=said.body if said else "",
        timestamp=0,
        has_media=bool(said and said.has_media),
    )
