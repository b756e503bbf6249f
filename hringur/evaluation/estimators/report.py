"""The estimator bench for a terminal, a document, a program and TensorBoard."""

import json
import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from torch.utils.tensorboard import SummaryWriter

from hringur.data.files import write_whole
from hringur.evaluation.estimators.bench import PLAIN, Measurement
from hringur.evaluation.estimators.plots import variance_chart
from hringur.evaluation.estimators.problems import PROBLEMS, BenchProblem
from hringur.evaluation.estimators.words import bias, gain, short, verdict
from hringur.evaluation.statistics import Estimate
from hringur.evaluation.tours import plots
from hringur.types import UserError

HEADINGS = ("estimator", "bias %", "variance", "gain", "µs", "var x s")
TEXT_COLUMNS = 1
CAPTION = (
    "*: does not promise to be unbiased; bias: along the exact gradient, in percent of its length,"
    " with the 95 % interval; gain: REINFORCE's variance over this one; µs: processor time of one"
    " estimate, forwards and backwards; var x s: variance times seconds"
)


def by_problem(measured: Sequence[Measurement]) -> Iterable[tuple[BenchProblem, list[Measurement]]]:
    """The measurements of each problem together, in the order of measuring."""
    for name, group in groupby(measured, key=lambda one: one.problem):
        yield PROBLEMS[name](), list(group)


def tables(measured: Sequence[Measurement], samples: int) -> list[Table]:
    """For the terminal: one for each problem, smallest variance first."""
    result = []
    for problem, rows in by_problem(measured):
        table = Table(
            title=_title(problem, rows, samples),
            title_justify="left",
            box=SIMPLE_HEAD,
            pad_edge=False,
            padding=(0, 1, 0, 0),  # a line fits into 80 columns
        )
        for column, heading in enumerate(HEADINGS):
            left = column < TEXT_COLUMNS
            table.add_column(heading, justify="left" if left else "right", no_wrap=True)
        for row in ranked(rows):
            style = "bold" if row.estimator == PLAIN else "" if row.unbiased else "yellow"
            table.add_row(*cells(row), style="bold red" if broken(row) else style)
        result.append(table)
    return result


def markdown(measured: Sequence[Measurement], samples: int) -> str:
    """The same tables for a document."""
    aligned = ["---"] * TEXT_COLUMNS + ["--:"] * (len(HEADINGS) - TEXT_COLUMNS)
    lines = []
    for problem, rows in by_problem(measured):
        lines += [f"{_title(problem, rows, samples)}\n"]
        lines += [
            f"| {' | '.join(line)} |" for line in (HEADINGS, aligned, *map(cells, ranked(rows)))
        ]
        lines += [""]
    return "\n".join([*lines, f"{CAPTION}.\n", *verdict(measured), ""])


def as_json(measured: Sequence[Measurement], settings: dict[str, Any]) -> dict[str, Any]:
    """For a program; percents as percents, times in seconds."""
    rows = [
        {
            "problem": row.problem,
            "estimator": row.estimator,
            "promises_unbiased": row.unbiased,
            "evaluations_of_f": row.evaluations,
            "bias_percent": row.bias_percent.value,
            "bias_interval": _interval(row.bias_percent),
            "p_value_of_no_bias": row.p_value,
            "variance": row.variance.value,
            "variance_interval": _interval(row.variance),
            "relative_variance": row.relative_variance,
            "seconds": row.seconds,
            "variance_times_seconds": row.cost,
        }
        for row in measured
    ]
    return {"settings": settings, "measurements": rows, "verdict": verdict(measured)}


def ranked(rows: Sequence[Measurement]) -> list[Measurement]:
    """Smallest variance first."""
    return sorted(rows, key=lambda row: row.variance.value)


def broken(row: Measurement) -> bool:
    """Whether what was measured contradicts the promise."""
    return row.unbiased and row.biased


def cells(row: Measurement) -> tuple[str, ...]:
    """One line of either table."""
    return (
        f"{row.estimator}{' BROKEN' if broken(row) else '' if row.unbiased else ' *'}",
        bias(row),
        f"{row.variance.value:.1e}" if row.variance.value < 1e-3 else f"{row.variance.value:.3g}",
        short(gain(row)).replace(" million", "M"),
        f"{1e6 * row.seconds:,.0f}",
        f"{row.cost:.1e}",
    )


def write(
    measured: Sequence[Measurement], settings: dict[str, Any], folder: Path, samples: int
) -> list[Path]:
    """Tables, JSON, the figure, and TensorBoard's events with one run for each estimator."""
    write_whole(folder / "results.md", markdown(measured, samples))
    text = json.dumps(_without_infinity(as_json(measured, settings)), indent=2, allow_nan=False)
    write_whole(folder / "results.json", text + "\n")
    figure = variance_chart(list(by_problem(measured)), samples)
    for name in dict.fromkeys(row.estimator for row in measured):
        writer = SummaryWriter(str(folder / name))
        for row in measured:
            if row.estimator == name:
                _log(writer, row)
        writer.close()
    writer = SummaryWriter(str(folder))
    writer.add_figure("estimators/variance", figure, close=False)
    writer.close()
    return [
        folder / "results.md",
        folder / "results.json",
        plots.save(figure, folder / "estimators.png"),
    ]


def make_folder(folder: Path) -> None:
    """A new folder, or an empty one.

    Raises:
        UserError: something is in it, or it cannot be made.
    """
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(f"the folder {folder} exists already: choose another")
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot create the folder {folder}: {error.strerror}") from error


def _log(writer: SummaryWriter, row: Measurement) -> None:
    """Curves over the number of estimates, and what there is once."""
    for count, along, variance in row.curve:
        writer.add_scalar(f"{row.problem}/bias_percent", along, count)
        writer.add_scalar(f"{row.problem}/variance", variance, count)
    writer.add_scalar(f"{row.problem}/relative_variance", row.relative_variance, row.estimates)
    writer.add_scalar(f"{row.problem}/seconds", row.seconds, row.estimates)
    writer.add_scalar(f"{row.problem}/variance_times_seconds", row.cost, row.estimates)


def _title(problem: BenchProblem, rows: Sequence[Measurement], samples: int) -> str:
    return f"{problem.name}: {problem.title}; {samples} samples, {rows[0].estimates:,} estimates"


def _interval(estimate: Estimate) -> list[float]:
    return [estimate.low, estimate.high]


def _without_infinity(value: Any) -> Any:
    """JSON has no infinity; a ratio to a variance of nothing has no value."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_infinity(part) for key, part in value.items()}
    return [_without_infinity(part) for part in value] if isinstance(value, list) else value
