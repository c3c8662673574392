"""Keeps a worker small: what the library's package imports and this engine never uses is left out, or made when used.

Call `prepare` before neonize is imported. It saves half of the memory of a worker and most of the time of its start.
It is a fence, too: without an HTTP client in the process, nobody's text can make the package fetch an address.
"""

import importlib
import sys
import threading
from types import ModuleType
from typing import Any

from google.protobuf.internal import builder, enum_type_wrapper
from google.protobuf.message_factory import GetMessageClass

UNUSED = ("concurrent.futures.process", "httpx", "linkpreview", "magic", "neonize.utils.ffmpeg",
          "neonize.utils.sticker", "phonenumbers", "requests", "segno", "tqdm", "urllib.request")  # fmt: skip
"""For fetching previews, guessing their types, drawing codes and stickers, downloading the library itself."""

_LATER = ("PIL", "PIL.Image", "PIL.ImageSequence")

_loading = threading.Lock()


class _Unused:
    """Stands for anything of a package that is left out."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> "_Unused":
        return _Unused(f"{self._name}.{name}")

    def __or__(self, _: Any) -> "_Unused":
        return self  # in annotations

    __ror__ = __or__

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError(f"{self._name} is left out of this process")


def prepare() -> None:
    """Leave out what is not used, and let classes of messages be made when one is first asked for."""
    for name in (*UNUSED, *_LATER):
        module = ModuleType(name)
        module.__getattr__ = _Unused(name).__getattr__  # type: ignore[method-assign]
        sys.modules.setdefault(name, module)
    sys.modules["neonize.utils.ffmpeg"].check_ffmpeg_available = lambda: None  # type: ignore[attr-defined] # a warning
    builder.BuildTopDescriptorsAndMessages = _build
    builder.BuildMessageAndEnumDescriptors = lambda *_: None


def pictures() -> Any:
    """Pillow's `Image`: few sessions ever send a picture, so it is loaded for the first that does."""
    with _loading:
        if sys.modules["PIL.Image"].__spec__ is None:
            for name in _LATER:
                sys.modules.pop(name, None)
        return importlib.import_module("PIL.Image")


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
