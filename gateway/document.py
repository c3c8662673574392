"""The API document: many files in `openapi/`, one document in memory.

`openapi.yaml` holds the manual and one line per URL, `paths/<tag>.yaml` the operations, `components/<tag>.yaml` the
schemas. References are ordinary relative ones, so any editor follows them; here a reference into `components/` becomes
a named component, and a path item is put in its place.
"""

import contextlib
import functools
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import orjson
import yaml

ROOT = Path(__file__).parent.parent / "openapi" / "openapi.yaml"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@functools.cache
def bundle(root: Path = ROOT) -> dict[str, Any]:
    """The whole document as one, references only to its own components, read once and never changed.

    Raises KeyError for a dangling reference. To read forty YAML files takes a quarter of a second, so what they make
    is kept beside them, as Python keeps what it compiles, for as long as they stay as they are.
    """
    kept = root.parent / "__pycache__" / f"{root.stem}.json"
    files = sorted(root.parent.rglob("*.yaml"))
    stamp = [[str(file), file.stat().st_mtime_ns, file.stat().st_size] for file in files]
    with contextlib.suppress(OSError, ValueError):
        was, document = orjson.loads(kept.read_bytes())
        if was == stamp:
            return dict(document)
    document = _Bundler(root).document
    if not sys.dont_write_bytecode:
        with contextlib.suppress(OSError):
            _keep(kept, orjson.dumps([stamp, document]))
    return document


def _keep(file: Path, content: bytes) -> None:
    """Write it whole or not at all; others may read and write it meanwhile. Raises OSError, and leaves nothing then."""
    file.parent.mkdir(exist_ok=True)
    number, name = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(number, "wb") as half:
            half.write(content)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink()
        raise


class _Bundler:
    def __init__(self, root: Path) -> None:
        self._home = root.parent.resolve()
        self._files: dict[Path, Any] = {}
        self._components: dict[str, dict[str, Any]] = {}
        document: dict[str, Any] = self._read(root.resolve())
        whole = {key: self._walk(value, root.resolve()) for key, value in document.items() if key != "components"}
        for section, named in document.get("components", {}).items():
            for name, value in named.items():
                self._components.setdefault(section, {})[name] = self._walk(value, root.resolve())
        order = {section: dict(sorted(named.items())) for section, named in sorted(self._components.items())}
        self.document = {**whole, "components": order}

    def _read(self, path: Path) -> Any:
        if path not in self._files:
            self._files[path] = yaml.load(path.read_bytes(), Loader=_Loader)  # noqa: S506 - a safe loader in C
        return self._files[path]

    def _walk(self, value: Any, here: Path) -> Any:
        if isinstance(value, list):
            return [self._walk(item, here) for item in value]
        if not isinstance(value, dict):
            return value
        reference = value.get("$ref")
        if isinstance(reference, str):
            return self._refer(reference, here)
        return {key: self._walk(item, here) for key, item in value.items()}

    def _refer(self, reference: str, here: Path) -> Any:
        file, _, pointer = reference.partition("#/")
        target = (here.parent / file).resolve() if file else here
        keys = pointer.split("/")
        if target.parent.name != "components":
            return self._walk(_at(self._read(target), keys), target)
        section, name = keys
        named = self._components.setdefault(section, {})
        if name not in named:
            named[name] = None  # taken, so that a schema may refer to itself
            named[name] = self._walk(_at(self._read(target), keys), target)
        return {"$ref": f"#/components/{section}/{name}"}


def _at(value: Any, keys: list[str]) -> Any:
    for key in keys:
        value = value[key]
    return value


def resolve(document: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """`value` itself, or what its reference points to in the bundled `document`."""
    while "$ref" in value:
        value = _at(document, value["$ref"].removeprefix("#/").split("/"))
    return value


def example(document: dict[str, Any], value: dict[str, Any]) -> Any:
    """What a schema, parameter or media type of the document looks like: its example, or one put together.

    Objects have what they require, or everything where they require nothing. None where nothing can be said.
    """
    value = resolve(document, value)
    within = [*value.get("oneOf", ()), *value.get("anyOf", ()), *value.get("allOf", ())]
    if "example" in value:
        found = value["example"]
    elif value.get("examples"):
        found = next(iter(value["examples"].values()))["value"]
    elif "schema" in value or within:
        found = example(document, value.get("schema") or within[0])
    elif value.get("properties"):
        names = value.get("required") or value["properties"]
        found = {name: example(document, value["properties"][name]) for name in names}
    elif "items" in value:
        found = [example(document, value["items"])]
    else:
        found = value.get("default", value.get("enum", [value.get("type") == "boolean" or None])[0])
    return found
