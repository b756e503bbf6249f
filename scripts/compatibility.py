"""Run the snippets of docs/with_other_libraries.md, each client in an environment of its own.

    python scripts/compatibility.py                 all of them
    python scripts/compatibility.py RLlib --write   one; its row of the page's table is replaced

A section of the page has a line "Needs: `package`" and a block of Python. Hringur and what it needs
are installed once, as a user would do it, from a wheel; each client has an environment of its own
on top of that, so that only the client itself and what it needs are installed there. A client that
asks for another version of a package gets that one. The Hugging Face Hub is a stand-in.
"""

import argparse
import datetime
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from hub_stand_in import TOKEN, serving

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "with_other_libraries.md"
SECTION = re.compile(r"^## (?P<name>[^\n]+)\n(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
LONGEST_SECONDS = 900.0
HEAD = "| client | versions | date | outcome |"


@dataclass(frozen=True)
class Client:
    """A section of the page."""

    name: str
    packages: tuple[str, ...]
    snippet: str


def clients(page: str) -> list[Client]:
    """Every section with packages and a snippet."""
    found = []
    for section in SECTION.finditer(page):
        needs = re.search(r"^Needs: (.*)$", section["text"], re.MULTILINE)
        block = re.search(r"^```python\n(.*?)^```$", section["text"], re.MULTILINE | re.DOTALL)
        if needs and block:
            packages = tuple(re.findall(r"`([^`]+)`", needs[1]))
            found.append(Client(section["name"], packages, block[1]))
    return found


def environment(place: Path, packages: Sequence[str], below: Path | None = None) -> Path:
    """The interpreter of an environment with these packages, on top of that in ``below``."""
    python = place / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        if below is not None:
            packages_of = Path("lib", f"python3.{sys.version_info.minor}", "site-packages")
            link = place / packages_of / "below.pth"
            link.write_text(f"{below / packages_of}\n", encoding="utf-8")
    install = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*install, *packages], check=True)
    return python


def hringur_alone(folder: Path) -> Path:
    """The environment of Hringur: the present version of torch first, then a new wheel."""
    place, wheels = folder / "hringur", folder / "wheels"
    python = environment(place, [f"torch=={version('torch').partition('+')[0]}", "setuptools"])
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels), str(ROOT)]
    subprocess.run(build, check=True)
    (wheel,) = map(str, wheels.glob("hringur-*.whl"))
    subprocess.run(
        [*pip, "install", "--quiet", "--force-reinstall", "--no-deps", wheel], check=True
    )
    subprocess.run([*pip, "install", "--quiet", wheel], check=True)
    return place


def versions(client: Client, python: Path) -> str:
    """The client's version and Gymnasium's."""
    names = [re.split(r"[\[<>=]", package)[0] for package in (*client.packages, "gymnasium")]
    code = "import sys; from importlib.metadata import version\n"
    code += "print(', '.join(f'{n} {version(n)}' for n in dict.fromkeys(sys.argv[1:])))"
    done = subprocess.run([python, "-c", code, *names], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def row(client: Client, folder: Path, below: Path) -> str:
    """Run the snippet; a row of the table."""
    date, began = datetime.date.today().isoformat(), time.monotonic()
    try:
        place = folder / re.sub(r"\W+", "_", client.name.lower())
        python = environment(place, client.packages, below)
    except subprocess.CalledProcessError:
        return f"| {client.name} | | {date} | not installed |"
    with tempfile.TemporaryDirectory() as work, serving() as hub:
        file = Path(work) / "snippet.py"
        file.write_text(client.snippet, encoding="utf-8")
        done = subprocess.run(
            [python, file],
            cwd=work,
            env=os.environ
            | {"PYTHONPATH": work, "OMP_NUM_THREADS": "1"}
            | {"HF_ENDPOINT": hub.address, "HF_TOKEN": TOKEN, "HF_HOME": f"{work}/hub"}
            | {"HF_HUB_DISABLE_XET": "1"},
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
        )
    if done.returncode:
        print(done.stdout[-2_000:], done.stderr[-4_000:], sep="\n", file=sys.stderr)
    outcome = f"runs, {time.monotonic() - began:.0f} s" if done.returncode == 0 else "fails"
    return f"| {client.name} | {versions(client, python)} | {date} | {outcome} |"


def with_row(page: str, new: str) -> str:
    """The page with a row of its table replaced, or added at its end."""
    name = new.split("|")[1]
    lines = page.splitlines()
    start = lines.index(HEAD) + 2
    end = next((k for k in range(start, len(lines)) if not lines[k].startswith("|")), len(lines))
    rows = [line for line in lines[start:end] if line.split("|")[1] != name] + [new]
    return "\n".join([*lines[:start], *sorted(rows, key=str.lower), *lines[end:]]) + "\n"


def main() -> int:
    """Run and print; exit code 1 if any fails."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    known = clients(PAGE.read_text(encoding="utf-8"))
    parser.add_argument("names", nargs="*", help=", ".join(client.name for client in known))
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "compatibility")
    parser.add_argument("--write", action="store_true", help="replace rows of the page's table")
    given = parser.parse_args()
    wanted = [client for client in known if not given.names or client.name in given.names]
    print(HEAD, "| --- | --- | --- | --- |", sep="\n")
    rows, below = [], hringur_alone(given.folder.resolve())
    for client in wanted:
        rows.append(row(client, given.folder.resolve(), below))
        print(rows[-1], flush=True)
        if given.write:
            page = with_row(PAGE.read_text(encoding="utf-8"), rows[-1])
            PAGE.write_text(page, encoding="utf-8")
    return int(not all("runs, " in one for one in rows))


if __name__ == "__main__":
    sys.exit(main())
