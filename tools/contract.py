"""`python -m tools.contract`: what has changed in the document since the last release, and whether callers break.

A breaking change is declared by a line in CHANGELOG.md that is its sentence, in the topmost part; one that is not fails
the check.
`--release` keeps the document as it is now for the next comparison, in openapi/released.json.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from gateway.document import bundle, resolve

ROOT = Path(__file__).parent.parent
RELEASED = ROOT / "openapi" / "released.json"
_METHODS = ("get", "post", "put", "patch", "delete")
_RANKS = ("public", "viewer", "operator", "admin")
_LEAST, _MOST = (
    ("minimum", "minLength", "minItems", "minProperties"),
    ("maximum", "maxLength", "maxItems", "maxProperties"),
)

Json = dict[str, Any]
Way = Literal["sent", "answered"]


class Change(NamedTuple):
    """Something that callers can notice, as one sentence; `breaking` where a program that worked may stop to."""

    breaking: bool
    sentence: str


def changes(old: Json, new: Json) -> list[Change]:
    """What differs between two bundled documents, breaking changes first."""
    before, after = _operations(old), _operations(new)
    found = [Change(breaking=True, sentence=f"{name} is gone") for name in before.keys() - after.keys()]
    found += [Change(breaking=False, sentence=f"{name} is new") for name in after.keys() - before.keys()]
    for name in before.keys() & after.keys():
        (was, one), (now, other) = before[name], after[name]
        if was != now:
            found.append(Change(breaking=True, sentence=f"{name} was {was}, is {now}"))
        compared = _Compared(old, new)
        found += [Change(breaking, f"{name}: {what}") for breaking, what in compared.operation(one, other)]
    return sorted(set(found), key=lambda change: (not change.breaking, change.sentence))


def _operations(document: Json) -> dict[str, tuple[str, Json]]:
    return {
        item[method]["operationId"]: (f"{method.upper()} {path}", item[method])
        for path, item in document["paths"].items()
        for method in _METHODS
        if method in item
    }


class _Compared:
    """Two documents, and which of their schemas were held against each other already."""

    def __init__(self, old: Json, new: Json) -> None:
        self._old, self._new = old, new
        self._seen: set[tuple[int, int, Way]] = set()

    def operation(self, old: Json, new: Json) -> Iterator[Change]:
        """What differs in an operation that is in both."""
        role, now = old["x-required-role"], new["x-required-role"]
        if role != now:
            yield Change(_RANKS.index(now) > _RANKS.index(role), f"the role {now} is needed, was {role}")
        if new.get("x-scope") != old.get("x-scope"):
            yield Change("x-scope" in new, f"its scope is {new.get('x-scope', 'a session')}")
        if (asked := new.get("x-capability")) != old.get("x-capability"):
            yield Change(asked is not None, f"it needs an engine that can do {asked or 'nothing special'}")
        if old.get("x-rate-limit") and not new.get("x-rate-limit"):
            yield Change(breaking=True, sentence="it counts against the rate limit")
        yield from self._parameters(old, new)
        yield from self._body(old, new)
        yield from self._answers(old["responses"], new["responses"])
        for name, told in old.get("callbacks", {}).items():
            yield from self._callback(told, new.get("callbacks", {}).get(name))

    def _parameters(self, old: Json, new: Json) -> Iterator[Change]:
        before = {(p["in"], p["name"]): p for p in (resolve(self._old, one) for one in old.get("parameters", []))}
        after = {(p["in"], p["name"]): p for p in (resolve(self._new, one) for one in new.get("parameters", []))}
        for key in before.keys() - after.keys():
            yield Change(breaking=True, sentence=f"parameter {key[1]} is refused")
        for key in after.keys() - before.keys():
            needed = after[key].get("required", False)
            yield Change(needed, f"parameter {key[1]} is new" + (" and required" if needed else ""))
        for key in before.keys() & after.keys():
            if after[key].get("required") and not before[key].get("required"):
                yield Change(breaking=True, sentence=f"parameter {key[1]} is required")
            yield from self._schemas(before[key]["schema"], after[key]["schema"], "sent", f"parameter {key[1]}")

    def _body(self, old: Json, new: Json) -> Iterator[Change]:
        before, after = (resolve(d, one.get("requestBody", {})) for d, one in ((self._old, old), (self._new, new)))
        if before and not after:
            yield Change(breaking=True, sentence="a body is refused")
        elif after and not before:
            yield Change(after.get("required", False), "it takes a body")
        for kind in before.get("content", {}).keys() & after.get("content", {}).keys():
            yield from self._schemas(
                before["content"][kind]["schema"], after["content"][kind]["schema"], "sent", "body"
            )

    def _answers(self, old: Json, new: Json) -> Iterator[Change]:
        for status in old.keys() - new.keys():
            yield Change(status.startswith("2"), f"it does not answer {status} any more")
        for status in new.keys() - old.keys():
            yield Change(breaking=False, sentence=f"it may answer {status}")
        for status in old.keys() & new.keys():
            was, now = resolve(self._old, old[status]), resolve(self._new, new[status])
            for name in was.get("headers", {}).keys() - now.get("headers", {}).keys():
                yield Change(breaking=True, sentence=f"{status} comes without {name}")
            before, after = was.get("content", {}), now.get("content", {})
            for kind in before.keys() - after.keys():
                yield Change(breaking=True, sentence=f"{status} does not come as {kind} any more")
            for kind in before.keys() & after.keys():
                yield from self._schemas(before[kind]["schema"], after[kind]["schema"], "answered", status)

    def _callback(self, old: Json, new: Json | None) -> Iterator[Change]:
        for url, item in old.items():
            other = (new or {}).get(url)
            if other is None:
                yield Change(breaking=True, sentence=f"nothing is posted to {url} any more")
                continue
            before, after = (one["post"]["requestBody"]["content"]["application/json"] for one in (item, other))
            yield from self._schemas(before["schema"], after["schema"], "answered", "what is posted")

    def _schemas(self, old: Json, new: Json, way: Way, where: str) -> Iterator[Change]:
        old, new = resolve(self._old, old), resolve(self._new, new)
        if (id(old), id(new), way) in self._seen or (old == new and "$ref" not in json.dumps(old)):
            return
        self._seen.add((id(old), id(new), way))
        sent = way == "sent"
        for rule in ("type", "format"):
            if old.get(rule) != new.get(rule):
                yield Change(breaking=True, sentence=f"{where}: its {rule} is {new.get(rule)}, was {old.get(rule)}")
        if old.get("nullable", False) != new.get("nullable", False):
            may = new.get("nullable", False)
            yield Change(may != sent, f"{where} {'may' if may else 'may not'} be null")
        if "pattern" in new and old.get("pattern") != new["pattern"]:
            yield Change(sent, f"{where} has to match {new['pattern']}")
        if sent and old.get("default") != new.get("default"):
            told = f"where it is not given it is {new.get('default')}, was {old.get('default')}"
            yield Change(breaking=True, sentence=f"{where}: {told}")
        yield from _values(old, new, where, sent=sent)
        yield from _bounds(old, new, where, sent=sent)
        yield from self._others(old, new, way, where)
        yield from self._properties(old, new, way, where)
        if "items" in old and "items" in new:
            yield from self._schemas(old["items"], new["items"], way, f"{where}[]")
        yield from self._branches(old, new, way, where)

    def _properties(self, old: Json, new: Json, way: Way, where: str) -> Iterator[Change]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed = set(new.get("required", [])), set(old.get("required", []))
        for name in before.keys() - after.keys():
            yield Change(breaking=True, sentence=f"{where}.{name} is {'refused' if way == 'sent' else 'gone'}")
        for name in after.keys() - before.keys():
            breaks = way == "sent" and name in needed[0]
            yield Change(breaks, f"{where}.{name} is new" + (" and required" if breaks else ""))
        for name in sorted(before.keys() & after.keys()):
            if (name in needed[0]) != (name in needed[1]):
                always = name in needed[0]
                told = ("required" if way == "sent" else "always there") if always else "optional"
                yield Change(always == (way == "sent"), f"{where}.{name} is {told}")
            yield from self._schemas(before[name], after[name], way, f"{where}.{name}")

    def _others(self, old: Json, new: Json, way: Way, where: str) -> Iterator[Change]:
        """Properties beside the documented ones."""
        before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from self._schemas(before, after, way, f"{where}.*")
        elif before != after:
            closed = after is not True
            yield Change(closed == (way == "sent"), f"{where} takes {'no' if closed else 'any'} other properties")

    def _branches(self, old: Json, new: Json, way: Way, where: str) -> Iterator[Change]:
        for rule in ("oneOf", "anyOf", "allOf"):
            before, after = ({_name(one): one for one in schema.get(rule, [])} for schema in (old, new))
            for name in before.keys() - after.keys():
                yield Change(breaking=True, sentence=f"{where}: {name} is no form of it any more")
            for name in after.keys() - before.keys():
                yield Change(breaking=False, sentence=f"{where}: {name} is a form of it")
            for name in before.keys() & after.keys():
                yield from self._schemas(before[name], after[name], way, f"{where} ({name})")


def _name(schema: Json) -> str:
    return str(schema["$ref"]).rpartition("/")[2] if "$ref" in schema else str(schema.get("type"))


def _values(old: Json, new: Json, where: str, *, sent: bool) -> Iterator[Change]:
    """Enumerated values. New ones in answers are no break: the manual says that more may come."""
    before, after = old.get("enum"), new.get("enum")
    if before is None and after is None:
        return
    if before is None or after is None:
        limited = after is not None
        yield Change(limited == sent, f"{where} is {'one of a list' if limited else 'any value'}")
        return
    for value in (one for one in before if one not in after):
        yield Change(breaking=True, sentence=f"{where} is {value} no more")
    for value in (one for one in after if one not in before):
        yield Change(breaking=False, sentence=f"{where} may be {value}")


def _bounds(old: Json, new: Json, where: str, *, sent: bool) -> Iterator[Change]:
    """Bounds, which matter to those who send. What is clamped instead of refused is no bound."""
    for rules, tighter in ((_LEAST, max), (_MOST, min)):
        for rule in rules:
            before, after = old.get(rule), new.get(rule)
            if before != after:
                narrower = after is not None and (before is None or tighter(before, after) == after)
                yield Change(sent and narrower, f"{where}: {rule} is {after}, was {before}")
    if old.get("x-clamp") != new.get("x-clamp"):
        yield Change(breaking=True, sentence=f"{where} is held within {new.get('x-clamp')}, was {old.get('x-clamp')}")
    if new.get("uniqueItems") and not old.get("uniqueItems"):
        yield Change(sent, f"{where} has to hold different values")


def main(arguments: list[str], released: Path = RELEASED, changelog: Path = ROOT / "CHANGELOG.md") -> int:
    """Compare, or keep; the exit status: 1 where a breaking change is not declared."""
    parser = argparse.ArgumentParser(prog="python -m tools.contract", description=__doc__)
    parser.add_argument("--release", action="store_true", help="keep the document as it is now")
    if parser.parse_args(arguments).release:
        released.write_text(json.dumps(bundle(), indent=1, sort_keys=True, ensure_ascii=False) + "\n")
        return 0
    if not released.exists():
        print(f"There was no release yet: {released.name} is not there, and nothing can break.")
        return 0
    lines = changelog.read_text().split("\n## ")[1].split("\n- ")[1:]
    declared = {" ".join(line.split("\n\n")[0].split()) for line in lines}
    found = changes(json.loads(released.read_text()), bundle())
    undeclared = [change for change in found if change.breaking and change.sentence not in declared]
    for change in found:
        print(f"{'breaking' if change.breaking else 'additive'}: {change.sentence}")
    for change in undeclared:
        print(f"not declared in {changelog.name}: {change.sentence}", file=sys.stderr)
    print(f"{len(found)} changes since the last release, {sum(one.breaking for one in found)} of them breaking")
    return int(bool(undeclared))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
