"""Channels and status posts of a simulated session."""

from collections.abc import Sequence

from engines import addresses, base
from engines.simulator.drafts import draft_of
from engines.simulator.messages import Messages
from engines.simulator.people import stanza_in, stanza_of
from engines.simulator.post import own_id, their_id
from engines.simulator.registry import Feed, Story
from engines.things import Channel, ChannelMessage, StatusPost

_DAY = 24 * 60 * 60


class Feeds(Messages):
    """`engines.verbs.ChannelVerbs` and `StatusVerbs`."""

    # --- channels --------------------------------------------------------------------------------

    def channels(self) -> list[Channel]:
        """The channels the account follows."""
        self._ready()
        found = self._world.registry.channels
        return [_channel(found[one]) for one in sorted(self._account.following) if one in found]

    def channel(self, channel_id: str) -> Channel:
        """One channel that the account follows. Raises NotOnAccount."""
        return _channel(self._followed(channel_id))

    def channel_messages(self, channel_id: str, limit: int) -> list[ChannelMessage]:
        """The newest posts of a channel, the newest first."""
        posts = self._followed(channel_id).posts
        return [ChannelMessage(*post) for post in reversed(posts[-limit:])]

    def follow_channel(self, invite_code: str) -> Channel:
        """Follow the channel of that code. NotOnAccount for a code that is worth nothing."""
        self._ready()
        feeds = self._world.registry.channels.values()
        feed = next((feed for feed in feeds if feed.invite == invite_code), None)
        if feed is None:
            raise base.NotOnAccount("The invite code is not valid")
        with self._world.change():
            self._account.following.add(feed.id)
            self._world.save_profile(self._account)
        return _channel(feed)

    def unfollow_channel(self, channel_id: str) -> None:
        """Follow the channel no more."""
        feed = self._followed(channel_id)
        with self._world.change():
            self._account.following.discard(feed.id)
            self._world.save_profile(self._account)

    def _followed(self, channel_id: str) -> Feed:
        self._ready()
        feed = self._world.registry.channels.get(channel_id)
        if feed is None or channel_id not in self._account.following:
            raise base.NotOnAccount(f"Channel {channel_id} not found")
        return feed

    # --- status posts ----------------------------------------------------------------------------

    def statuses(self) -> list[StatusPost]:
        """The posts of the last 24 hours that the account may see, the newest first."""
        self._ready()
        since = self._now() - _DAY
        with self._world.change():
            stories = [story for story in self._world.registry.stories.values() if story.timestamp > since]
        seen = [self._status(story) for story in reversed(stories) if self._sees(story)]
        return sorted(seen, key=lambda post: post.timestamp, reverse=True)

    def post_status(self, key: str, content: base.StatusContent, recipients: Sequence[str] = ()) -> StatusPost:
        """Post a text, an image or a video, unless the admin ordered otherwise; the same key again is the same post."""
        return self._as_ordered(lambda: self._post(key, content, recipients))

    def _post(self, key: str, content: base.StatusContent, recipients: Sequence[str]) -> StatusPost:
        story_id = own_id(self._account, addresses.STATUS, stanza_of(f"{self._account.session_id} {key}"))
        known = self._world.registry.stories.get(story_id)
        if known is not None:
            return self._status(known)
        story = Story(story_id, self._account.address, "text", "", self._now(), recipients=list(recipients))
        draft = None
        if isinstance(content, base.StatusText):
            story.body, story.background, story.font = content.body, content.background, content.font
        else:
            story.type, story.body = content.kind, content.caption or ""
            draft = draft_of(base.Outgoing(key, addresses.STATUS, content), None, self._world.blobs, keep=True)
        with self._world.change():
            self._world.post.publish(story, draft)
        return self._status(story)

    def delete_status(self, status_id: str) -> None:
        """Take an own post back. Raises NotOnAccount."""
        self._ready()
        story = self._world.registry.stories.get(status_id)
        if story is None or story.sender != self._account.address:
            raise base.NotOnAccount(f"Status {status_id} not found")
        with self._world.change():
            self._world.post.withdraw(story)

    def _sees(self, story: Story) -> bool:
        own = self._account.address
        return story.sender == own or not story.recipients or own in story.recipients

    def _status(self, story: Story) -> StatusPost:
        own = story.sender == self._account.address
        return StatusPost(
            id=story.id if own else their_id(addresses.STATUS, stanza_in(story.id), story.sender),
            sender=story.sender,
            type=story.type,
            timestamp=story.timestamp,
            expires_at=story.timestamp + _DAY,
            from_me=own,
            sender_name=self._world.name_of(story.sender),
            body=story.body,
            background=story.background,
            font=story.font,
        )


def _channel(feed: Feed) -> Channel:
    return Channel(
        id=feed.id,
        name=feed.name,
        description=feed.description,
        invite_code=feed.invite,
        subscribers=feed.subscribers,
        verified=feed.verified,
        created_at=feed.created,
    )
