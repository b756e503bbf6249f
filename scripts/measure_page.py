"""Measure the page to play with in a browser: bytes, time until ready, map, tour, images.

python scripts/measure_page.py --runs 5

It needs the extra ``test`` and a Chromium. Times are medians and ranges over the runs, each in a
new page of a browser that has seen the page before; other work on the machine lengthens them.
"""

import gzip
import shutil
import threading
from dataclasses import dataclass
from statistics import median

import tyro
from playwright.sync_api import sync_playwright

from hringur.commands.demo import make_server
from hringur.play.site import site

READY = "() => performance.now()"
MAP = "() => performance.getEntriesByName('map')[0].startTime"
TOUR = """() => new Promise((resolve) => {
  document.querySelector("#twenty").click();
  const began = performance.now();
  document.querySelector("#plan").click();
  const line = document.querySelector(".route.way").getAttribute("d").length;
  requestAnimationFrame(() => setTimeout(() => resolve(line && performance.now() - began)));
})"""
PROOF = """async () => {
  const { heldKarp } = await import("/tours.js");
  const n = 15;
  const far = (i, j) => (Math.abs(i - j) * 37) % 91;
  const d = Int32Array.from({ length: n * n }, (_, k) => far(k % n, Math.floor(k / n)));
  const began = performance.now();
  heldKarp(d, n, 0, true);
  return performance.now() - began;
}"""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Figures of docs/play.md."""

    runs: int = 5
    """of each figure"""


def main(options: Measure) -> None:
    files = site()
    packed = sum(len(gzip.compress(content, 6)) for content in files.values())
    print(f"{len(files)} files, {packed / 1e6:.2f} MB compressed")
    server = make_server(files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        context = browser.new_context()

        def timed(tab: str, measure: str) -> list[float]:
            def once() -> float:
                page = context.new_page()
                page.goto(f"{address}#{tab}")
                page.wait_for_selector(f"body[data-ready={tab}]")
                found = page.evaluate(measure)
                page.close()
                return found

            once()
            return [once() for _ in range(options.runs)]

        rows: dict[str, tuple[str, str]] = {
            "the map is drawn": ("tour", MAP),
            "page ready, network loaded": ("tour", READY),
            "20 places from click to line": ("tour", TOUR),
            "15 places proven": ("tour", PROOF),
            "Trade ready": ("trade", READY),
            "Estimators ready": ("estimators", READY),
            "Draw ready": ("draw", READY),
        }
        for name, (tab, measure) in rows.items():
            found = timed(tab, measure)
            print(f"{name:32}{median(found):8.0f} ms, {min(found):.0f} to {max(found):.0f}")
        browser.close()
    server.shutdown()


if __name__ == "__main__":
    main(tyro.cli(Measure))
