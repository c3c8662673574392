"""The README tells the truth: its commands work as printed, its table is the configuration, what it names is there."""

import json
import os
import re
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from threading import Timer
from typing import NamedTuple

import pytest
from marshmallow.validate import OneOf

from gateway.config import Config, effective
from tools import check

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = sorted(ROOT.glob("*.md"))
ORIGIN = "http://localhost:2785"


class Served(NamedTuple):
    """A gateway as the README's first command starts it: its folder, its address, the lines it printed."""

    folder: Path
    origin: str
    banner: list[str]

    def shell(self, line: str) -> str:
        """What a POSIX shell in that folder prints for the line, the README's address being this gateway's."""
        ran = subprocess.run(
            ["sh", "-euc", line.replace(ORIGIN, self.origin)],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def block(start: str) -> str:
    return next(found for found in blocks("sh") if start in found)


def serve(folder: Path, port: int, **more: str) -> tuple[subprocess.Popen[str], list[str]]:
    """Start the first command and read its banner."""
    environ = {name: value for name, value in os.environ.items() if name not in effective(Config())}
    process = subprocess.Popen(
        [sys.executable, *block("tools.serve").split()[1:]],
        cwd=ROOT,
        env=environ
        | {
            "PORT": str(port),
            "DATA_DIR": str(folder / "data"),
            "SIMULATOR_LINK_AFTER": "300",
            "RATE_LIMIT_SHORT_LIMIT": "1000",
            **more,
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    patience = Timer(300, process.kill)
    patience.start()
    banner = [next(process.stdout, "")]
    while banner[-1] and "curl" not in banner[-1]:
        banner.append(next(process.stdout, ""))
    patience.cancel()
    return process, banner


def end(process: subprocess.Popen[str]) -> int:
    process.terminate()
    process.communicate(timeout=30)
    return process.returncode


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("a new user")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process, banner = serve(folder, port)
    yield Served(folder, f"http://localhost:{port}", banner)
    assert end(process) == 0


@pytest.fixture(scope="module")
def pasted(served: Served) -> dict[str, object]:
    """What the pasted line of the banner answered."""
    return dict(json.loads(served.shell(served.banner[-1])))


def test_the_printed_line_makes_a_session_and_sends(served: Served, pasted: dict[str, object]) -> None:
    key = (served.folder / "data" / ".api-key").read_text().strip()
    history = served.shell(f'curl -sS {ORIGIN}/api/sessions/my-bot/messages -H "X-API-Key: {key}"')
    first = json.loads(history)["messages"][-1]
    assert (first["body"], first["waMessageId"]) == ("Hello from OpenWA!", pasted["messageId"])


def test_the_printed_line_may_be_pasted_again(served: Served, pasted: dict[str, object]) -> None:
    assert json.loads(served.shell(served.banner[-1]))["messageId"] != pasted["messageId"]


@pytest.mark.usefixtures("pasted")
def test_each_request_of_the_readme_answers_as_the_readme_shows(served: Served) -> None:
    requests = [found for found in blocks("sh") if found.startswith("curl")]
    answers = [json.loads(served.shell(request)) for request in requests]
    shown = [json.loads(found) for found in blocks("json")]
    assert [shape(answer) for answer in answers] == [shape(answer) for answer in shown]
    errors = [pair for pair in zip(answers, shown, strict=True) if "statusCode" in pair[1]]
    assert errors != []
    assert [answer for answer, _ in errors] == [told for _, told in errors], "nothing in an error differs each time"


def shape(value: object) -> object:
    """A JSON value with its names and its values' types."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    return [shape(item) for item in value] if isinstance(value, list) else type(value)


def test_the_key_is_printed_once_and_the_second_run_reads_its_file(served: Served, tmp_path: Path) -> None:
    key = (served.folder / "data" / ".api-key").read_text().strip()
    assert "".join(served.banner).count(key) == 1
    for expected in (1, 0):
        process, banner = serve(tmp_path, 0)
        end(process)
        kept = (tmp_path / "data" / ".api-key").read_text().strip()
        assert "".join(banner).count(kept) == expected


def test_the_first_key_is_in_a_file_for_its_owner_only(served: Served) -> None:
    assert 0o600 == stat.S_IMODE((served.folder / "data" / ".api-key").stat().st_mode)


def test_the_second_command_knows_its_steps() -> None:
    command = [sys.executable, *block("tools.check").split()[1:], "nonsense"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr.split(": ")[1].split()) == (2, list(check.STEPS))


def test_the_configuration_table_is_the_configuration() -> None:
    defaults = effective(Config())
    expected = []
    for field in fields(Config):
        name, limits = field.metadata["env"], field.metadata["check"]
        choices = f" ({', '.join(limits.choices)})" if isinstance(limits, OneOf) else ""
        expected.append(
            f"| `{name}` | {f'`{defaults[name]}`' if defaults[name] else ''} | {field.metadata['doc']}{choices} |"
        )
    table = README[README.index("| Variable |") :].split("\n\n")[0]
    assert table.splitlines()[2:] == expected


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_only_what_is_there(page: Path) -> None:
    text = page.read_text()
    linked = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    spoken = re.findall(r"`((?:engines|gateway|handlers|openapi|storage|tests|tools|\.ci)/[\w./-]*)`", text)
    modules = [f"{name.replace('.', '/')}" for name in re.findall(r"python3? -m (tools\.\w+)", text)]
    missing = [name for name in linked + spoken if not (ROOT / name).exists()]
    missing += [name for name in modules if not (ROOT / f"{name}.py").exists() and not (ROOT / name).is_dir()]
    assert missing == []
