"""Programs in other languages use the generated clients against a gateway; what cannot be driven here is compiled."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import __version__
from gateway.document import bundle
from tools.clients.make import LANGUAGES, QUICK, ROOT, jar, make
from tools.stage import KEY, Gateway, serving

HERE = Path(__file__).parent
STEPS = ["keys", "session", "text", "image", "webhook", "history", "pages", "errors"]
# What the generated code names and a registry would bring: marks, and a check that compiling does without.
JAVA_MARKS = {"Generated": 'String[] value(); String comments() default "";', "Nonnull": "", "Nullable": ""}
GO_MODULE = "github.com/openwa-gateway/openwa-gateway-client-go"
GO_VALIDATOR = "package validator\n\nfunc Validate(_ interface{}) error { return nil }\n"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every client, made once."""
    pytest.importorskip("openapi_generator_cli")
    need("java", "npm")
    return make([*LANGUAGES], tmp_path_factory.mktemp("clients"))


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with serving(tmp_path_factory.mktemp("gateway"), SIMULATOR_LINK_AFTER="100") as running:
        yield running


def need(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not here: {', '.join(missing)}")


def run(*command: str, folder: Path | None = None, **environ: str) -> list[str]:
    """The lines that a program printed, which has to succeed."""
    ended = subprocess.run(
        command, cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True, timeout=200, check=False
    )
    assert 0 == ended.returncode, ended.stdout[-2000:] + ended.stderr[-4000:]
    return ended.stdout.split("\n")[:-1]


def test_python(made: dict[str, Path], gateway: Gateway) -> None:
    assert STEPS == run(sys.executable, str(HERE / "drive.py"), gateway.url, KEY, PYTHONPATH=str(made["python"]))


def test_typescript(made: dict[str, Path], gateway: Gateway, tmp_path: Path) -> None:
    package = made["typescript"]
    modules = tmp_path / "node_modules"
    modules.mkdir()
    (modules / "openwa-gateway-client").symlink_to(package)
    (modules / "@types").symlink_to(package / "node_modules" / "@types")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copy(HERE / "drive.ts", tmp_path)
    options = [
        "--strict",
        "--skipLibCheck",
        "--target",
        "es2022",
        "--module",
        "nodenext",
        "--lib",
        "es2022,dom,dom.iterable",
    ]
    run(str(package / "node_modules" / ".bin" / "tsc"), *options, "drive.ts", folder=tmp_path)
    assert STEPS == run("node", "drive.js", gateway.url, KEY, folder=tmp_path)


def test_java(made: dict[str, Path], gateway: Gateway, tmp_path: Path) -> None:
    """Against Jackson as the generator's own jar carries it."""
    need("javac")
    marks = tmp_path / "jakarta" / "annotation"
    marks.mkdir(parents=True)
    for name, content in JAVA_MARKS.items():
        (marks / f"{name}.java").write_text(f"package jakarta.annotation; public @interface {name} {{ {content} }}")
    sources = [*made["java"].glob("src/main/**/*.java"), *marks.glob("*.java"), HERE / "Drive.java"]
    (tmp_path / "sources").write_text("\n".join(map(str, sources)))
    run(
        "javac",
        *(f"-J{option}" for option in QUICK),
        "-nowarn",
        "-proc:none",
        "-cp",
        jar(),
        "-d",
        str(tmp_path / "classes"),
        f"@{tmp_path / 'sources'}",
    )
    assert STEPS == run("java", *QUICK, "-cp", f"{tmp_path / 'classes'}:{jar()}", "Drive", gateway.url, KEY)


def test_go(made: dict[str, Path], gateway: Gateway, tmp_path: Path) -> None:
    """Against a stand-in for the one module that it needs."""
    need("go")
    validator = tmp_path / "validator"
    validator.mkdir()
    (validator / "go.mod").write_text("module gopkg.in/validator.v2\n\ngo 1.19\n")
    (validator / "validator.go").write_text(GO_VALIDATOR)
    told = made["go"] / "go.mod"
    told.write_text(told.read_text().replace("go 1.23", "go 1.19"))
    here = {"gopkg.in/validator.v2 v2.0.1": validator, f"{GO_MODULE} v0.0.0": made["go"]}
    needs = "".join(f"require {one}\nreplace {one.split()[0]} => {folder}\n" for one, folder in here.items())
    (tmp_path / "go.mod").write_text(f"module drive\n\ngo 1.19\n\n{needs}")
    shutil.copy(HERE / "drive.go", tmp_path)
    environ = {"GOFLAGS": "-mod=mod", "GOPROXY": "off"}
    printed = run("go", "run", ".", gateway.url, KEY, folder=tmp_path, **environ)
    assert ["session", "text", "errors"] == printed


def test_php(made: dict[str, Path]) -> None:
    """Parsed."""
    need("php")
    parse = "foreach (array_slice($argv, 1) as $f) { token_get_all(file_get_contents($f), TOKEN_PARSE); }"
    files = [str(path) for path in made["php"].glob("lib/**/*.php")]
    assert len(files) > 100
    run("php", "-r", parse, *files)


def test_php_tells_a_problem_by_its_type(made: dict[str, Path]) -> None:
    """The exception, with what the generator writes for it; only sending needs modules that are not here."""
    need("php")
    lib = made["php"] / "lib"
    says = """
        if (!function_exists('mb_strlen')) { function mb_strlen($text) { return strlen($text); } }  // an extension
        foreach (['Model/ModelInterface', 'Model/Problem', 'Configuration', 'ObjectSerializer', 'ApiException'] as $a) {
            require $argv[1] . '/' . $a . '.php';
        }
        $problem = (new OpenWA\\ApiException('', 409, [], $argv[2]))->getProblem();
        $other = (new OpenWA\\ApiException('', 502, [], '<html>'))->getProblem();
        echo get_class($problem), ' ', $problem->getCode(), ' ', json_encode($other), PHP_EOL;
    """
    assert ["OpenWA\\Model\\Problem conflict null"] == run("php", "-r", says, str(lib), '{"code": "conflict"}')


def test_csharp(made: dict[str, Path]) -> None:
    """Parsed, by tree-sitter: there is no .NET in Debian."""
    tree_sitter = pytest.importorskip("tree_sitter")
    import tree_sitter_c_sharp  # noqa: PLC0415 - of the group `clients`

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_c_sharp.language()))
    files = [*made["csharp"].glob("src/OpenWA.Gateway.Client/**/*.cs")]
    assert len(files) > 100
    assert [] == [path.name for path in files if parser.parse(path.read_bytes()).root_node.has_error]


PUBLISHED = {  # the file that a registry reads, and how it says name, version and licence
    "typescript": ("package.json", '"name": "openwa-gateway-client"', '"version": "{}"', '"license": "MIT"'),
    "python": ("pyproject.toml", 'name = "openwa_gateway_client"', 'version = "{}"', 'text = "MIT"'),
    "java": ("pom.xml", "<artifactId>openwa-gateway-client<", "<version>{}<", "<name>MIT<"),
    "php": ("composer.json", '"name": "openwa-gateway/client"', '"version": "{}"', '"license": "MIT"'),
    "csharp": (
        "src/OpenWA.Gateway.Client/OpenWA.Gateway.Client.csproj", "<PackageId>OpenWA.Gateway.Client<", "<Version>{}<",
        "<PackageLicenseExpression>MIT<",
    ),
    "go": ("go.mod", f"module {GO_MODULE}"),  # its version is a tag, its licence a file
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_package_is_ready_to_be_published(made: dict[str, Path], language: str) -> None:
    """Under our name, with version and licence, and as nobody else's."""
    name, *said = PUBLISHED[language]
    file = (made[language] / name).read_text()
    assert [] == [one for one in (line.format(__version__) for line in said) if one not in file]
    assert [] == [one for one in ("team@openapitools.org", ">OpenAPI<", '"name": "OpenAPI"') if one in file]
    assert (ROOT / "LICENSE").read_text() == (made[language] / "LICENSE").read_text()
    assert (made[language] / "README.md").exists()


# The file of a tag's methods, `t` the tag and `T` in capitals, and how a method begins, by its name in three cases.
METHODS = {
    "typescript": ("src/sdk.gen.ts", "public {camel}<"),
    "python": ("openwa_gateway_client/api/{t}_api.py", "def {snake}("),
    "java": ("src/main/java/io/github/openwa/api/{T}Api.java", " {camel}("),
    "go": ("api_{t}.go", "APIService) {pascal}("),
    "php": ("lib/Api/{T}Api.php", "public function {camel}("),
    "csharp": ("src/OpenWA.Gateway.Client/Api/{T}Api.cs", " {pascal}("),
}
TYPES = {  # the same of a type
    "typescript": ("src/types.gen.ts", "export type {pascal} = "),
    "python": ("openwa_gateway_client/models/{snake}.py", "class {pascal}("),
    "java": ("src/main/java/io/github/openwa/model/{pascal}.java", "public class {pascal} "),
    "go": ("model_{snake}.go", "type {pascal} struct"),
    "php": ("lib/Model/{pascal}.php", "class {pascal} "),
    "csharp": ("src/OpenWA.Gateway.Client/Model/{pascal}.cs", "partial class {pascal} "),
}


def cases(name: str) -> dict[str, str]:
    """`send_text` or `SendText` in the cases of the languages."""
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    pascal = "".join(part.capitalize() for part in snake.split("_"))
    return {"snake": snake, "pascal": pascal, "camel": pascal[0].lower() + pascal[1:]}


@pytest.mark.parametrize("language", LANGUAGES)
def test_operations_are_methods_of_their_names_with_the_document_s_words(made: dict[str, Path], language: str) -> None:
    place, begins = METHODS[language]
    lacking = []
    for item in bundle()["paths"].values():
        for one in item.values():
            tag, name = one["operationId"].split(".")
            file = made[language] / place.format(t=tag, T=tag.capitalize())
            said = html.unescape(file.read_text()) if file.exists() else ""
            if begins.format(**cases(name)) not in said or one["summary"] not in said:
                lacking.append(one["operationId"])
    pages = [] if language == "typescript" else ["docs.page", "docs.part"]  # for people: see tools/clients/make.py
    assert pages == lacking


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_events_carry_has_types(made: dict[str, Path], language: str) -> None:
    schemas = bundle()["components"]["schemas"]
    events = [one.split("/")[-1] for one in schemas["Event"]["discriminator"]["mapping"].values()]
    datas = {re.search(r"schemas/(\w+)", json.dumps(schemas[one]["properties"]["data"]))[1] for one in events}
    place, begins = TYPES[language]
    lacking = []
    for name in (*events, *datas, "WebhookEnvelope"):
        file = made[language] / place.format(**cases(name))
        if not file.exists() or begins.format(**cases(name)) not in file.read_text():
            lacking.append(name)
    assert [] == lacking


def test_an_error_in_csharp_has_the_problem_as_its_type(made: dict[str, Path]) -> None:
    says = (made["csharp"] / "src/OpenWA.Gateway.Client/Client/ApiException.cs").read_text()
    assert "public global::OpenWA.Gateway.Client.Model.Problem Problem" in says
