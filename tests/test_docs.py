"""The document as it is served: to everybody, in two forms, exactly what is enforced."""

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
