"""What the engine needs of what is installed, and what it says where that is not there."""

import subprocess
import sys

import pytest

from tests.whatsmeow import kit  # first: it skips where neonize is missing

# isort: split
from gateway import real
from gateway.config import BadConfig, load

assert kit


@pytest.mark.parametrize("name", ["neonize", "msgspec"])
def test_a_gateway_without_the_library_says_what_to_install(monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)  # as if it were not there
    with pytest.raises(BadConfig, match=rf"needs {name}, not installed here.*pip install"):
        real.factory(load({"ENGINE_TYPE": "whatsmeow"}))


def test_a_library_that_cannot_be_loaded_is_a_terminal_state(line, tmp_path, monkeypatch):
    package = tmp_path / "broken" / "neonize"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('failed to find libmagic')")
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    line.engine.start()
    line.reach("failed", reason="engine_missing")


def test_libmagic_is_not_needed(tmp_path):
    """Neonize's package asks for it as it is imported; nothing here does."""
    (tmp_path / "magic.py").write_text("raise ImportError('failed to find libmagic')")
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from engines.whatsmeow.inside import assembly"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_worker_cannot_fetch_anything_by_itself():
    script = "from engines.whatsmeow.inside import assembly; import requests; requests.get('http://127.0.0.1/')"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ran.stderr.splitlines()[-1:] == ["RuntimeError: requests.get is left out of this process"]
