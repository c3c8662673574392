"""The guides tell the truth: each command in them works, in order, each recipe verifies, each link leads somewhere."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import signing
from tests.test_readme import Served, end, serve, shape
from tools.faults.server import free_port

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
ELSEWHERE = ("clients.md",)  # what needs Java is done in tests/clients/test_guide.py
GUIDES = sorted(path.name for path in DOCS.glob("*.md"))
SECRET, BODY = "a long random secret", '{"event":"message.received","data":{"body":"Hello 👋"}}'


def text(guide: str) -> str:
    return (DOCS / guide).read_text()


def blocks(guide: str, *languages: str) -> list[tuple[str, str]]:
    """Language and content of a guide's blocks in these languages."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", text(guide), re.DOTALL | re.MULTILINE)
    return [(language, content) for language, content in found if language in languages]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("a reader")
    port = free_port()
    process, banner = serve(folder, port)
    yield Served(folder, f"http://localhost:{port}", banner)
    assert 0 == end(process)


@pytest.mark.parametrize("guide", [name for name in GUIDES if blocks(name, "sh") and name not in ELSEWHERE])
def test_every_command_works_and_answers_as_shown(guide: str, served: Served) -> None:
    printed = ""
    for language, content in blocks(guide, "sh", "json"):
        if language == "json":
            assert shape(json.loads(content)) == shape(json.loads(printed)), content
            continue
        command = re.sub(r"\bopenwa (?=config|keys)", f"{sys.executable} -m gateway.cli ", content)
        printed = served.shell(command.replace("https://example.com/", "https://1.1.1.1/"))  # no name is looked up here
        refused = '"statusCode"' in printed or "about:blank" in printed
        assert refused == (guide == "errors.md" and "made-once" not in command), printed


def test_an_idempotent_request_is_done_once(served: Served) -> None:
    (repeated,) = [content for _, content in blocks("errors.md", "sh") if "for attempt" in content]
    first, second = (json.loads(line) for line in served.shell(repeated).replace("}{", "}\n{").splitlines())
    assert first == second


RECIPES = {
    "python": (
        "{code}\nimport sys\nprint(str(verify(sys.argv[1], sys.argv[2].encode(), sys.argv[3])).lower())",
        "recipe.py", [sys.executable],
    ),
    "javascript": ("{code}\nconsole.log(verify(...process.argv.slice(2)));", "recipe.mjs", ["node"]),
    "php": ("<?php\n{code}\necho json_encode(verify($argv[1], $argv[2], $argv[3])), PHP_EOL;", "recipe.php", ["php"]),
    "go": (
        "{code}\nfunc main() { println(verify(os.Args[1], []byte(os.Args[2]), os.Args[3])) }", "recipe.go",
        ["go", "run"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", RECIPES)
def test_a_recipe_takes_what_is_signed_and_nothing_else(language: str, tmp_path: Path) -> None:
    frame, name, command = RECIPES[language]
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]} here")
    ((_, code),) = blocks("webhooks.md", language)
    program = frame.replace("{code}", code)
    (tmp_path / name).write_text(program.replace('"encoding/hex"', '"encoding/hex"\n\t"os"'))
    good = signing._hex(SECRET, BODY.encode())  # noqa: SLF001 - what the gateway signs with
    for signature, expected in ((good, "true"), (good[:-1] + "x", "false"), ("", "false")):
        ran = subprocess.run(
            [*command, str(tmp_path / name), SECRET, BODY, signature],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert (0, expected) == (ran.returncode, (ran.stdout + ran.stderr).strip())


@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide_links_to_what_is_there(guide: str) -> None:
    linked = re.findall(r"\]\((?!https?:)([^)#]+)", text(guide))
    assert [] == [name for name in linked if not (DOCS / name).exists()]
