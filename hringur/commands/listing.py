"""``hringur list``: everything that has a name, of this package and of others installed."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from inspect import getmodule
from pkgutil import resolve_name
from typing import Annotated, Any, Literal

import tyro

from hringur.commands.console import parse, present
from hringur.commands.options import Printed
from hringur.evaluation.tables import Column, Table
from hringur.references.tours.heuristics import heuristics
from hringur.registry import ENVIRONMENTS, EXPERIMENTS, learners, models, summary

Kind = Literal["environments", "learners", "models", "experiments", "heuristics"]
Kinds = Annotated[tuple[Kind, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[KIND ...]")]


@dataclass(frozen=True, kw_only=True)
class List(Printed):
    """List environments, learners, generative models, experiments and heuristics by name."""

    kinds: Kinds = ()
    """environments, learners, models, experiments, heuristics; all when not given"""


@dataclass(frozen=True, kw_only=True)
class Named:
    """One line of a table: a name, what it is, and the module that holds it."""

    name: str
    what: str
    where: str


def main(arguments: list[str]) -> None:
    """Print a table for each kind."""
    options = parse(List, arguments, "list")
    chosen = {kind: KINDS[kind]() for kind in options.kinds or KINDS}
    columns = [
        Column[Named]("name", lambda row: row.name, text=True),
        Column[Named]("what it is", lambda row: row.what, text=True, wrap=True),
    ]
    if options.markdown:  # a terminal is too narrow for it
        columns.append(Column("module", lambda row: row.where, text=True))
    tables = [Table(title=kind, columns=columns, rows=rows) for kind, rows in chosen.items()]
    present(options, {kind: [asdict(row) for row in rows] for kind, rows in chosen.items()}, tables)


def named_environments() -> list[Named]:
    """Environments of this package; the first line of their module says what is decided there."""
    rows = []
    for name, row in ENVIRONMENTS.items():
        module = resolve_name(row.factory.partition(":")[0])
        what = summary(module).partition(": ")[2]
        rows.append(Named(name=name, what=what, where=module.__name__))
    return rows


def named_experiments() -> list[Named]:
    """The experiments of the lecture, by number."""
    return [
        Named(name=name, what=one.teaches, where=models()[one.model].partition(":")[0])
        for name, one in EXPERIMENTS.items()
    ]


def _row(name: str, what: Any) -> Named:
    module = getmodule(what)
    return Named(name=name, what=summary(what), where=module.__name__ if module else "")


def _resolved(known: Mapping[str, str]) -> list[Named]:
    rows = []
    for name, where in known.items():
        try:
            rows.append(_row(name, resolve_name(where)))
        except (ImportError, AttributeError) as error:  # of a package that is half installed
            what = f"cannot be imported: {error}"
            rows.append(Named(name=name, what=what, where=where.partition(":")[0]))
    return rows


KINDS: dict[Kind, Callable[[], list[Named]]] = {
    "environments": named_environments,
    "learners": lambda: _resolved(learners()),
    "models": lambda: _resolved(models()),
    "experiments": named_experiments,
    "heuristics": lambda: [_row(name, function) for name, function in heuristics().items()],
}
