"""``hringur evaluate RUN`` where the run is of a model of strings."""

import shlex
from collections.abc import Sequence
from typing import Any

from hringur.commands.console import note, present
from hringur.commands.evaluate.images import check_agent
from hringur.commands.options import check_counts, check_without_tours
from hringur.evaluation.generative.report import COLUMNS, spec
from hringur.evaluation.generative.strings import score_strings
from hringur.evaluation.tables import Column, Table
from hringur.evaluators.strings import COUNT
from hringur.trained import Trained
from hringur.types import Metrics


def main(trained: Trained, options: Any, arguments: list[str]) -> None:
    """Measure samples and reconstructions, and the references; print."""
    check_agent(trained, options)
    check_counts(options, "count")
    check_without_tours(trained, options)
    report = _report(trained, options.count or COUNT, options.seed)
    record = {
        "run": str(trained.path),
        "learner": trained.name,
        **report.to_json(),
        "command": shlex.join(["hringur", "evaluate", *arguments]),
    }
    present(options, record, [report.table()])


def compare(trained: Sequence[Trained], options: Any, arguments: list[str]) -> None:
    """Samples of the fitted density of several runs, side by side."""
    rows: dict[str, Metrics] = {}
    for one in trained:
        found = _report(one, options.count or COUNT, 0).rows
        for name, row in found.items():
            if name.startswith("fitted"):
                rows[str(one.path) + name.removeprefix("fitted density")] = row
        rows["the data's halves"] = rows.pop("the data's halves", found["the data's halves"])
    tags = [tag for tag in COLUMNS if any(tag in row for row in rows.values())]

    def cell(name: str, tag: str) -> str:
        return format(rows[name][tag], spec(rows[name][tag], tag)) if tag in rows[name] else ""

    columns = [Column[str]("run", lambda name: name, text=True, wrap=True)]
    columns += [_measure(tag, cell) for tag in tags]
    record = {"rows": rows, "command": shlex.join(["hringur", "compare", *arguments])}
    present(options, record, [Table(columns=columns, rows=list(rows))])


def _measure(tag: str, cell: Any) -> Column[str]:
    return Column(COLUMNS[tag][0], lambda name: cell(name, tag), wrap=True)


def _report(trained: Trained, count: int, seed: int) -> Any:
    evaluator = trained.learner.evaluator(count)
    note(f"measuring {evaluator.count:,} strings of {trained.path} ...")
    return score_strings(trained.learner, evaluator, seed)
