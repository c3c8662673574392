"""Each operation as a program calls it, in curl, Python and JavaScript, and each event as an endpoint gets it."""

import json
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from gateway.document import example, resolve

METHODS = ("get", "post", "put", "patch", "delete")
_INDENT = 2


class Call(NamedTuple):
    """One request: its method, URL and headers, and a JSON body or None."""

    method: str
    url: str
    headers: dict[str, str]
    body: Any


def calls(document: dict[str, Any]) -> dict[str, Call]:
    """A call of each operation, by operationId, with the document's examples for all that it needs."""
    found = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                found[item[method]["operationId"]] = _call(document, method, path, item[method])
    return found


def added(document: dict[str, Any]) -> dict[str, Any]:
    """The document as its page has it.

    With `x-codeSamples` at each operation and an example of every event at the webhooks' callback; what Swagger UI does
    not show is said in words, and what it would fill in unasked is not there to be filled in.
    """
    made = calls(document)
    paths = {
        path: {
            method: _shown(document, one, made[one["operationId"]]) if method in METHODS else one
            for method, one in item.items()
        }
        for path, item in document["paths"].items()
    }
    hook = document["paths"]["/sessions/{sessionId}/webhooks"]["post"]
    told = json.loads(json.dumps(hook["callbacks"]))
    posted = told["event"]["{$request.body#/url}"]["post"]["requestBody"]["content"]["application/json"]
    posted["examples"] = _events(document)
    create = paths["/sessions/{sessionId}/webhooks"]["post"]
    paths["/sessions/{sessionId}/webhooks"]["post"] = {**create, "callbacks": told}
    answers = {name: _coded(one) for name, one in document["components"]["responses"].items()}
    return {**document, "paths": paths, "components": {**document["components"], "responses": answers}}


def _shown(document: dict[str, Any], operation: dict[str, Any], call: Call) -> dict[str, Any]:
    role, terms = operation["x-required-role"], []
    terms.append("Needs no key." if role == "public" else f"Role: `{role}`.")
    if operation.get("x-scope") == "gateway":
        terms.append("Not for keys bound to sessions.")
    if "x-capability" in operation:
        terms.append(f"Where the engine can do `{operation['x-capability']}`.")
    return {
        **operation,
        "description": f"{' '.join(terms)}\n\n{operation['description']}",
        "parameters": [_unfilled(document, one) for one in operation.get("parameters", [])],
        "x-codeSamples": _samples(call),
    }


def _unfilled(document: dict[str, Any], parameter: dict[str, Any]) -> dict[str, Any]:
    """What may be left out, with its example in words: as an example Swagger UI would send it with every request.

    Whoever tries a send twice wants it sent twice, not the same Idempotency-Key.
    """
    told = resolve(document, parameter)
    if told.get("required"):
        return parameter
    shown = example(document, told)
    schema = resolve(document, told["schema"])
    words = told["description"] if shown in (None, "", schema.get("default")) else _with(told["description"], shown)
    kept = {name: value for name, value in told.items() if name not in ("example", "examples")}
    return {**kept, "description": words, "schema": {n: v for n, v in schema.items() if n != "example"}}


def _with(description: str, shown: Any) -> str:
    return f"{description.rstrip()} For example `{', '.join(map(str, shown)) if isinstance(shown, list) else shown}`."


def _coded(answer: dict[str, Any]) -> dict[str, Any]:
    codes = ", ".join(f"`{code}`" for code in answer.get("x-codes", ()))
    return {**answer, "description": f"{answer['description'].rstrip()} Codes: {codes}."} if codes else answer


def origin(document: dict[str, Any]) -> str:
    """Where the document supposes its gateway."""
    server = document["servers"][0]
    url: str = server["url"]
    for name, variable in server.get("variables", {}).items():
        url = url.replace("{" + name + "}", variable["default"])
    return url


def _call(document: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> Call:
    parameters = [resolve(document, one) for one in operation.get("parameters", [])]
    query = {}
    for one in parameters:
        value = example(document, one)
        if one["in"] == "path":
            path = path.replace("{" + one["name"] + "}", quote(str(value), safe="@:+"))
        elif one["in"] == "query" and one.get("required"):
            query[one["name"]] = value
    headers = _key(document, operation)
    body = None
    if "requestBody" in operation:
        body = example(document, resolve(document, operation["requestBody"])["content"]["application/json"])
        headers["Content-Type"] = "application/json"
    url = origin(document) + path + (f"?{urlencode(query)}" if query else "")
    return Call(method.upper(), url, headers, body)


def _key(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, str]:
    needed = operation.get("security", document.get("security", []))
    names = [name for one in needed for name in one]
    if not names:
        return {}
    scheme = document["components"]["securitySchemes"][names[0]]
    return {"Authorization": "Bearer YOUR_TOKEN"} if scheme["type"] == "http" else {scheme["name"]: "YOUR_API_KEY"}


def _samples(call: Call) -> list[dict[str, str]]:
    return [
        {"lang": "Shell", "label": "curl", "source": curl(call)},
        {"lang": "Python", "label": "Python", "source": python(call)},
        {"lang": "JavaScript", "label": "JavaScript", "source": javascript(call)},
    ]


def curl(call: Call) -> str:
    """The call as a line for a POSIX shell."""
    lines = [f"curl -X {call.method} {_quoted(call.url)}"]
    lines += [f"-H {_quoted(f'{name}: {value}')}" for name, value in call.headers.items()]
    if call.body is not None:
        lines.append(f"-d {_quoted(_json(call.body))}")
    return " \\\n  ".join(lines)


def python(call: Call) -> str:
    """The call with the library requests."""
    lines = ["import requests", "", f"answer = requests.{call.method.lower()}(", f"    {call.url!r},"]
    headers = {name: value for name, value in call.headers.items() if name != "Content-Type"}
    lines += [f"    headers={headers!r},"] if headers else []
    lines += [f"    json={_indented(_literal(call.body))},"] if call.body is not None else []
    return "\n".join([*lines, "    timeout=30,", ")", "print(answer.status_code, answer.text)"])


def javascript(call: Call) -> str:
    """The call with fetch, as browsers and Node have it."""
    lines = [f"const answer = await fetch({json.dumps(call.url)}, {{", f'  method: "{call.method}",']
    lines += [f"  headers: {json.dumps(call.headers)},"] if call.headers else []
    if call.body is not None:
        lines.append(f"  body: JSON.stringify({_json(call.body).replace(chr(10), chr(10) + '  ')}),")
    return "\n".join([*lines, "});", "console.log(answer.status, await answer.text());"])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _json(value: Any) -> str:
    return json.dumps(value, indent=_INDENT, ensure_ascii=False)


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        inside = "".join(f"    {name!r}: {_indented(_literal(item))},\n" for name, item in value.items())
        return "{\n" + inside + "}" if inside else "{}"
    if isinstance(value, list):
        inside = "".join(f"    {_indented(_literal(item))},\n" for item in value)
        return "[\n" + inside + "]" if inside else "[]"
    return repr(value)


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")


def _events(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A delivery of each type of event."""
    kinds = document["components"]["schemas"]["Event"]["discriminator"]["mapping"]
    told = {}
    for kind, reference in kinds.items():
        schema = resolve(document, {"$ref": reference})
        event = example(document, schema)
        told[kind] = {
            "summary": schema["description"].split("\n")[0],
            "value": {
                "event": kind,
                **{name: event[name] for name in ("timestamp", "sessionId", "idempotencyKey")},
                "deliveryId": "dlv_6f1d2c3b-4a5e-8f60-9171-8293a4b5c6d7",
                **{name: event[name] for name in ("sequence", "cursor", "data")},
            },
        }
    return told
