"""``hringur compare [RUN...]``: runs, heuristics and the exact solver on the same instances.

With ``--agents`` or ``--models`` they are trained first: ``training.py``.
"""

import dataclasses
import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated

import tyro

from hringur.commands.console import note, parse, present
from hringur.commands.evaluate.tours import measure, problem_for
from hringur.commands.options import Imports, Printed, check_figure
from hringur.data.figures import save
from hringur.data.tours.held_out import HeldOut
from hringur.evaluation.tables import Column, Table, estimate_columns, estimate_json
from hringur.evaluation.tours import plots
from hringur.evaluation.tours import table as compare
from hringur.evaluation.tours.methods import DECODINGS, exact_score, heuristic_scores
from hringur.evaluation.tours.scores import OverSeeds, Score, over_seeds
from hringur.evaluators.environments import import_typed
from hringur.references.tours.heuristics import heuristics
from hringur.registry import models
from hringur.trained import Trained, load_trained
from hringur.training.config import Device
from hringur.types import UserError
from hringur.weights.shipped import ATTENTION_MODEL

DEFAULT_SET = "iceland-20"

TRAINED = {
    "--agents": "hringur.commands.compare.agents:CompareAgents",
    "--models": "hringur.commands.compare.models:CompareModels",
}
STRUCTURES = "hringur.commands.compare.structures:CompareStructures"
"""Options of the comparisons that train first, imported only when they are asked for."""


@dataclass(frozen=True, kw_only=True)
class Compare(Printed):
    """Compare runs, classic heuristics and the exact solver on the same instances.

    Runs of one learner with the same settings and different seeds are also put together. With
    neither runs nor --heuristics nor --exact: all heuristics, the shipped model, the exact solver.

    To train agents on any environment and compare them: hringur compare --agents --help.
    To train generative models and compare them: hringur compare --models --help.
    """

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[RUN ...]")] = ()
    """run folders, or saved agents, or attention-model: the shipped one"""

    heuristics: tuple[str, ...] = ()
    """names of classic heuristics, or all"""

    exact: bool = False
    """add the exact solver; its time is measured on five of the instances"""

    held_out: str | None = None
    """iceland-20, iceland-50, euclidean-20, -50 or -100; what fits the runs when not given"""

    count: int | None = None
    """take only so many instances, the first of the set; all when not given"""

    device: Device = "auto"
    """where networks compute; auto takes the GPU when there is one"""

    figure: Path | None = None
    """draw the gaps to this PNG, SVG or PDF, overwritten if it exists"""

    imports: Imports = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = [name for name in self.heuristics if name not in (*heuristics(), "all")]
        if unknown:
            known = ", ".join([*heuristics(), "all"])
            raise UserError(f"unknown heuristic {unknown[0]!r}; there are {known}")
        twice = [path for path in self.runs if self.runs.count(path) > 1]
        if twice:
            raise UserError(f"the run {twice[0]} is given twice")
        if self.figure is not None:
            check_figure(self.figure)

    def selection(self) -> "Compare":
        """These options; all heuristics and the exact solver are added if nothing was named."""
        if self.runs or self.heuristics or self.exact:
            return self
        return dataclasses.replace(self, heuristics=("all",), exact=True)

    def heuristic_names(self) -> list[str]:
        """The heuristics asked for, each once, in the registry's order."""
        return [name for name in heuristics() if {name, "all"} & set(self.heuristics)]


@dataclass(frozen=True, kw_only=True)
class SeedsRow:
    """Runs of one learner that differ in nothing but the seed."""

    label: str
    gap: OverSeeds


def main(arguments: list[str]) -> None:
    """Load everything, measure it, print it."""
    for argument in arguments:
        if (option := argument.split("=")[0]) in TRAINED:
            from hringur.commands.compare.training import train_and_compare

            options = parse(resolve_name(trained_options(option, arguments)), arguments, "compare")
            train_and_compare(options, arguments)
            return
    given = parse(Compare, arguments, "compare")
    options = given.selection()
    for module in options.imports:
        import_typed(module)
    command = shlex.join(["hringur", "compare", *arguments])
    trained = {path: load_trained(path, options.device) for path in options.runs}
    others = [one for one in trained.values() if one.name in models()]
    if others and len(others) == len(trained) and {one.learner.of for one in others} == {"strings"}:
        from hringur.commands.evaluate.strings import compare as compare_strings

        return compare_strings(others, options, arguments)
    if others:
        what = others[0].learner.of
        raise UserError(f"{others[0].path} is a model of {what}: hringur compare is of tours")
    if trained:
        problem = problem_for(list(trained.values()), options.held_out, options.count)
    else:
        problem = problem_for([], options.held_out or DEFAULT_SET, options.count)
    if options is not given and ATTENTION_MODEL.is_file():
        trained[ATTENTION_MODEL] = load_trained(ATTENTION_MODEL, options.device)
    by_run = {}
    for path, one in trained.items():
        note(f"measuring {path} on {len(problem):,} instances of {problem.name} ...")
        label = label_of(one, list(trained.values()))
        by_run[path] = measure(one, label, problem, DECODINGS, seed=0, command=command)
    scores = [score for of_run in by_run.values() for score in of_run]
    scores += references(options, problem, command)
    rows = seeds_rows([(trained[path], of_run) for path, of_run in by_run.items()])
    if options.figure is not None:
        save(plots.gap_chart(scores), options.figure)
    record = {
        "held_out": problem.name,
        "instances": len(problem),
        "scores": [score.to_json(per_instance=False) for score in compare.ranked(scores)],
        "over_seeds": [
            {
                "label": row.label,
                "runs": row.gap.runs,
                **estimate_json("mean_gap", row.gap.mean),
                **estimate_json("interquartile_mean_gap", row.gap.interquartile_mean),
            }
            for row in rows
        ],
    }
    present(options, record, [compare.table(scores), *([seeds_table(rows)] if rows else [])])


def trained_options(option: str, arguments: Sequence[str]) -> str:
    """The class of options, as ``module:Class``: of models, that of what the first one infers."""
    if option == "--models":
        from hringur.commands.compare.structures import infers_structure

        if any(infers_structure(name) for name in arguments):
            return STRUCTURES
    return TRAINED[option]


def label_of(one: Trained, among: Sequence[Trained]) -> str:
    """The learner's name, and that of the run where several are of this learner."""
    if one.path == ATTENTION_MODEL:
        return f"{one.name} (shipped)"
    alone = sum(other.name == one.name for other in among) == 1
    return one.name if alone else f"{one.name} ({one.path})"


def references(options: Compare, problem: HeldOut, command: str) -> list[Score]:
    """The heuristics asked for, and the exact solver if it was."""
    names = options.heuristic_names()
    if names:
        note(f"measuring {len(names)} heuristics ...")
    scores = heuristic_scores(problem, command, names) if names else []
    if options.exact:
        note("measuring the exact solver ...")
        scores.append(exact_score(problem, command=command))
    return scores


def seeds_rows(measured: Sequence[tuple[Trained, list[Score]]]) -> list[SeedsRow]:
    """Mean and interquartile mean of each learner of which there are several seeds."""
    groups: dict[str, list[tuple[int, str, list[Score]]]] = {}
    for trained, scores in measured:
        if trained.settings is not None:
            about = dataclasses.asdict(trained.settings)
            seed = about.pop("seed")
            trainer = about.pop("trainer")
            budgets = [trainer[key] for key in ("steps", "samples", "seconds")]
            recipe = json.dumps([about, budgets], default=str, sort_keys=True)
            groups.setdefault(recipe, []).append((seed, trained.name, scores))
    rows = []
    for group in groups.values():
        seeds, names, scores_of = zip(*group, strict=True)
        if 1 < len(group) == len(set(seeds)):  # the same seed twice is no second run
            for same in zip(*scores_of, strict=True):  # one decoding of each run
                label = f"{names[0]}, {same[0].decoding}"
                rows.append(SeedsRow(label=label, gap=over_seeds(same)))
    return rows


def seeds_table(rows: Sequence[SeedsRow]) -> Table[SeedsRow]:
    """Gaps over the runs of each learner."""
    return Table(
        title="means over runs on the same instances, 95 % t-intervals",
        columns=[
            Column("over seeds", lambda row: row.label, text=True, wrap=True),
            Column("runs", lambda row: str(row.gap.runs), wrap=True),
            *estimate_columns("gap %", lambda row: row.gap.mean, compare.percent_cells),
            *estimate_columns(
                "interquartile mean %",
                lambda row: row.gap.interquartile_mean,
                compare.percent_cells,
            ),
        ],
        rows=rows,
    )
