"""From the document to packages, each ready to be published, in dist/clients/LANG: what each generator is told.

openapi-generator (a jar in a PyPI package, needs Java) makes all but TypeScript, which hey-api makes (npm, needs Node).
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from gateway import __version__
from gateway.document import bundle
from tools.clients import problems

ROOT = Path(__file__).parent.parent.parent
NAME = "openwa-gateway-client"
_OWNER = "openwa-gateway"
_HOME = f"https://github.com/{_OWNER}/{_OWNER}"
_ABOUT = "Client of OpenWA Gateway, a self-hosted WhatsApp HTTP gateway"
_COMMON = {"hideGenerationTimestamp": True, "licenseId": "MIT", "licenseName": "MIT", "licenseInfo": "MIT"}
_GENERATED: dict[str, dict[str, Any]] = {
    "python": {"packageName": "openwa_gateway_client", "projectName": NAME, "packageVersion": __version__},
    "java": {
        "library": "native", "openApiNullable": False, "useJakartaEe": True, "groupId": f"io.github.{_OWNER}",
        "artifactId": NAME, "artifactVersion": __version__, "artifactDescription": _ABOUT, "artifactUrl": _HOME,
        "scmUrl": _HOME, "scmConnection": f"scm:git:{_HOME}.git", "scmDeveloperConnection": f"scm:git:{_HOME}.git",
        "developerName": "OpenWA Gateway", "developerOrganization": "OpenWA Gateway", "developerOrganizationUrl": _HOME,
        "licenseUrl": "https://opensource.org/license/mit", "invokerPackage": "io.github.openwa",
        "apiPackage": "io.github.openwa.api", "modelPackage": "io.github.openwa.model",
    },
    "go": {
        "packageName": "openwa", "packageVersion": __version__, "withGoMod": True, "structPrefix": True,
        "enumClassPrefix": True,
    },
    "php": {
        "invokerPackage": "OpenWA", "composerPackageName": f"{_OWNER}/client", "artifactVersion": __version__,
        "developerOrganization": "OpenWA Gateway", "developerOrganizationUrl": _HOME, "artifactUrl": _HOME,
    },
    "csharp": {
        "library": "httpclient", "packageName": "OpenWA.Gateway.Client", "packageVersion": __version__,
        "targetFramework": "net8.0", "packageAuthors": "OpenWA Gateway", "packageCompany": "OpenWA Gateway",
        "packageTitle": "OpenWA Gateway client", "packageDescription": _ABOUT, "packageCopyright": "OpenWA Gateway",
    },
}  # fmt: skip
_NODE = {"@hey-api/openapi-ts": "0.99.0", "@types/node": "^20", "typescript": "5.9.3"}
LANGUAGES = ("typescript", *_GENERATED)
_ACCEPT = "application/problem+json;q=1, application/json;q=0.9"
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")  # Java for some seconds: code better still would come too late
_BROUGHT_BY = {"java": "default-jre-headless", "npm": "npm"}
# What the generators leave of themselves in a package: how it would be built and pushed elsewhere.
_NOT_OURS = [".github/**", ".gitlab-ci.yml", ".travis.yml", "appveyor.yml", "git_push.sh", "tox.ini"]
# Who is named as the author where a document has no address of its own, as each package writes it.
_NOBODY = re.compile(r'(,|\n *author_|\n *<)email[>= "]+team@openapitools\.org[^\n}]*')


def make(languages: list[str], into: Path) -> dict[str, Path]:
    """Make these languages' packages below `into`, anew; the folder of each. Raises SystemExit with the reason."""
    for program in sorted({"npm" if language == "typescript" else "java" for language in languages}):
        if shutil.which(program) is None:
            raise SystemExit(f"There is no {program} here. On Debian and Ubuntu: apt install {_BROUGHT_BY[program]}")
    folders = {language: (into / language).resolve() for language in languages}
    for folder in folders.values():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copy(ROOT / "LICENSE", folder)
    generated = {language: folder for language, folder in folders.items() if language in _GENERATED}
    with ThreadPoolExecutor(2) as pool:
        begun = [pool.submit(_hey_api, folders["typescript"])] if "typescript" in folders else []
        begun += [pool.submit(_openapi_generator, generated, into.resolve())] if generated else []
    for one in begun:
        one.result()
    return folders


def by_tag() -> dict[str, Any]:
    """The document as openapi-generator is told it: `messages.send_text` is `send_text` of the tag's class.

    Without what is for people or browsers: the page, and the manual, which would stand at the head of every file. A
    method has one type in these languages, so a send answers its result, and the preflight is left to HTTP. Errors are
    problems, which say more than the envelope; each answer is of one media type, which is what the clients send as
    their Accept header and take for JSON.
    """
    document = json.loads(json.dumps(bundle()))
    document["info"]["description"] = document["info"]["description"].split("\n\n")[0]
    del document["paths"]["/docs"], document["paths"]["/docs/{file}"]
    for item in document["paths"].values():
        for operation in item.values():
            operation["operationId"] = operation["operationId"].partition(".")[2]
            operation.pop("callbacks", None)
            if {"200", "201"} <= operation["responses"].keys():
                del operation["responses"]["200"]
                operation["parameters"] = [one for one in operation["parameters"] if "Preflight" not in str(one)]
            for answer in operation["responses"].values():
                _ask_for_problems(answer)
    for answer in document["components"]["responses"].values():
        _ask_for_problems(answer)
    del document["components"]["schemas"]["Error"]
    return dict(document)


def _ask_for_problems(answer: dict[str, Any]) -> None:
    content = answer.get("content", {})
    known = content.pop("application/json", None)
    asked = content.pop("application/problem+json", known)
    if asked:
        content[_ACCEPT] = asked


def _openapi_generator(folders: dict[str, Path], work: Path) -> None:
    source = work / "openapi-by-tag.json"
    source.write_text(json.dumps(by_tag()))
    configurations = []
    for language, folder in folders.items():
        options = {**_COMMON, **_GENERATED[language]}
        told = {
            "generatorName": language, "inputSpec": str(source), "outputDir": str(folder), "validateSpec": False,
            "openapiGeneratorIgnoreList": _NOT_OURS,
            "gitUserId": _OWNER, "gitRepoId": f"{NAME}-{language}", "additionalProperties": options,
        }  # fmt: skip
        if "library" in options:
            told["library"] = options.pop("library")
        configurations.append(work / f"{language}.yaml")
        configurations[-1].write_text(yaml.dump(told))
    _run("java", *QUICK, "-jar", jar(), "batch", "--fail-fast", "--threads", "2", *map(str, configurations))
    for left in (source, *configurations):
        left.unlink()
    for language, folder in folders.items():
        problems.tell(language, folder)
    for author in [folder / name for folder in folders.values() for name in ("pyproject.toml", "setup.py", "pom.xml")]:
        if author.exists():
            author.write_text(_NOBODY.sub("", author.read_text()))


def jar() -> str:
    """The generator itself. Raises ImportError where the group `clients` is not installed."""
    import openapi_generator_cli  # noqa: PLC0415 - of the group `clients`

    return str(next(Path(openapi_generator_cli.__file__).parent.glob("*.jar")))


def _hey_api(folder: Path) -> None:
    """The package's sources and what they are compiled to; Node's modules stay in it only while it is made."""
    (folder / "README.md").write_text(f"# {NAME}\n\n{_ABOUT}, whose `/api/docs` tells of every operation.\n")
    (folder / "openapi.json").write_text(json.dumps(bundle()))
    package = {
        "name": NAME, "version": __version__, "description": _ABOUT, "license": "MIT", "type": "module",
        "exports": {".": "./dist/index.js", "./client": "./dist/client/index.js"}, "files": ["dist", "src"],
        "sideEffects": False, "engines": {"node": ">=18"}, "devDependencies": _NODE,
    }  # fmt: skip
    (folder / "package.json").write_text(json.dumps(package, indent=2) + "\n")
    sdk = {
        "name": "@hey-api/sdk",
        "operations": {
            "strategy": "single", "nesting": "operationId", "containerName": "OpenWA", "methods": "instance"
        },
    }  # fmt: skip
    told = {
        "input": "openapi.json", "output": {"path": "src", "importFileExtension": ".js"},
        "plugins": ["@hey-api/client-fetch", "@hey-api/typescript", sdk],
    }  # fmt: skip
    (folder / "openapi-ts.config.mjs").write_text(f"export default {json.dumps(told, indent=2)};\n")
    options = {
        "target": "es2022", "module": "nodenext", "lib": ["es2022", "dom", "dom.iterable"], "strict": True,
        "declaration": True, "skipLibCheck": True, "outDir": "dist", "rootDir": "src",
    }  # fmt: skip
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "include": ["src"]}, indent=2) + "\n")
    _run("npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", folder=folder)
    _run("node_modules/.bin/openapi-ts", "--silent", folder=folder)
    _run("node_modules/.bin/tsc", folder=folder)
    (folder / "openapi-ts.config.mjs").unlink()


def _run(*command: str, folder: Path | None = None) -> None:
    """Run a generator, quietly unless it fails."""
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"{' '.join(command[:3])} failed:\n{ended.stdout[-3000:]}{ended.stderr[-3000:]}")


def main(arguments: list[str]) -> int:
    """Make them; the exit status."""
    parser = argparse.ArgumentParser(prog="python3 -m tools.clients", description=__doc__)
    parser.add_argument("languages", nargs="*", metavar="LANG", help=f"{', '.join(LANGUAGES)}; all unless named")
    parser.add_argument("--into", type=Path, default=ROOT / "dist" / "clients", help="the folder (dist/clients)")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.languages if name not in LANGUAGES]
    if unknown:
        parser.error(f"no language is called {', '.join(unknown)}; there are {', '.join(LANGUAGES)}")
    for language, folder in make(options.languages or [*LANGUAGES], options.into).items():
        print(f"{language}: {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
