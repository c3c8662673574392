"""Channels that the account follows."""

from tests.support import Gateway

NEWS, WEATHER = "120363000000000101@newsletter", "120363000000000102@newsletter"
WEATHER_CODE = "0029SimulatorWeather01"
CHANNELS = "/sessions/my-bot/channels"


def test_a_channel_tells_what_is_known_of_it(ready: Gateway) -> None:
    (news,) = ready.get(CHANNELS).json

    assert {
        "id": NEWS,
        "name": "Simulator news",
        "description": "What is new in a world that does not exist",
        "inviteCode": "0029SimulatorNews00001",
        "subscriberCount": 12_345,
        "verified": True,
        "createdAt": 1_767_225_600,
    } == news
    assert news == ready.get(f"{CHANNELS}/{NEWS}").json


def test_a_channel_is_followed_once_by_its_code_and_unfollowed(ready: Gateway) -> None:
    codes = (WEATHER_CODE, f"https://whatsapp.com/channel/{WEATHER_CODE}")
    answers = [ready.post(f"{CHANNELS}/subscribe", json={"inviteCode": code}) for code in codes]

    assert [(201, WEATHER)] * 2 == [(answer.status_code, answer.json["id"]) for answer in answers]
    assert [NEWS, WEATHER] == [channel["id"] for channel in ready.get(CHANNELS).json]
    assert [WEATHER] == [channel["id"] for channel in ready.get(f"{CHANNELS}?limit=1&offset=1").json]
    gone = ready.delete(f"{CHANNELS}/{WEATHER}")
    assert (200, {"success": True}) == (gone.status_code, gone.json)
    assert [NEWS] == [channel["id"] for channel in ready.get(CHANNELS).json]


def test_a_channel_followed_with_an_idempotency_key_is_asked_for_once(ready: Gateway) -> None:
    key = {"Idempotency-Key": "k"}
    codes = (WEATHER_CODE, WEATHER_CODE, "0029SimulatorNews00001")
    first, again, other = (
        ready.post(f"{CHANNELS}/subscribe", json={"inviteCode": code}, headers=key) for code in codes
    )

    assert (201, first.json, 422) == (again.status_code, again.json, other.status_code)


def test_posts_are_read_newest_first(ready: Gateway) -> None:
    posts = ready.get(f"{CHANNELS}/{NEWS}/messages").json

    assert ["Issue 3", "Issue 2", "Issue 1"] == [post["body"] for post in posts]
    assert (False, None) == (posts[0]["hasMedia"], posts[0]["mediaUrl"])
    assert posts[:1] == ready.get(f"{CHANNELS}/{NEWS}/messages?limit=1").json


def test_what_is_not_followed_is_not_found(ready: Gateway) -> None:
    told = [
        ready.get(f"{CHANNELS}/{WEATHER}"),
        ready.get(f"{CHANNELS}/{WEATHER}/messages"),
        ready.delete(f"{CHANNELS}/{WEATHER}"),
    ]
    assert [(404, f"Channel {WEATHER} not found")] * 3 == [(a.status_code, a.json["message"]) for a in told]
    answer = ready.post(f"{CHANNELS}/subscribe", json={"inviteCode": "worth-nothing"})
    assert (400, "The invite code is not valid") == (answer.status_code, answer.json["message"])


def test_what_makes_no_sense_is_refused(ready: Gateway) -> None:
    """A number of posts that is none, and what is no channel's address."""
    asked = [f"/{NEWS}/messages?limit={limit}" for limit in ("0", "101", "many")] + ["/447700900006@c.us"]
    assert [400] * 4 == [ready.get(CHANNELS + path).status_code for path in asked]


def test_a_body_that_holds_no_code_is_refused(ready: Gateway) -> None:
    bodies = [{}, {"inviteCode": ""}, {"inviteCode": 7}, {"inviteCode": "x" * 129}, {"code": "x"}]
    answers = [ready.post(f"{CHANNELS}/subscribe", json=body) for body in bodies]
    assert [(400, list)] * len(bodies) == [(answer.status_code, type(answer.json["message"])) for answer in answers]
