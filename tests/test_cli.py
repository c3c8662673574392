"""`openwa`: what one does from a terminal."""

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gateway import __version__
from gateway.document import bundle
from storage.sole import Taken, sole


@pytest.fixture
def openwa(tmp_path: Path):
    """Runs a command to its end, with a data directory of its own."""

    def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "API_MASTER_KEY")}
        return subprocess.run(
            [sys.executable, "-m", "gateway.cli", *arguments],
            env={**kept, "DATA_DIR": str(tmp_path / "data"), **environ},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_it_tells_its_version(openwa) -> None:
    assert (0, f"{__version__}\n") == ((ended := openwa("--version")).returncode, ended.stdout)


@pytest.mark.parametrize("arguments", [[], ["frobnicate"], ["keys"], ["keys", "create"], ["keys", "create", "ab"]])
def test_what_it_does_not_understand_it_explains(openwa, arguments: list[str]) -> None:
    ended = openwa(*arguments)
    assert (2, "", True) == (ended.returncode, ended.stdout, "usage: openwa" in ended.stderr)


def test_a_configuration_that_makes_no_sense_is_explained_whole(openwa) -> None:
    ended = openwa("config", PORT="x", LOG_LEVEL="loud")
    assert 2 == ended.returncode
    assert {"PORT", "LOG_LEVEL"} <= {line.split(":")[0] for line in ended.stderr.splitlines()}


def test_a_misspelt_variable_is_told(openwa) -> None:
    ended = openwa("config", OPENWA_PROT="1")
    assert (0, True) == (ended.returncode, "OPENWA_PROT is no variable of this gateway" in ended.stderr)


def test_the_effective_configuration_is_printed_without_secrets(openwa) -> None:
    ended = openwa("config", API_MASTER_KEY="s3cret", DATABASE_URL="postgresql://u:s3cret@h/db", PORT="1234")
    shown = dict(line.split("=", 1) for line in ended.stdout.splitlines())
    assert ("1234", "********", "********") == (shown["PORT"], shown["API_MASTER_KEY"], shown["DATABASE_URL"])
    assert "s3cret" not in ended.stdout + ended.stderr


def test_the_document_is_printed_as_json_and_as_yaml(openwa) -> None:
    assert bundle() == json.loads(openwa("spec").stdout)
    assert bundle() == yaml.safe_load(openwa("spec", "--format", "yaml").stdout)


def test_the_document_is_printed_as_a_collection_for_postman(openwa) -> None:
    told = json.loads(openwa("spec", "--format", "postman").stdout)
    requests = [one["request"] for folder in told["item"] for one in folder["item"]]
    known = {(method.upper(), path) for path, item in bundle()["paths"].items() for method in item}
    asked = {(one["method"], "/" + re.sub(r":(\w+)", r"{\1}", "/".join(one["url"]["path"]))) for one in requests}
    assert known == asked


def test_a_request_of_the_collection_only_lacks_the_key(openwa) -> None:
    told = json.loads(openwa("spec", "--format", "postman").stdout)
    assert {"key": "X-API-Key", "value": "{{apiKey}}", "in": "header"} == {
        one["key"]: one["value"] for one in told["auth"]["apikey"]
    }
    asked = {one["name"]: one["request"] for folder in told["item"] for one in folder["item"]}
    operations = [one for item in bundle()["paths"].values() for one in item.values()]
    bodied = {one["summary"] for one in operations if "requestBody" in one}
    assert bodied == {name for name, one in asked.items() if json.loads(one.get("body", {}).get("raw", "null"))}
    opened = {one["summary"] for one in operations if "security" in one}
    assert opened == {name for name, one in asked.items() if "auth" in one}
    assert [] == [name for name, one in asked.items() for part in one["url"]["variable"] if not part["value"]]


def test_the_document_is_printed_as_one_page_that_needs_nothing_else(openwa) -> None:
    page = openwa("spec", "--format", "html").stdout
    assert [] == re.findall(r'(?:<script|<link)[^>]*(?:src|href)="(?!data:)[^"]*"', page)
    (held,) = re.findall(r'id="document">(.*?)</script>', page)
    assert bundle()["paths"].keys() == json.loads(held)["paths"].keys()


def test_keys_are_made_listed_and_revoked_without_a_key(openwa) -> None:
    made = json.loads(openwa("keys", "create", "Billing", "--role", "admin").stdout)
    assert made["apiKey"].startswith("owa_k1_")
    (listed,) = json.loads(openwa("keys", "list").stdout)
    assert listed == {k: v for k, v in made.items() if k != "apiKey"}
    spare = json.loads(openwa("keys", "create", "Spare", "--role", "admin").stdout)
    assert json.loads(openwa("keys", "revoke", spare["id"]).stdout)["isActive"] is False


def test_the_last_admin_key_cannot_be_revoked_here_either(openwa) -> None:
    made = json.loads(openwa("keys", "create", "Billing", "--role", "admin").stdout)
    ended = openwa("keys", "revoke", made["id"])
    assert (1, "openwa: Cannot remove the last active admin key\n") == (ended.returncode, ended.stderr)


def test_a_key_that_is_not_there_is_told(openwa) -> None:
    ended = openwa("keys", "revoke", "nobody")
    assert (1, "openwa: API key with id 'nobody' not found\n") == (ended.returncode, ended.stderr)


def test_the_data_directory_is_for_its_owner_only(openwa, tmp_path: Path) -> None:
    openwa("keys", "list")
    assert 0o700 == stat.S_IMODE((tmp_path / "data").stat().st_mode)


def test_one_gateway_serves_from_a_data_directory(openwa, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with sole(tmp_path / "data", "sqlite://", 0):
        ended = openwa("serve", PORT="0")
    assert (1, f"openwa: another gateway serves from {tmp_path / 'data'}; stop it first, or set DATA_DIR\n") == (
        ended.returncode, ended.stderr,
    )  # fmt: skip


def test_one_gateway_serves_from_a_database(tmp_path: Path, postgres_server: str) -> None:
    (tmp_path / "first").mkdir()
    with sole(tmp_path / "first", postgres_server, 1):
        (tmp_path / "second").mkdir()
        with pytest.raises(Taken, match="this database"), sole(tmp_path / "second", postgres_server, 1):
            pass
    with sole(tmp_path / "second", postgres_server, 1):
        pass


def test_a_database_that_does_not_answer_is_told(openwa) -> None:
    ended = openwa("keys", "list", DATABASE_URL="postgresql://postgres@127.0.0.1:9/none")
    assert (1, "openwa: The database does not answer\n") == (ended.returncode, ended.stderr)


def test_an_engine_that_is_not_there_is_told(openwa) -> None:
    assert 2 == openwa("config", ENGINE_TYPE="baileys").returncode
