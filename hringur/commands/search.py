"""``hringur search --model RUN --property qed``: the string of the best property."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hringur.checks import shortened
from hringur.commands.console import note, parse, present
from hringur.commands.options import Printed, check_figure
from hringur.data.figures import save
from hringur.data.molecules.strings import SETS, load_strings
from hringur.evaluation.generative.search import best_figure, neighbourhood, winners_sheet
from hringur.evaluation.statistics import limits, over_runs, over_runs_words
from hringur.evaluation.tables import Column, Table, estimate_columns
from hringur.evaluators.strings import DOMAINS
from hringur.generative.applications.search import METHODS, Search, check_property
from hringur.trained import load_trained
from hringur.types import UserError

PROPERTIES = tuple(name for domain in DOMAINS.values() for name in domain.properties)


@dataclass(frozen=True, kw_only=True)
class SearchOptions(Printed):
    """Search for the string of the best property, behind the codes of a model of strings."""

    model: Path
    """run folder or saved model of strings"""

    property: str = "qed"
    """qed, logp (larger is better) or sa of molecules; error of expressions (smaller is better)"""

    method: tuple[str, ...] = tuple(METHODS)
    """some of bayesian, random, hill-climbing, reinforce"""

    evaluations: int = 250
    """different strings that each method may evaluate"""

    known: int = 200
    """training strings whose property is known at the start"""

    seeds: int = 1
    """repetitions of each method"""

    figure: Path | None = None
    """PNG, SVG or PDF of the best so far over evaluations"""

    neighbours: Path | None = None
    """the same of the best molecule, and around it what two directions of its code decode to"""

    winners: Path | None = None
    """the same of the best molecule of every method and seed"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.property not in PROPERTIES:  # the model, read later, may still have others
            known = ", ".join(PROPERTIES)
            raise UserError(f"property must be one of {known}, got {shortened(self.property)}")
        for name in self.method:
            if name not in METHODS:
                raise UserError(f"method must be one of {', '.join(METHODS)}, got {name!r}")
        bounds = {"evaluations": (1, 100_000), "known": (2, 100_000), "seeds": (1, 1000)}
        for name, (least, most) in bounds.items():
            if not least <= getattr(self, name) <= most:
                raise UserError(f"{name} must be in {least}..{most:,}, got {getattr(self, name)}")
        for name in ("figure", "neighbours", "winners"):
            if getattr(self, name) is not None:
                check_figure(getattr(self, name), f"--{name}")


def main(arguments: list[str]) -> None:
    """Search by each method, print, draw."""
    options = parse(SearchOptions, arguments, "search")
    trained = load_trained(options.model, "auto")
    model = trained.learner
    if getattr(model, "of", "") != "strings":
        raise UserError(f"{options.model} is of {type(model).__name__}, no model of strings")
    check_property(model, options.property)
    if not model.strings.train:  # a saved file has none, but names its set
        if model.strings.name not in SETS:
            raise UserError(f"{options.model} has no training strings: give its run folder")
        model = type(model).load(trained.path, dataset=load_strings(model.strings.name))
    for name in ("neighbours", "winners"):
        if getattr(options, name) is not None and not model.domain.draws:
            raise UserError(f"--{name} draws molecules, not {model.strings.name}")
    runs = {name: _repeat(model, name, options) for name in options.method}
    record = {
        "property": options.property,
        "methods": {name: [_record(one) for one in found] for name, found in runs.items()},
        "command": shlex.join(["hringur", "search", *arguments]),
    }
    present(options, record, [_table(runs, options, model), *_over_seeds(runs, options)])
    if options.figure is not None:
        note(f"wrote {save(best_figure(runs, options.property), options.figure)}")
    if options.winners is not None:
        winners_sheet(runs, options.winners)
        note(f"wrote {options.winners}")
    if options.neighbours is not None:
        best = min((one for found in runs.values() for one in found), key=lambda one: one.winner[1])
        neighbourhood(model, best.winner[0], options.neighbours)
        note(f"wrote {options.neighbours}")


def _repeat(model: Any, method: str, options: SearchOptions) -> list[Search]:
    found = []
    for seed in range(options.seeds):
        note(f"{method}, seed {seed} ...")
        rng = np.random.default_rng(seed)
        search = Search(model, options.property, options.evaluations, rng)
        search.learn(options.known)
        METHODS[method](search)
        found.append(search)
    return found


def _record(search: Search) -> dict[str, Any]:
    best, cost = search.winner
    return {
        "string": best,
        "found_after": list(search.evaluated).index(best) + 1,
        "value": search.sign * cost,
        "best_so_far": search.best_so_far().tolist(),
        "best_known": search.sign * min(search.known.values()),
    }


def _table(
    runs: dict[str, list[Search]], options: SearchOptions, model: Any
) -> Table[tuple[str, Search]]:
    rows: Sequence[tuple[str, Search]] = [(k, one) for k, found in runs.items() for one in found]
    columns = [
        Column[tuple[str, Search]]("method", lambda row: row[0], text=True),
        Column("evaluations", lambda row: str(len(row[1].evaluated))),
        Column(f"best {options.property}", lambda row: f"{_record(row[1])['value']:.4g}"),
        Column("found after", lambda row: str(_record(row[1])["found_after"]), wrap=True),
        Column("best known before", lambda row: f"{_record(row[1])['best_known']:.4g}", wrap=True),
        Column("string", lambda row: _record(row[1])["string"], text=True, wrap=True),
    ]
    references, given = [], model.strings.train_values.get(options.property)
    if given is not None:
        sign = rows[0][1].sign
        best = int((sign * given).argmin())
        line = [
            "the data",
            str(len(given)),
            f"{given[best]:.4g}",
            "",
            "",
            model.strings.train[best],
        ]
        references.append(line)
    return Table(columns=columns, rows=rows, references=references)


def _over_seeds(runs: dict[str, list[Search]], options: SearchOptions) -> list[Table[str]]:
    """Where there are several seeds, the mean of each method's best.

    Where the optimum is known, also how many searches find it, after how many evaluations.
    """
    if options.seeds == 1:
        return []
    best = {
        name: over_runs(
            np.array([one.sign * one.winner[1] for one in found]), limits(options.property)
        )
        for name, found in runs.items()
    }
    columns = [
        Column[str]("method", lambda name: name, text=True),
        *estimate_columns(f"best {options.property}", lambda name: best[name]),
    ]
    optimum = next(iter(runs.values()))[0].model.domain.optimum.get(options.property)
    if optimum is not None:
        after = {
            name: [
                _record(one)["found_after"] for one in found if one.sign * one.winner[1] == optimum
            ]
            for name, found in runs.items()
        }
        columns += [
            Column(f"find {optimum:g}", lambda name: f"{len(after[name])} of {options.seeds}"),
            Column(
                "after, median",
                lambda name: f"{np.median(after[name]):g}" if after[name] else "",
                wrap=True,
            ),
        ]
    return [Table(columns=columns, rows=list(runs), title=over_runs_words([options.seeds]))]
