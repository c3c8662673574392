"""The API document: many files in `openapi/`, one document in memory.

`openapi.yaml` holds the manual and one line per URL, `paths/<tag>.yaml` the operations, `components/<tag>.yaml` the
schemas. References are ordinary relative ones, so any editor follows them; here a reference into `components/` becomes
a named component, and a path item is put in its place.
"""

import functools
from pathlib import Path
from typing import Any

import orjson
import yaml

ROOT = Path(__file__).parent.parent / "openapi" / "openapi.yaml"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@functools.cache
def bundle(root: Path = ROOT) -> dict[str, Any]:
    """The whole document as one, references only to its own components, read once and never changed.

    Raises KeyError for a dangling reference.
    """
    return _Bundler(root).document


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


class Served:
    """The bundled document as it goes over the wire, written out once, when first asked for."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    @functools.cache  # noqa: B019 - one document lives as long as its gateway
    def json(self) -> bytes:
        """As JSON."""
        return orjson.dumps(self.document, option=orjson.OPT_INDENT_2)

    @functools.cache  # noqa: B019
    def yaml(self) -> bytes:
        """As YAML."""
        return yaml.dump(self.document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120).encode()


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    def ignore_aliases(self, _data: Any) -> bool:
        return True
