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
``1: gap %`` is the column of the first command, and ``1: reinforce`` its row. Of a command that
prints several tables, ``table: 1.2`` is the second. A table that is laid out otherwise has a line
for each cell, and so has one whose command prints JSON, with the path in it:

    cell: held out, valid % | mean = 2: runs/str | valid [%]
    cell: A2C | 64 = 1: steps_per_s/a2c 64/of_processor x 0.001

A new figure lies outside when it is not within the interval of the old one. Figures without an
interval are shown with their ratio, and marked from a factor of 1.5 on; where the old one is 0,
with their difference, and marked if it would be seen in the digits of the old one. What takes
longer than an hour says so in a line ``takes: 5 hours``, and what runs another package beside
ours in a line ``needs: NAME``.
"""

import itertools
import json
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console
from rich.table import Table

from hringur.commands.console import parse
from hringur.types import UserError

DOCS = Path(__file__).parents[1] / "docs"
MARKER = re.compile(r"<!-- reproduce: (?P<name>\S+)\n(?P<lines>[^>]*?)-->\n+(?P<table>(\|.*\n)+)")
FAR = 1.5
"""Ratio from which figures without intervals differ."""
JSON = "JSON"
"""In place of a row: the column is a path."""

NUMBER = r"[-−+]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?"


@dataclass(frozen=True)
class Figure:
    """A number of a table, with its interval if it has one."""

    value: float
    low: float | None = None
    high: float | None = None
    step: float = field(default=1.0, compare=False)
    """one unit of the last digit that is written"""

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
    cells: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    """where a cell of the page is printed: row and column, or ``JSON`` and a path"""

    about: list[str] = field(default_factory=list)
    """how long it takes, what it needs, which table it is"""

    def printed(self, key: tuple[str, str]) -> tuple[str, str]:
        """Row and column as the command names them."""
        row, column = key
        if key in self.cells:
            return self.cells[key]
        which = [line.removeprefix("table: ") for line in self.about if line.startswith("table: ")]
        own = ": ".join([*which, self.rows.get(row, row)])
        return own, self.columns.get(column, column)


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
                add_line(one, line)
            found[one.name] = one
    return found


def add_line(recipe: Recipe, line: str) -> None:
    """Take one line of the comment: a name, how long it takes, or a command."""
    kind, colon, rest = line.partition(": ")
    if colon and kind in ("row", "column", "cell"):
        ours, theirs = rest.split(" = ")
        if kind == "cell":
            row, _, column = ours.partition(" | ")
            there, _, beside = theirs.partition(" | ")
            recipe.cells[row, column] = (there, beside) if beside else (JSON, there)
        else:
            {"row": recipe.rows, "column": recipe.columns}[kind][ours] = theirs
    elif colon and kind in ("takes", "needs", "table"):
        recipe.about.append(line)
    else:
        recipe.commands.append(line)


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
    for row in body:  # as many cells are its name as tell it from the others
        alone = (k for k in (1, 2, 3) if sum(other[:k] == row[:k] for other in body) == 1)
        name = ", ".join(row[: next(alone, 2)])
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
    decimals = re.match(r"[^.e]*(?:\.(\d+))?", re.findall(NUMBER, cell)[0])
    step = 10.0 ** -len((decimals and decimals[1]) or "")
    if "±" in cell and len(numbers) == 2:
        value, width = numbers
        return Figure(value, value - width, value + width, step)
    if len(numbers) == 3 and ("[" in cell or " to " in cell):
        value, low, high = numbers
        return Figure(value, low, high, step)
    return Figure(numbers[0], step=step)


def figure_at(document: Any, path: str) -> Figure | None:
    """The figure at a path ``a/b x FACTOR`` of JSON: a number, or median, least and most of some.

    A number in the path counts in a list; None: there is nothing.
    """
    path, _, factor = path.partition(" x ")
    for name in path.split("/"):
        inside = isinstance(document, list) and name.isdigit() and int(name) < len(document)
        known = document if isinstance(document, dict) else {}
        document = document[int(name)] if inside else known.get(name)
    if isinstance(document, dict):
        document = [document.get(name) for name in ("median", "least", "most")]
    elif isinstance(document, list):
        document = [sorted(document)[len(document) // 2], min(document), max(document)]
    numbers = document if isinstance(document, list) else [document]
    return None if None in numbers else Figure(*(float(factor or 1) * one for one in numbers))


def kept(words: list[str], folder: Path) -> str:
    """The tables that ``hringur compare --folder NAME`` writes there and does not print so."""
    if "--folder" not in words:
        return ""
    path = folder / words[words.index("--folder") + 1] / "results.md"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def run(recipe: Recipe, folder: Path) -> Figures:
    """The figures that the commands print now.

    Raises:
        UserError: a command fails.
    """
    found: Figures = {}
    for number, command in enumerate(recipe.commands, start=1):
        print(f"$ {command}", file=sys.stderr)
        words = shlex.split(command)
        if words[0] in ("hringur", "python", "torchrun"):  # those of this interpreter's environment
            words[0] = str(Path(sys.executable).with_name(words[0]))
        words = [str(DOCS.parent / word) if word.startswith("scripts/") else word for word in words]
        done = subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise UserError(f"{recipe.name}: exit code {done.returncode} of: {command}")
        text = done.stdout + kept(words, folder)
        if done.stdout.lstrip().startswith(("{", "[")):
            document = json.loads(done.stdout)
            for of, path in recipe.cells.values():
                before, colon, rest = path.rpartition(": ")
                mine = of == JSON and before in ("", str(number))
                figure = figure_at(document, rest) if mine else None
                found |= {(of, path): figure} if figure is not None else {}
        tables = re.findall(r"(?:^\|.*\n)+", text, re.M)
        for order, own in enumerate(map(figures, tables), start=1):
            found |= {(f"{number}.{order}: {row}", name): one for (row, name), one in own.items()}
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
        found = "inside" if inside else "OUTSIDE"
        yield *key, old, now, beside(old, now) if inside is None else found


def beside(old: Figure, now: Figure) -> str:
    """What to say of a figure without an interval: a ratio, or a difference from 0."""
    if old.value == 0:
        differs = abs(now.value) >= old.step / 2
        return f"{'DIFFERS, ' * differs}difference {now.value:.3g}"
    ratio = now.value / old.value
    return f"{'' if 1 / FAR < ratio < FAR else 'DIFFERS, '}ratio {ratio:.3g}"


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
            print("; ".join([f"{recipe.name} ({recipe.page.name})", *recipe.about]))
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
