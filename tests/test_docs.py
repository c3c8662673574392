"""The document as it is served: to everybody, in two forms, exactly what is enforced; and the page about it."""

import re

import pytest
import yaml

from gateway.document import bundle
from tests.support import Gateway


def test_the_document_is_served_as_json_as_it_is_enforced(gateway: Gateway) -> None:
    answer = gateway.get("/openapi.json", key=None)
    assert ("application/json", bundle()) == (answer.mimetype, answer.json)


def test_the_document_is_served_as_yaml_as_it_is_enforced(gateway: Gateway) -> None:
    answer = gateway.get("/openapi.yaml", key=None)
    assert ("application/yaml", bundle()) == (answer.mimetype, yaml.safe_load(answer.get_data()))


def test_the_served_document_names_no_python(gateway: Gateway) -> None:
    """Which function checks a key is no consumer's business."""
    assert "x-apikeyInfoFunc" not in gateway.get("/openapi.json").get_data(as_text=True)


def test_every_operation_of_the_document_is_there(gateway: Gateway) -> None:
    """Asked without a key: whatever is secured says 401, nothing says 404 Cannot."""
    wrong = []
    for path, item in bundle()["paths"].items():
        for method in item.keys() & {"get", "post", "put", "patch", "delete"}:
            answer = gateway.client.open("/api" + path.replace("{", "").replace("}", ""), method=method.upper())
            if item[method].get("security") != [] and 401 != answer.status_code:
                wrong.append(item[method]["operationId"])
            if "Cannot" in answer.get_data(as_text=True)[:50]:
                wrong.append(item[method]["operationId"])
    assert [] == wrong


@pytest.mark.parametrize("path", ["/openapi.json", "/openapi.yaml", "/docs", "/docs/page.js"])
def test_who_has_it_already_is_not_sent_it_again(gateway: Gateway, path: str) -> None:
    tag = gateway.get(path, key=None).headers["ETag"]
    again = gateway.get(path, key=None, headers={"If-None-Match": f'"other", W/{tag}'})
    assert (304, b"", tag) == (again.status_code, again.get_data(), again.headers["ETag"])
    assert 200 == gateway.get(path, key=None, headers={"If-None-Match": '"other"'}).status_code


def test_pages_of_other_origins_may_read_the_document(gateway: Gateway) -> None:
    answer = gateway.get("/openapi.json", key=None, headers={"Origin": "https://editor.example"})
    assert "*" == answer.headers["Access-Control-Allow-Origin"]
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]


def test_the_page_and_all_its_parts_come_from_here(gateway: Gateway) -> None:
    page = gateway.get("/docs", key=None)
    assert "default-src 'none'; script-src 'self'" in page.headers["Content-Security-Policy"]
    parts = re.findall(r'(?:src|href)="([^"]+)"', page.get_data(as_text=True))
    assert "data:," == parts.pop(0)
    assert {200} == {gateway.get(f"/{part}", key=None).status_code for part in parts}


@pytest.mark.parametrize("name", ["nothing.js", "..", "%2e%2e%2fcli.py"])
def test_the_page_has_no_other_parts(gateway: Gateway, name: str) -> None:
    assert 404 == gateway.client.get(f"/api/docs/{name}").status_code


def test_the_page_shows_samples_and_an_example_of_each_event(gateway: Gateway) -> None:
    shown = gateway.get("/docs/document.json", key=None).json
    samples = shown["paths"]["/sessions/{sessionId}/messages/send-text"]["post"]["x-codeSamples"]
    assert ["curl", "Python", "JavaScript"] == [sample["label"] for sample in samples]
    callback = shown["paths"]["/sessions/{sessionId}/webhooks"]["post"]["callbacks"]["event"]
    told = callback["{$request.body#/url}"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    assert bundle()["components"]["schemas"]["EventType"]["enum"] == list(told)


def test_the_page_fills_in_nothing_that_may_be_left_out(gateway: Gateway) -> None:
    """A send that is tried twice is two sends, and is waited for."""
    shown = gateway.get("/docs/document.json", key=None).json
    told = shown["paths"]["/sessions/{sessionId}/messages/send-text"]["post"]["parameters"]
    optional = {one["name"]: one for one in told if not one.get("required") and "$ref" not in one}
    assert {"Idempotency-Key", "Prefer"} <= optional.keys()
    assert [] == [name for name, one in optional.items() if "example" in str(one.keys() | one["schema"].keys())]
    assert "For example `order-1234-confirmation`." in optional["Idempotency-Key"]["description"]


def test_the_page_says_what_swagger_ui_does_not_show(gateway: Gateway) -> None:
    shown = gateway.get("/docs/document.json", key=None).json
    paths, answers = shown["paths"], shown["components"]["responses"]
    assert paths["/health"]["get"]["description"].startswith("Needs no key.")
    assert paths["/sessions/{sessionId}/labels"]["get"]["description"].startswith(
        "Role: `viewer`. Where the engine can do `labels`."
    )
    assert "Not for keys bound to sessions." in paths["/auth/api-keys"]["post"]["description"]
    assert "Codes: `unauthorized`." in answers["Unauthorized"]["description"]
