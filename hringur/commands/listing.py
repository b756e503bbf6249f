"""``hringur list``: everything that has a name, of this package and of others installed."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from inspect import getmodule
from pkgutil import resolve_name
from typing import Annotated, Any, Literal

import tyro

from hringur.commands.console import parse, print_json, show
from hringur.evaluation.tables import Column, Table
from hringur.references.tours.heuristics import heuristics
from hringur.registry import ENVIRONMENTS, EXPERIMENTS, learners, models, summary

Kind = Literal["environments", "learners", "models", "experiments", "heuristics"]
Kinds = Annotated[tuple[Kind, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[KIND ...]")]


@dataclass(frozen=True, kw_only=True)
class List:
    """List environments, learners, generative models, experiments and heuristics by name."""

    kinds: Kinds = ()
    """environments, learners, models, experiments, heuristics; all when not given"""

    markdown: bool = False
    """print tables for a document"""

    json: bool = False
    """print JSON"""


@dataclass(frozen=True, kw_only=True)
class Named:
    """One line of a table."""

    name: str
    what: str
    """in a sentence"""

    where: str
    """module that holds it"""


def main(arguments: list[str]) -> None:
    """Print a table for each kind."""
    options = parse(List, arguments, "list")
    chosen = {kind: KINDS[kind]() for kind in options.kinds or KINDS}
    if options.json:
        print_json({kind: [asdict(row) for row in rows] for kind, rows in chosen.items()})
        return
    for kind, rows in chosen.items():
        if options.markdown:
            print(named_table(kind, rows).markdown())
        else:
            show(named_table(kind, rows))


def named_table(title: str, rows: list[Named]) -> Table[Named]:
    """The names of one kind."""
    return Table(
        title=title,
        columns=[
            Column("name", lambda row: row.name, text=True),
            Column("what it is", lambda row: row.what, text=True, wrap=True),
            Column("module", lambda row: row.where, text=True, wrap=True),
        ],
        rows=rows,
    )


def named_environments() -> list[Named]:
    """Those of this package; the first line of each module says what is decided there."""
    rows = []
    for name, row in ENVIRONMENTS.items():
        module = resolve_name(row.factory.partition(":")[0])
        what = summary(module).partition(": ")[2]
        rows.append(Named(name=name, what=what, where=module.__name__))
    return rows


def named_experiments() -> list[Named]:
    """The lecture's, by number."""
    return [
        Named(name=name, what=one.teaches, where=models()[one.model].partition(":")[0])
        for name, one in EXPERIMENTS.items()
    ]


def _row(name: str, what: Any) -> Named:
    module = getmodule(what)
    return Named(name=name, what=summary(what), where=module.__name__ if module else "")


def _resolved(known: Callable[[], dict[str, str]]) -> Callable[[], list[Named]]:
    return lambda: [_found(name, where) for name, where in known().items()]


def _found(name: str, where: str) -> Named:
    try:
        return _row(name, resolve_name(where))
    except (ImportError, AttributeError) as error:  # of a package that is half installed
        return Named(name=name, what=f"cannot be imported: {error}", where=where.partition(":")[0])


KINDS: dict[Kind, Callable[[], list[Named]]] = {
    "environments": named_environments,
    "learners": _resolved(learners),
    "models": _resolved(models),
    "experiments": named_experiments,
    "heuristics": lambda: [_row(name, function) for name, function in heuristics().items()],
}
