"""What a program in Python does with the generated client. Prints a word for each thing that went as it should."""

import base64
import hashlib
import hmac
import json
import queue
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import openwa_gateway_client as openwa
from openwa_gateway_client import exceptions

URL, ADMIN = sys.argv[1:]
SECRET = "a secret for the drive"
deliveries: queue.Queue = queue.Queue()


class Endpoint(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        if hmac.compare_digest(signature, self.headers["X-OpenWA-Signature"]):
            deliveries.put(openwa.WebhookEnvelope.from_dict(json.loads(body)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def client(key: str) -> openwa.ApiClient:
    return openwa.ApiClient(openwa.Configuration(host=URL, api_key={"apiKey": key}))


def refused(kind: type[Exception], call) -> openwa.Problem:
    """What the error that the call raises says; it has to be of that kind."""
    try:
        call()
    except kind as error:
        return error.data
    raise AssertionError(f"no {kind.__name__}")


admin = client(ADMIN)
made = openwa.AuthApi(admin).create_api_key(openwa.CreateApiKey(name="Drive", role="operator"))
viewer = openwa.AuthApi(admin).create_api_key(openwa.CreateApiKey(name="Look", role="viewer"))
operator = client(made.api_key)
print("keys")

sessions = openwa.SessionsApi(operator)
sessions.create(openwa.CreateSession(name="python"))
sessions.start("python")
while sessions.get("python").status != "ready":
    time.sleep(0.05)
print("session")

server = HTTPServer(("127.0.0.1", 0), Endpoint)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/"
hooks = openwa.WebhooksApi(operator)
hook = hooks.create("python", openwa.CreateWebhook(url=url, events=["message.sent"], secret=SECRET))
assert hooks.list_of_session("python")[0].id == hook.id

messages = openwa.MessagesApi(operator)
sent = messages.send_text("python", openwa.SendText(chat_id="447700900123@c.us", text="Hello from Python"))
print("text")
png = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 16).decode()
image = openwa.SendMedia(chat_id="447700900123@c.us", base64=png, mimetype="image/png")
assert messages.send_image("python", image).message_id != sent.message_id
print("image")

told = deliveries.get(timeout=20)
assert told.event == "message.sent"
assert openwa.MessageData.from_dict(told.data).body == "Hello from Python"
print("webhook")

history = messages.list_all("python", limit=10).messages
assert [one.type for one in history] == ["image", "text"]
assert history[1].wa_message_id == sent.message_id
page = openwa.EventsApi(operator).list_all(type=["message.sent"])
assert page.events[0].actual_instance.data.id == sent.message_id
print("history")

for name in ("python-2", "python-3"):
    sessions.create(openwa.CreateSession(name=name))
pages = [sessions.list_all(limit=1, offset=offset)[0].name for offset in range(3)]
assert pages == ["python-3", "python-2", "python"], pages
print("pages")

wrong = openwa.SendText.model_construct(chat_id="447700900123@c.us", text="")
problem = refused(exceptions.BadRequestException, lambda: messages.send_text("python", wrong))
assert (problem.code, len(problem.problems), problem.retryable) == ("invalid_request", 1, False), problem
assert refused(exceptions.UnauthorizedException, lambda: openwa.SessionsApi(client("no")).list_all()).status == 401
lookers = openwa.SessionsApi(client(viewer.api_key))
new = openwa.CreateSession(name="python")
assert refused(exceptions.ForbiddenException, lambda: lookers.create(new)).title == "Forbidden"
unknown = refused(exceptions.NotFoundException, lambda: sessions.get("nobody"))
assert unknown.detail == "Session 'nobody' not found"
assert unknown.instance.startswith("urn:request:")
assert refused(exceptions.ConflictException, lambda: sessions.create(new)).code == "conflict"
print("errors")
sessions.delete("python")
