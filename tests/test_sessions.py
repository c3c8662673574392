"""Sessions, from creation to deletion."""

from tests.support import Gateway


def test_a_new_session_is_created_and_stands_first_in_the_list(gateway: Gateway) -> None:
    made = gateway.post("/sessions", json={"name": "my-bot"})

    assert made.status_code == 201
    assert (made.json["name"], made.json["status"]) == ("my-bot", "created")
    assert gateway.get("/sessions").json == [made.json]


def test_a_session_links_by_itself_and_sends(gateway: Gateway) -> None:
    session = gateway.session(ready=True)

    sent = gateway.post(f"/sessions/{session}/messages/send-text", json={"chatId": "628123456789@c.us", "text": "hi"})

    assert sent.status_code == 201
    assert gateway.get("/sessions/my-bot/messages").json["messages"][0]["waMessageId"] == sent.json["messageId"]
