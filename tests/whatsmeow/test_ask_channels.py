"""What the engine answers when asked about channels and statuses."""

import pytest

from tests.whatsmeow.kit import Line, address

# isort: split
from engines import base
from engines.things import Channel
from tests.whatsapp.nodes import STATUS, Node
from tests.whatsapp.queries import channel
from tests.whatsapp.schema import e2e
from tests.whatsmeow.test_ask import JPEG


@pytest.fixture
def news(shared):
    """A channel that there is."""
    shared.double.server.queries.channels.append(channel("120363000000000001", "News"))
    yield Channel("120363000000000001@newsletter", "News", "All about it", "Code123", 42, True, 1_700_000_000)  # noqa: FBT003
    shared.double.server.queries.channels.clear()


def test_no_channels_is_an_empty_list(shared):
    assert shared.engine.channels() == []


def test_channels_are_told(shared, news):
    assert shared.engine.channels() == [news]
    assert shared.engine.channel(news.id) == news


def test_a_channel_is_followed_by_its_invite(shared, news):
    assert shared.engine.follow_channel("Code123") == news
    shared.engine.unfollow_channel(news.id)
    asked = [question["variables"] for question in shared.double.server.queries.graph[-2:]]
    assert [each["newsletter_id"] for each in asked] == [news.id, news.id]


def test_the_posts_of_a_channel_are_told_newest_first(shared, news):
    posts = [e2e.Message(conversation=text).SerializeToString() for text in ("one", "two", "three")]
    shared.double.server.queries.posts[:] = posts
    told = shared.engine.channel_messages(news.id, 2)
    assert [("three", f"{news.id}_103"), ("two", f"{news.id}_102")] == [(each.body, each.id) for each in told]


def posted_next(line: Line):
    """The next status that the account's own phone sees."""
    while (got := line.phone.next()).chat != STATUS:
        pass
    return got.message


def test_a_picture_is_posted_as_a_status_and_deleted(shared, file):
    picture = base.Media("image", file(JPEG), len(JPEG), "image/jpeg", caption="my view")
    posted = shared.engine.post_status("status-2", picture)
    assert "my view" == posted_next(shared).imageMessage.caption
    shared.engine.delete_status(posted.id)
    assert posted.id.split("_")[2] == posted_next(shared).protocolMessage.key.ID


def test_a_status_is_posted_and_listed(shared, contact):
    shared.heard(contact, "I know you")
    posted = shared.engine.post_status("status-1", base.StatusText("my story"))
    assert (posted.body, posted.from_me, posted.expires_at - posted.timestamp) == ("my story", True, 86_400)
    assert posted.id in {each.id for each in shared.engine.statuses()}


def test_a_status_of_a_contact_is_listed(shared, contact):
    device = shared.phone.device
    secret = contact.sender_keys.distribution(STATUS.user)
    told = e2e.Message(
        senderKeyDistributionMessage={"groupID": str(STATUS), "axolotlSenderKeyDistributionMessage": secret}
    )
    sealed = contact.sender_keys.encrypt(STATUS.user, e2e.Message(conversation="look at me").SerializeToString())
    attrs = {"id": "3ASTATUS", "from": STATUS, "participant": contact.account.lid, "t": 1_800_000_000, "type": "text"}
    attrs["participant_pn"] = contact.account.phone
    encs = [contact.sealed(device, told), Node("enc", {"v": "2", "type": "skmsg"}, sealed)]
    shared.double.run(device.deliver(Node("message", attrs, encs)))
    story = shared.message(lambda message: message.chat == "status@broadcast" and not message.from_me)
    assert (story.body, story.sender) == ("look at me", address(contact))
    assert "look at me" in {each.body for each in shared.engine.statuses()}
