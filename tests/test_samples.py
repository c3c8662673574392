"""The samples of the documentation: each is what its language takes, and asks what the operation takes."""

import ast
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway import samples
from gateway.document import bundle
from gateway.metrics import Metrics
from gateway.promise import Promise

CALLS = samples.calls(bundle())


def test_every_operation_has_a_call() -> None:
    ids = {one["operationId"] for item in bundle()["paths"].values() for one in item.values()}
    assert ids == CALLS.keys()


def test_no_call_leaves_something_to_fill_in() -> None:
    assert [] == [name for name, call in CALLS.items() if "{" in call.url or "None" in call.url]


def test_every_python_sample_is_python() -> None:
    assert {ast.Module} == {type(ast.parse(samples.python(call))) for call in CALLS.values()}


def test_every_curl_sample_is_shell() -> None:
    script = "\n".join(samples.curl(call) for call in CALLS.values())
    ran = subprocess.run(["sh", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (0, "") == (ran.returncode, ran.stderr)


def test_every_javascript_sample_is_javascript(tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("there is no node here")
    program = tmp_path / "samples.mjs"
    program.write_text("\n".join(f"{{\n{samples.javascript(call)}\n}}" for call in CALLS.values()))
    ran = subprocess.run(["node", "--check", str(program)], capture_output=True, text=True, check=False)
    assert (0, "") == (ran.returncode, ran.stderr)


def test_every_example_of_an_event_is_a_delivery_as_the_document_has_it() -> None:
    metrics = Metrics()
    shown = samples.added(bundle())["paths"]["/sessions/{sessionId}/webhooks"]["post"]["callbacks"]["event"]
    told = shown["{$request.body#/url}"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    for one in told.values():
        Promise(bundle(), 1, metrics).delivery(json.dumps(one["value"]).encode())
    counted = f'openwa_contract_checks_total{{kept="true",where="webhooks"}} {float(len(told))}'
    assert counted in metrics.render(0, dict).decode().splitlines()


def test_a_quote_in_a_body_survives_the_shell() -> None:
    line = samples.curl(samples.Call("POST", "http://x/", {}, {"text": "It's"})).replace("curl", "printf '%s\\n'", 1)
    assert "It's" in subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True).stdout


def test_a_call_is_written_in_each_language() -> None:
    call = CALLS["messages.send_text"]
    assert samples.curl(call).startswith("curl -X POST 'http://localhost:2785/api/sessions/")
    assert "answer = requests.post(" in samples.python(call)
    assert 'method: "POST"' in samples.javascript(call)
