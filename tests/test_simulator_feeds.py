"""Labels, channels, status posts, the catalogue, the profile and calls of the simulator."""

import pytest

from engines import base, verbs
from tests.simulator_stage import ADA, Stage, text

WEATHER = "0029SimulatorWeather01"


@pytest.fixture
def stage(tmp_path):
    stage = Stage(tmp_path)
    yield stage
    stage.world.close()


@pytest.fixture
def one(stage):
    return stage.session("one")


def test_the_simulator_can_do_everything(one):
    assert isinstance(one, verbs.Everything)
    assert one.capabilities == frozenset(base.Capability)


def test_labels_are_put_on_a_chat_and_taken_off(stage, one):
    one.add_label(ADA, "2")
    one.add_label(ADA, "1")
    one.remove_label(ADA, "2")
    stage.restart()
    assert [label.name for label in stage.session("one").chat_labels(ADA)] == ["New customer"]


def test_an_unknown_label_is_not_on_the_account(one):
    with pytest.raises(base.NotOnAccount):
        one.add_label(ADA, "99")


def test_a_new_account_follows_a_channel_with_posts(one):
    (channel,) = one.channels()
    assert channel.name == "Simulator news"
    assert [post.body for post in one.channel_messages(channel.id, 2)] == ["Issue 3", "Issue 2"]


def test_channels_are_followed_and_unfollowed(stage, one):
    (news,) = one.channels()
    followed = one.follow_channel(WEATHER)
    one.unfollow_channel(news.id)
    stage.restart()
    assert [channel.id for channel in stage.session("one").channels()] == [followed.id]


def test_a_channel_that_is_not_followed_is_not_on_the_account(one):
    with pytest.raises(base.NotOnAccount):
        one.channel_messages("120363000000000102@newsletter", 10)


def test_a_post_in_a_channel_reaches_its_followers(stage, one):
    (news,) = one.channels()
    stage.control.publish(news.id, "Issue 4")
    stage.clock.advance()
    assert [message.body for message in stage.sinks["one"].messages] == ["Issue 4"]
    assert one.channel_messages(news.id, 1)[0].body == "Issue 4"


def test_a_status_lasts_a_day_and_is_posted_once(stage, one):
    first = one.post_status("key-1", base.StatusText("Good morning", "#25D366", 1))
    again = one.post_status("key-1", base.StatusText("Good morning", "#25D366", 1))
    assert first == again
    assert one.statuses() == [first]
    stage.clock.advance(24 * 60 * 60)
    assert one.statuses() == []


def test_of_two_statuses_in_one_second_the_later_comes_first(one):
    posts = [one.post_status(key, base.StatusText(key)) for key in ("key-1", "key-2")]
    assert one.statuses() == posts[::-1]


def test_a_status_of_a_contact_is_seen_and_told(stage, one):
    stage.control.post_status(ADA, "Poetical science")
    stage.clock.advance()
    assert [(post.sender, post.body) for post in one.statuses()] == [(ADA, "Poetical science")]
    (message,) = stage.sinks["one"].messages
    assert (message.chat, message.sender) == ("status@broadcast", ADA)


def test_a_channel_is_a_chat_and_the_status_feed_is_not(stage, one):
    (news,) = one.channels()
    stage.control.publish(news.id, "Issue 4")
    stage.control.post_status(ADA, "Poetical science")
    assert [(chat.id, chat.name) for chat in one.chats()] == [(news.id, "Simulator news")]
    with pytest.raises(base.Refused):
        one.send(text(news.id))


def test_a_status_is_for_its_recipients(stage, one):
    two = stage.session("two")
    one.post_status("key-1", base.StatusText("Only Ada"), [ADA])
    one.post_status("key-2", base.StatusText("You two"), [stage.address("two")])
    assert [post.body for post in two.statuses()] == ["You two"]


def test_only_own_statuses_are_deleted(stage, one):
    stage.control.post_status(ADA, "Mine")
    (theirs,) = one.statuses()
    with pytest.raises(base.NotOnAccount):
        one.delete_status(theirs.id)
    own = one.post_status("key-1", base.StatusText("Oops"))
    one.delete_status(own.id)
    assert one.statuses() == [theirs]


def test_products_come_in_pages(one):
    page, total = one.products(2, 2)
    assert ([product.name for product in page], total) == (["Tea, green", "Cup"], 5)
    assert one.product(page[0].id) == page[0]
    assert one.product("1") is None


def test_a_product_is_sent_with_its_address(stage, one):
    ((product,), _) = one.products(1, 1)
    one.send_product("key-1", ADA, product.id, "For you")
    (entry,) = stage.control.inbox(ADA)
    assert entry["body"] == f"For you\nTeapot\n{product.url}"


def test_a_name_is_kept_over_a_restart(stage, one):
    one.set_profile_name("Tea for two")
    one.stop()
    one.start()
    stage.clock.advance()
    assert stage.sinks["one"].of(base.StateChanged)[-1].push_name == "Tea for two"


def test_a_ringing_call_is_rejected_once(stage, one):
    call = stage.control.call("one", ADA, video=True)
    stage.clock.advance()
    (event,) = stage.sinks["one"].of(base.CallReceived)
    assert (event.call_id, event.caller, event.video) == (call, ADA, True)
    one.reject_call(call)
    with pytest.raises(base.NotOnAccount):
        one.reject_call(call)
