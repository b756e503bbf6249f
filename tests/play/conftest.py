"""A browser for the tests of the page; without one they are skipped, and say so."""

import shutil
import threading

import pytest

from hringur.commands.demo import make_server
from hringur.play.site import site

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def address():
    server = make_server(site())
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no browser is driven: pip install hringur[test]"
    )
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no browser is installed: apt-get install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def window(browser):
    """One window for all tests of a module."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
    )
    yield context
    context.close()


@pytest.fixture
def visit(window, address):
    """Opens the page at a hash; afterwards nothing may have failed or gone elsewhere."""
    pages, faults = [], []

    def open_page(where):
        page = window.new_page()
        pages.append(page)
        page.set_default_timeout(30_000)  # other work may have the processors
        page.on("console", lambda m: m.type in ("error", "warning") and faults.append(m.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: beyond(request.url))
        page.goto(f"{address}#{where}")
        page.wait_for_selector(f"body[data-ready={where.partition('?')[0]}]")
        return page

    def beyond(url):
        if not url.startswith((address, "data:", "blob:")):
            faults.append(f"asked for {url}")

    yield open_page
    for page in pages:
        page.close()
    assert faults == []
