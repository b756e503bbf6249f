"""Rerun a table of the documentation by its name, and show the old figures beside the new.

    python scripts/reproduce.py                # the names, and what each runs
    python scripts/reproduce.py estimators-lecture

A table of docs/ that can be rerun has a comment above it, which the page does not show:

    <!-- reproduce: NAME
    hringur estimators --problem lecture --markdown
    row: as the page calls it = as the command prints it
    column: as the page calls it = as the command prints it
    -->

The commands run one after the other in one folder and print tables in Markdown; where several do,
``1: gap %`` is the column of the first command, and ``1: reinforce`` its row. A new figure lies
outside when it is not within the interval of the old one. Figures without an interval are shown
with their ratio, and marked from a factor of 1.5 on.
"""

import itertools
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table

from hringur.commands.console import parse
from hringur.types import UserError

DOCS = Path(__file__).parents[1] / "docs"
MARKER = re.compile(r"<!-- reproduce: (?P<name>\S+)\n(?P<lines>[^>]*?)-->\n+(?P<table>(\|.*\n)+)")
FAR = 1.5
"""Ratio from which figures without intervals differ."""
NUMBER = r"[-−+]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?"


@dataclass(frozen=True)
class Figure:
    """A number of a table, with its interval if it has one."""

    value: float
    low: float | None = None
    high: float | None = None

    def holds(self, other: "Figure") -> bool | None:
        """Whether the other value lies within the interval; None: there is none."""
        if self.low is None or self.high is None:
            return None
        return self.low <= other.value <= self.high


Figures = dict[tuple[str, str], Figure]
"""By row and column."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one table comes about."""

    name: str
    page: Path
    figures: Figures
    commands: list[str] = field(default_factory=list)
    rows: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)

    def printed(self, key: tuple[str, str]) -> tuple[str, str]:
        """Row and column as the command names them."""
        row, column = key
        return self.rows.get(row, row), self.columns.get(column, column)


@dataclass(frozen=True, kw_only=True)
class Reproduce:
    """Rerun tables of the documentation, and show old beside new."""

    names: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="[NAME ...]")
    ] = ()
    """of the tables; the list of all when not given"""

    folder: Path | None = None
    """where the commands run and leave their runs; a temporary folder when not given"""


def recipes() -> dict[str, Recipe]:
    """Every table that can be rerun, by name."""
    found: dict[str, Recipe] = {}
    for page in sorted(DOCS.glob("*.md")):
        for match in MARKER.finditer(page.read_text(encoding="utf-8")):
            one = Recipe(name=match["name"], page=page, figures=figures(match["table"]))
            for line in filter(None, map(str.strip, match["lines"].splitlines())):
                kind, colon, rest = line.partition(": ")
                if colon and kind in ("row", "column"):
                    ours, theirs = rest.split(" = ")
                    {"row": one.rows, "column": one.columns}[kind][ours] = theirs
                else:
                    one.commands.append(line)
            found[one.name] = one
    return found


def figures(markdown: str) -> Figures:
    """The figures of a Markdown table; a column called interval belongs to the one before it."""
    lines = [
        [cell.strip().rstrip(" *").strip("`") for cell in line.strip().strip("|").split("|")]
        for line in markdown.strip().splitlines()
    ]
    headings, _, *body = lines
    for above, row in itertools.pairwise(body):
        row[0] = row[0] or above[0]  # a name stands for the rows below it, too
    found: Figures = {}
    seen = [row[0] for row in body]
    for row in body:
        name = row[0] if seen.count(row[0]) == 1 else f"{row[0]}, {row[1]}"
        for k, cell in enumerate(row[1:], start=1):
            beside = row[k + 1] if k + 1 < len(row) and headings[k + 1] == "interval" else ""
            figure = read_figure(f"{cell} {beside}") if headings[k] != "interval" else None
            if figure is not None:
                found[name, headings[k]] = figure
    return found


def read_figure(cell: str) -> Figure | None:
    """``0.13 % [0.09, 0.17]``, ``0.45 ± 0.56``, ``5.2 4.9 to 5.5``, or a number alone."""
    cell = re.sub(r"(\d)-(\d)", r"\1 to \2", cell)
    numbers = [float(n.replace(",", "").replace("−", "-")) for n in re.findall(NUMBER, cell)]
    if not numbers:
        return None
    if "±" in cell and len(numbers) == 2:
        value, width = numbers
        return Figure(value, value - width, value + width)
    if len(numbers) == 3 and ("[" in cell or " to " in cell):
        return Figure(*numbers)
    return Figure(numbers[0])


def run(recipe: Recipe, folder: Path) -> Figures:
    """The figures that the commands print now.

    Raises:
        UserError: a command fails.
    """
    found: Figures = {}
    for number, command in enumerate(recipe.commands, start=1):
        print(f"$ {command}", file=sys.stderr)
        words = shlex.split(command)
        if words[0] in ("hringur", "python"):  # those of this interpreter's environment
            words[0] = str(Path(sys.executable).with_name(words[0]))
        words = [str(DOCS.parent / word) if word.startswith("scripts/") else word for word in words]
        done = subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise UserError(f"{recipe.name}: exit code {done.returncode} of: {command}")
        for table in re.findall(r"(?:^\|.*\n)+", done.stdout, re.M):
            own = figures(table)
            found |= own | {(row, f"{number}: {name}"): one for (row, name), one in own.items()}
            found |= {(f"{number}: {row}", name): one for (row, name), one in own.items()}
    return found


def compare(recipe: Recipe, new: Figures) -> Iterator[tuple[str, str, Figure, Figure, str]]:
    """Row, column, old figure, new figure, and what to say of them."""
    for key, old in recipe.figures.items():
        now = new.get(recipe.printed(key))
        if now is None:
            continue
        inside = old.holds(now)
        ratio = now.value / old.value if old.value else 1.0 + now.value
        found = "inside" if inside else "OUTSIDE"
        if inside is None:
            found = f"{'' if 1 / FAR < ratio < FAR else 'DIFFERS, '}ratio {ratio:.3g}"
        yield *key, old, now, found


def show(recipe: Recipe, new: Figures) -> int:
    """Print old beside new; how many lie outside their intervals.

    Raises:
        UserError: nothing that was printed has the names of the page.
    """
    lines = list(compare(recipe, new))
    if not lines:
        raise UserError(f"{recipe.name}: none of its rows and columns was printed")
    table = Table("row", "column", "old", "new", "", title=f"{recipe.name} ({recipe.page.name})")
    for row, column, old, now, found in lines:
        table.add_row(row, column, words(old), words(now), found)
    Console().print(table)
    outside = sum(line[-1] == "OUTSIDE" for line in lines)
    differ = sum("DIFFERS" in line[-1] for line in lines)
    print(
        f"{recipe.name}: {len(lines)} figures of {len(recipe.figures)} compared, {outside} outside"
        f" their intervals, {differ} without interval differ"
    )
    return outside


def words(figure: Figure) -> str:
    """A figure with its interval."""
    interval = "" if figure.low is None else f" [{figure.low:g}, {figure.high:g}]"
    return f"{figure.value:g}{interval}"


def main(arguments: list[str]) -> int:
    """Exit code 1 where a figure lies outside its interval."""
    options, known = parse(Reproduce, arguments, "reproduce"), recipes()
    unknown = [name for name in options.names if name not in known]
    if unknown:
        raise UserError(f"unknown table {unknown[0]!r}; there are {', '.join(known)}")
    if not options.names:
        for recipe in known.values():
            print(f"{recipe.name} ({recipe.page.name})")
            for command in recipe.commands:
                print(f"    {command}")
        return 0
    outside = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for name in options.names:
            outside += show(known[name], run(known[name], folder))
    return int(outside > 0)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as error:
        print(f"reproduce: {error}", file=sys.stderr)
        sys.exit(2)
