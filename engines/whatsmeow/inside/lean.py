"""Keeps a worker small: what the library's package imports and this engine never uses is left out, or made when used.

Call `prepare` before neonize is imported. It saves half of the memory of a worker and most of the time of its start.
It is a fence, too: without an HTTP client in the process, nobody's text can make the package fetch an address.
"""

import sys
from types import ModuleType
from typing import Any

from google.protobuf.internal import builder, enum_type_wrapper
from google.protobuf.message_factory import GetMessageClass

UNUSED = ("httpx", "linkpreview", "magic", "neonize.utils.ffmpeg", "phonenumbers", "requests", "segno", "tqdm")
"""Modules for fetching previews, guessing file types, drawing codes and downloading the library itself."""


class _Unused:
    """Stands for anything of a package that is left out."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> "_Unused":
        return _Unused(f"{self._name}.{name}")

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError(f"{self._name} is left out of this process")


def prepare() -> None:
    """Leave out what is not used, and let classes of messages be made when one is first asked for."""
    for name in UNUSED:
        module = ModuleType(name)
        module.__getattr__ = _Unused(name).__getattr__  # type: ignore[method-assign]
        sys.modules.setdefault(name, module)
    sys.modules["neonize.utils.ffmpeg"].check_ffmpeg_available = lambda: None  # type: ignore[attr-defined] # a warning
    builder.BuildTopDescriptorsAndMessages = _build
    builder.BuildMessageAndEnumDescriptors = lambda *_: None


def _build(file: Any, _: str, module: dict[str, Any]) -> None:
    """As protobuf's own of this name, which generated modules call, but a message's class is made when it is needed.

    WhatsApp's protocol has thousands of them, and a worker meets a hundred.
    """
    for name, enum in file.enum_types_by_name.items():
        module[name] = enum_type_wrapper.EnumTypeWrapper(enum)
        module.update((value.name, value.number) for value in enum.values)

    def missing(name: str) -> Any:
        message = file.message_types_by_name.get(name)
        if message is None:
            raise AttributeError(name)
        module[name] = GetMessageClass(message)
        return module[name]

    module["__getattr__"] = missing
