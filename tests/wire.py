"""A client of OpenWA's wire, ours, in the manner of the published ones: resources with methods, typed errors.

Written from the facts of that wire and not from our document, so that it can tell where we left it. Like those clients
it never retries, follows no redirect, keeps `@ : +` in paths, and makes nothing of an empty answer.
"""

from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from werkzeug.test import Client

_S = "/sessions/{}"
_M, _G, _C, _W = f"{_S}/messages", f"{_S}/groups", f"{_S}/contacts", f"{_S}/webhooks"
_SENDS = ("text", "image", "video", "audio", "document", "sticker", "location", "contact", "template")
CALLS: dict[str, dict[str, str]] = {
    "sessions": {
        "list": "GET /sessions", "get": f"GET {_S}", "create": "POST /sessions", "delete": f"DELETE {_S}",
        "start": f"POST {_S}/start", "stop": f"POST {_S}/stop", "force_kill": f"POST {_S}/force-kill",
        "get_qr_code": f"GET {_S}/qr", "request_pairing_code": f"POST {_S}/pairing-code",
        "stats": "GET /sessions/stats/overview",
    },
    "messages": {
        "list": f"GET {_M}", **{f"send_{kind}": f"POST {_M}/send-{kind}" for kind in _SENDS},
        "reply": f"POST {_M}/reply", "forward": f"POST {_M}/forward", "react": f"POST {_M}/react",
        "delete": f"POST {_M}/delete", "history": f"GET {_M}/{{}}/history",
        "reactions": f"GET {_M}/{{}}/{{}}/reactions",
        "send_bulk": f"POST {_M}/send-bulk", "batch_status": f"GET {_M}/batch/{{}}",
        "cancel_batch": f"POST {_M}/batch/{{}}/cancel",
    },
    "contacts": {
        "list": f"GET {_C}", "get": f"GET {_C}/{{}}", "check": f"GET {_C}/check/{{}}", "phone": f"GET {_C}/{{}}/phone",
        "profile_picture": f"GET {_C}/{{}}/profile-picture", "block": f"POST {_C}/{{}}/block",
        "unblock": f"DELETE {_C}/{{}}/block",
    },
    "groups": {
        "list": f"GET {_G}", "get": f"GET {_G}/{{}}", "create": f"POST {_G}",
        "add_participants": f"POST {_G}/{{}}/participants", "remove_participants": f"DELETE {_G}/{{}}/participants",
        "promote_participants": f"POST {_G}/{{}}/participants/promote",
        "demote_participants": f"POST {_G}/{{}}/participants/demote", "set_subject": f"PUT {_G}/{{}}/subject",
        "set_description": f"PUT {_G}/{{}}/description", "leave": f"POST {_G}/{{}}/leave",
        "invite_code": f"GET {_G}/{{}}/invite-code", "revoke_invite_code": f"POST {_G}/{{}}/invite-code/revoke",
    },
    "webhooks": {
        "list": f"GET {_W}", "get": f"GET {_W}/{{}}", "create": f"POST {_W}", "update": f"PUT {_W}/{{}}",
        "delete": f"DELETE {_W}/{{}}", "test": f"POST {_W}/{{}}/test",
    },
    "chats": {
        "list": f"GET {_S}/chats", "mark_read": f"POST {_S}/chats/read", "mark_unread": f"POST {_S}/chats/unread",
        "delete": f"POST {_S}/chats/delete", "send_state": f"POST {_S}/chats/typing",
    },
    "labels": {
        "list": f"GET {_S}/labels", "get": f"GET {_S}/labels/{{}}", "for_chat": f"GET {_S}/labels/chat/{{}}",
        "add_to_chat": f"POST {_S}/labels/chat/{{}}", "remove_from_chat": f"DELETE {_S}/labels/chat/{{}}/{{}}",
    },
    "channels": {
        "list": f"GET {_S}/channels", "get": f"GET {_S}/channels/{{}}", "messages": f"GET {_S}/channels/{{}}/messages",
        "subscribe": f"POST {_S}/channels/subscribe", "unsubscribe": f"DELETE {_S}/channels/{{}}",
    },
    "catalog": {
        "info": f"GET {_S}/catalog", "products": f"GET {_S}/catalog/products",
        "product": f"GET {_S}/catalog/products/{{}}", "send_product": f"POST {_M}/send-product",
        "send_catalog": f"POST {_M}/send-catalog",
    },
    "status": {
        "list": f"GET {_S}/status", "from_contact": f"GET {_S}/status/{{}}", "send_text": f"POST {_S}/status/send-text",
        "send_image": f"POST {_S}/status/send-image", "send_video": f"POST {_S}/status/send-video",
        "delete": f"DELETE {_S}/status/{{}}",
    },
    "templates": {
        "list": f"GET {_S}/templates", "get": f"GET {_S}/templates/{{}}", "create": f"POST {_S}/templates",
        "update": f"PUT {_S}/templates/{{}}", "delete": f"DELETE {_S}/templates/{{}}",
    },
    "health": {"check": "GET /health", "live": "GET /health/live", "ready": "GET /health/ready"},
    "auth": {"validate": "POST /auth/validate"},
}  # fmt: skip


class ApiError(Exception):
    """An answer that is no success: its status, its body, and what the body calls it."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status} {body}")
        self.status, self.body = status, body
        self.error_kind = body["error"]


class Wire:
    """`Wire(client, key).messages.send_text(session, chatId=…, text=…)`; `query` goes into the address."""

    def __init__(self, client: Client, key: str) -> None:
        self._client, self._key = client, key
        self.used: set[str] = set()
        for resource, methods in CALLS.items():
            made = {name: self._method(f"{resource}.{name}", call) for name, call in methods.items()}
            setattr(self, resource, SimpleNamespace(**made))

    def request(self, call: str, **body: Any) -> Any:
        """A call that has no method, `PUT /settings`."""
        return self._method("client.request", call)(**body)

    def _method(self, name: str, call: str) -> Any:
        method, template = call.split(" ")

        def make(*places: str, query: Any = None, **body: Any) -> Any:
            self.used.add(name)
            path = template.format(*(quote(place, safe="@:+") for place in places))
            sent = {"json": body} if body else {}
            headers = {"X-API-Key": self._key, "Accept": "application/json"}
            answer = self._client.open(f"/api{path}", method=method, headers=headers, query_string=query, **sent)
            if not 200 <= answer.status_code < 300:
                raise ApiError(answer.status_code, answer.json)
            return answer.json if answer.get_data() else None

        return make
