"""The house rules of the API document: what is missing in a new operation, these tests tell."""

import inspect
import json
import os
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path

import openapi_spec_validator
import pytest

from gateway import __version__
from gateway.document import bundle, resolve
from gateway.validation import argument
from tests.spec import EXTENSIONS, SENTENCE, operations, schemas
from tests.support import document

ROOT = Path(__file__).parent.parent
READ_ONLY = {"infra.update_config", "settings.update"}
HOUSE = {
    "db",
    "engines",
    "sender",
    "keeper",
    "bulk",
    "delivery",
    "now",
    "caller",
    "settings",
    "usage",
    "metrics",
    "document",
    "world",
}


def test_the_document_is_valid_openapi() -> None:
    openapi_spec_validator.validate(bundle())


def test_the_document_names_the_release_that_runs() -> None:
    assert __version__ == document()["info"]["version"]


def test_every_operation_says_what_it_is() -> None:
    for operation in operations():
        needed = {"summary", "description", "operationId", "tags", "x-required-role", "responses"}
        assert set() == needed - operation.raw.keys(), operation.path


def test_every_operation_has_one_tag_that_the_document_describes() -> None:
    described = {tag["name"] for tag in document()["tags"] if SENTENCE.match(tag["description"])}
    assert [] == [o.id for o in operations() if len(o.raw["tags"]) != 1 or o.raw["tags"][0] not in described]


def test_operation_ids_are_unique() -> None:
    ids = [operation.id for operation in operations()]
    assert sorted(set(ids)) == sorted(ids)


@pytest.mark.parametrize("operation", operations(), ids=lambda o: o.id)
def test_an_operation_is_a_function_with_its_parameters_as_arguments(operation) -> None:
    tag, name = operation.id.split(".")
    handler = getattr(import_module(f"handlers.{tag}"), name)
    expected = {argument(parameter["name"]) for parameter in operation.parameters}
    expected |= {"body"} if operation.body is not None else set()
    assert (tag, expected) == (operation.raw["tags"][0], set(inspect.signature(handler).parameters) - HOUSE)


@pytest.mark.parametrize("operation", operations(), ids=lambda o: o.id)
def test_a_parameter_that_may_be_missing_is_an_argument_that_may_be_missing(operation) -> None:
    tag, name = operation.id.split(".")
    arguments = inspect.signature(getattr(import_module(f"handlers.{tag}"), name)).parameters
    may = {argument(p["name"]) for p in operation.parameters if not p.get("required") and "default" not in p["schema"]}
    assert may == {name for name, one in arguments.items() if one.default is not inspect.Parameter.empty}


def test_no_handler_is_without_its_operation() -> None:
    """A public function of a tag's module that takes only what operations take is one."""
    known = {operation.id for operation in operations()}
    taken = {argument(p["name"]) for o in operations() for p in o.parameters} | {"body"} | HOUSE
    orphans = [
        f"{tag}.{name}"
        for tag in {o.raw["tags"][0] for o in operations()}
        for name, function in inspect.getmembers(import_module(f"handlers.{tag}"), inspect.isfunction)
        if function.__module__ == f"handlers.{tag}"
        and not name.startswith("_")
        and set(inspect.signature(function).parameters) <= taken
        and f"{tag}.{name}" not in known
    ]
    assert [] == orphans


def test_public_is_whatever_needs_no_key() -> None:
    assert [] == [o.id for o in operations() if o.secured == (o.raw["x-required-role"] == "public")]


def test_extensions_are_spelt_as_the_house_spells_them() -> None:
    strange = [
        f"{name}: {value}"
        for holder in [*(o.raw for o in operations()), *(s for _, s in schemas())]
        for name, value in holder.items()
        if name.startswith("x-") and (name not in EXTENSIONS or (EXTENSIONS[name] and value not in EXTENSIONS[name]))
    ]
    assert [] == strange


def test_every_secured_operation_documents_what_the_guards_answer() -> None:
    for operation in operations():
        if operation.secured:
            assert set() == {"400", "401", "403", "429", "500", "503"} - operation.responses.keys(), operation.id


def test_every_open_operation_documents_what_befalls_it() -> None:
    for operation in operations():
        if not operation.secured:
            limited = {"429"} if operation.raw.get("x-rate-limit") != "exempt" else set()
            drained = {"503"} if operation.raw.get("x-while-draining") != "answers" else set()
            assert {"400", "500"} | limited | drained <= operation.responses.keys(), operation.id


def test_an_exempt_operation_promises_no_429() -> None:
    exempt = [o for o in operations() if o.raw.get("x-rate-limit") == "exempt"]
    assert [] == [o.id for o in exempt if "429" in o.responses]


def test_an_operation_that_an_engine_may_not_be_capable_of_documents_501() -> None:
    """Only the simulator's own operations, and those that change what no request changes, answer it otherwise."""
    strange = [o.id for o in operations() if ("x-capability" in o.raw) != ("501" in o.responses)]
    assert [] == [o for o in strange if not o.startswith("simulator.") and o not in READ_ONLY]


def test_every_operation_with_a_body_documents_413_and_415() -> None:
    assert [] == [o.id for o in operations() if o.body is not None and not {"413", "415"} <= o.responses.keys()]


def test_no_operation_without_a_body_promises_415() -> None:
    assert [] == [o.id for o in operations() if o.body is None and "415" in o.responses]


def test_every_operation_on_something_named_in_its_path_documents_404() -> None:
    assert [] == [o.id for o in operations() if "{" in o.path and "404" not in o.responses]


def test_every_operation_has_one_success_and_a_send_has_three() -> None:
    """Sent now, queued, and only looked at: a caller chooses by a field and two headers. Settings are never changed."""
    found = {o.id: [s for s in o.responses if s.startswith("2")] for o in operations()}
    several = {name: statuses for name, statuses in found.items() if len(statuses) != 1}
    sends = {o.id for o in operations() if "X-Preflight" in {p["name"] for p in o.parameters}}
    assert several == {key: ["200", "201", "202"] for key in sends} | {key: [] for key in READ_ONLY} | {
        key: ["200", "206"] for key in ("media.get", "status.get_media")
    }


UNKEYED = {  # POSTs that take no Idempotency-Key, and why: they send nothing, and a second one makes no more
    "auth.validate": "only says what a key may",
    "auth.revoke_api_key": "revoked twice is revoked",
    "sessions.start": "started twice is started",
    "sessions.stop": "stopped twice is stopped",
    "sessions.force_kill": "killed twice is killed",
    "sessions.request_pairing_code": "a code lives for minutes; whoever asks again wants one that still lives",
    "chats.*": "a chat's state, or what is over in seconds",
    "contacts.block": "blocked twice is blocked",
    "calls.reject": "a call rings once",
    "labels.add": "a label is on a chat or not",
    "groups.join": "who is in the group is in it",
    "groups.leave": "who has left has left",
    "groups.add_participants": "who is in the group is in it, as its result says",
    "groups.promote_participants": "an admin is an admin",
    "groups.demote_participants": "no admin is no admin",
    "groups.revoke_invite_code": "the code that the last answer has is the one that works",
    "bulk.cancel": "cancelled twice is cancelled",
    "sends.cancel": "cancelled twice is cancelled",
    "webhooks.test": "one post of an event that is stored nowhere, and the answer is what came of it",
    "webhooks.replay": "deliveries keep their ids, by which a receiver knows them",
    "webhooks.replay_delivery": "a delivery keeps its id, by which a receiver knows it",
    "infra.import_data": "the same takes the place of the same",
    "infra.import_storage": "what is there already stays as it is",
    "simulator.*": "what simulated people do; nothing of it leaves the machine",
}


def test_every_post_that_sends_or_creates_takes_an_idempotency_key() -> None:
    posts = {one.id: {p["name"] for p in one.parameters} for one in operations() if one.method == "POST"}
    without = {name for name, given in posts.items() if "Idempotency-Key" not in given}
    excused = {name for name in without if any(fnmatchcase(name, pattern) for pattern in UNKEYED)}
    idle = {pattern for pattern in UNKEYED if not any(fnmatchcase(name, pattern) for name in without)}
    assert (set(), set()) == (without - excused, idle)


def test_whatever_takes_an_idempotency_key_says_that_it_may_be_another_request_s() -> None:
    keyed = [one for one in operations() if "Idempotency-Key" in {p["name"] for p in one.parameters}]
    assert [] == [one.id for one in keyed if "422" not in one.responses]


def test_every_answer_that_is_no_success_is_the_envelope() -> None:
    """Readiness keeps a body of its own, and says so."""
    envelope = {"$ref": "#/components/schemas/Error"}
    strange = [
        f"{operation.id} {status}"
        for operation in operations()
        for status, response in operation.responses.items()
        if status[0] not in "23" and response["content"]["application/json"]["schema"] != envelope
    ]
    assert ["health.ready 503"] == strange


def test_every_response_header_and_parameter_is_described() -> None:
    described = [
        *document()["components"]["headers"].items(),
        *((p["name"], p) for o in operations() for p in o.parameters),
    ]
    described += [(f"{o.id} {status}", response) for o in operations() for status, response in o.responses.items()]
    assert [] == [name for name, value in described if not SENTENCE.match(value.get("description", ""))]


def test_every_component_is_used() -> None:
    text = json.dumps(document())
    names = [f"#/components/{s}/{n}" for s, named in document()["components"].items() for n in named]
    assert [] == [name for name in names if "securitySchemes" not in name and json.dumps(name) not in text]


def test_every_link_leads_to_an_operation_and_fills_its_path() -> None:
    paths = {operation.id: {p["name"] for p in operation.parameters if p["in"] == "path"} for operation in operations()}
    wrong = [
        f"{operation.id} {name}"
        for operation in operations()
        for response in operation.responses.values()
        for name, link in response.get("links", {}).items()
        if paths.get(link["operationId"]) != link["parameters"].keys()
    ]
    assert [] == wrong


def test_whatever_can_be_made_is_followed_to_its_reading_and_its_end() -> None:
    """By links, which the fuzz walks: each operation that ends something is led to by what began it, and a GET is."""
    methods = {one.id: one.method for one in operations()}
    ends = {name for name, method in methods.items() if method == "DELETE"}
    ends |= {"messages.delete", "groups.leave", "sends.cancel", "bulk.cancel"}
    led = [
        {link["operationId"] for link in response.get("links", {}).values()}
        for operation in operations()
        for response in operation.responses.values()
    ]
    assert set() == ends - {name for names in led if "GET" in {methods[one] for one in names} for name in names}


def test_the_bundle_refers_only_to_itself() -> None:
    references = re.findall(r'"\$ref": "([^"]+)"', json.dumps(document()))
    assert [] == [r for r in set(references) if resolve(document(), {"$ref": r}) is None]


def test_the_document_says_whose_it_is_and_where_it_is_served() -> None:
    info, (server,) = document()["info"], document()["servers"]
    assert (__version__, "MIT") == (info["version"], info["license"]["name"])
    assert all(one.startswith("https://") for one in (info["license"]["url"], info["contact"]["url"]))
    assert ("{origin}/api", {"origin"}) == (server["url"], server["variables"].keys())


def test_the_bundle_is_kept_until_a_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    root = tmp_path / "openapi.yaml"
    root.write_text("info: {title: first}")
    made = [bundle.__wrapped__(root), bundle.__wrapped__(root)]
    root.write_text("info: {title: the second}")
    made.append(bundle.__wrapped__(root))
    assert ["first", "first", "the second"] == [document["info"]["title"] for document in made]


def test_a_bundle_that_was_half_written_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    root = tmp_path / "openapi.yaml"
    root.write_text("info: {title: first}")
    bundle.__wrapped__(root)
    (tmp_path / "__pycache__" / "openapi.json").write_text("[[")
    assert "first" == bundle.__wrapped__(root)["info"]["title"]


def test_a_bundle_that_cannot_be_kept_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full, or a folder that may not be written, is no reason not to start."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    root = tmp_path / "openapi.yaml"
    root.write_text("info: {title: first}")
    (tmp_path / "__pycache__" / "openapi.json").mkdir(parents=True)
    assert "first" == bundle.__wrapped__(root)["info"]["title"]
    assert ["openapi.json"] == [path.name for path in (tmp_path / "__pycache__").iterdir()]


def test_the_bundle_is_the_same_in_every_process() -> None:
    """Whatever order sets and dictionaries hash to."""
    command = [sys.executable, "-c", "import json, gateway.document as d; print(json.dumps(d.bundle()))"]
    printed = subprocess.run(
        command, capture_output=True, check=True, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "1"}, text=True
    ).stdout
    assert json.dumps(bundle()) == json.dumps(json.loads(printed))
