"""`/api/docs` in Chromium: it shows every operation, complains of nothing, and an operation can be tried on it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.document import bundle
from tools.stage import KEY, Gateway, serving

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WINDOW = {"width": 1280, "height": 1000}
OPERATIONS = {one["operationId"] for item in bundle()["paths"].values() for one in item.values()}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with serving(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright.Browser"]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    with playwright.sync_playwright() as running:
        # Nobody else is on this machine's page: the sandbox, which root may not have, would guard nothing.
        made = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield made
        made.close()


@pytest.fixture
def page(browser: "playwright.Browser") -> Iterator["playwright.Page"]:
    """A page whose complaints, and requests to anywhere else, fail the test."""
    context = browser.new_context(viewport=WINDOW)
    made = context.new_page()
    complaints: list[str] = []
    made.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    made.on("pageerror", lambda error: complaints.append(str(error)))
    made.on("request", lambda asked: complaints.append(asked.url) if is_elsewhere(asked.url) else None)
    yield made
    context.close()
    assert [] == complaints


def is_elsewhere(url: str) -> bool:
    return url.startswith("http") and not url.startswith("http://localhost:")


def narrow(page: "playwright.Page", tag: str) -> None:
    """Show one tag's operations: of a long page Swagger UI draws only what is in sight."""
    page.wait_for_selector(".opblock")
    page.fill(".operation-filter-input", tag)
    page.locator(f"#operations-tag-{tag}").wait_for()


def listed(page: "playwright.Page") -> set[str]:
    """What a window sees that is so tall that everything is in sight."""
    page.set_viewport_size({"width": 1280, "height": 16_000})
    shown = page.locator(".opblock-summary-operation-id")
    shown.nth(len(OPERATIONS) - 1).wait_for()
    found = {text.strip() for text in shown.all_inner_texts()}
    page.set_viewport_size(WINDOW)
    return found


def opened(page: "playwright.Page", operation: str) -> "playwright.Locator":
    narrow(page, operation.partition(".")[0])
    block = page.locator(".opblock", has=page.get_by_text(operation, exact=True)).first
    block.locator(".opblock-summary-control").click()
    return block


def test_all_operations_are_listed_and_an_authorized_call_succeeds(page, gateway: Gateway, tmp_path: Path) -> None:
    page.goto(f"{gateway.url}/docs")
    assert OPERATIONS == listed(page)
    page.click(".authorize")
    page.fill("#api_key_value", KEY)
    page.click(".auth-btn-wrapper .authorize >> nth=0")
    page.click(".btn-done")
    block = opened(page, "sessions.list_all")
    block.locator(".execute").click()
    assert "200" == block.locator(".live-responses-table tbody .response-col_status").first.inner_text().split()[0]
    assert block.locator(".curl-command").count()
    page.screenshot(path=tmp_path / "docs.png", full_page=False)
    assert (tmp_path / "docs.png").stat().st_size > 20_000


def test_each_operation_shows_how_three_languages_call_it(page, gateway: Gateway) -> None:
    page.goto(f"{gateway.url}/docs")
    samples = opened(page, "messages.send_text").locator(".samples").first
    shown = []
    for name in ("curl", "Python", "JavaScript"):
        samples.get_by_role("button", name=name).click()
        shown.append(samples.locator("pre").text_content())
    assert ["curl -X ", "import r", "const an"] == [text[:8] for text in shown]
    assert all(gateway.url in text for text in shown), "samples ask the gateway that the page comes from"


def test_the_events_stand_at_the_operation_that_registers_webhooks(page, gateway: Gateway) -> None:
    page.goto(f"{gateway.url}/docs")
    block = opened(page, "webhooks.create")
    block.locator(".tab-item", has_text="Callbacks").click()
    block.locator(".opblock .opblock-summary-control").first.click()
    choices = page.locator(".examples-select-element option").all_inner_texts()
    assert any("Somebody wrote to the account" in text for text in choices)


def test_the_page_as_one_file_needs_no_gateway(page, tmp_path: Path) -> None:
    file = tmp_path / "api.html"
    printed = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "spec", "--format", "html"], capture_output=True, check=True
    )
    file.write_bytes(printed.stdout)
    page.goto(file.as_uri())
    assert OPERATIONS == listed(page)
