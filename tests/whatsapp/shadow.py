"""A copy of the engine package by symbolic links, except its library, which trusts our root key instead."""

from pathlib import Path

from .schema import package

ROOT_KEY = bytes.fromhex("142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b")
"""The public key that WhatsApp's certificate chains end in, as every client ships it."""


def library() -> Path:
    """The engine's shared library. Raises FileNotFoundError."""
    for path in sorted(package().iterdir()):
        if path.name.startswith("neonize-") and path.suffix in (".so", ".dylib", ".dll"):
            return path
    raise FileNotFoundError(f"no engine library in {package()}")


def build(directory: Path, root_key: bytes) -> Path:
    """Make the package in `directory`, for PYTHONPATH. Raises ValueError where the key is not there exactly once."""
    original = library()
    code = original.read_bytes()
    if code.count(ROOT_KEY) != 1:
        raise ValueError(f"the root key occurs {code.count(ROOT_KEY)} times in {original.name}, not once")
    target = directory / "neonize"
    target.mkdir(parents=True)
    for path in package().iterdir():
        if path != original:
            (target / path.name).symlink_to(path)
    (target / original.name).write_bytes(code.replace(ROOT_KEY, root_key))
    return directory
