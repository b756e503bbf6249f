"""The estimator bench for a terminal, a document, a program and TensorBoard."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from hringur.data.figures import save
from hringur.data.files import json_text, write_whole
from hringur.evaluation.estimators.bench import PLAIN, Measurement
from hringur.evaluation.estimators.plots import short, signed, variance_chart
from hringur.evaluation.estimators.problems import PROBLEMS, BenchProblem
from hringur.evaluation.tables import Column, Table, estimate_json
from hringur.types import UserError

CAPTION = (
    "*: does not promise to be unbiased; bias: along the exact gradient, in percent of its length,"
    " with its 95 % normal interval; gain: REINFORCE's variance over this one; µs: processor time"
    " of one estimate, forwards and backwards; var x s: variance times seconds"
)


def by_problem(measured: Sequence[Measurement]) -> Iterable[tuple[BenchProblem, list[Measurement]]]:
    """The measurements of each problem together, in the order of measuring."""
    for name, group in groupby(measured, key=lambda one: one.problem):
        yield PROBLEMS[name](), list(group)


def tables(measured: Sequence[Measurement], samples: int) -> list[Table[Measurement]]:
    """One for each problem, smallest variance first."""
    return [
        Table(
            title=f"{problem.name}: {problem.title}; {samples} samples,"
            f" {rows[0].estimates:,} estimates",
            columns=COLUMNS,
            rows=sorted(rows, key=lambda row: row.variance.value),
            style=_style,
        )
        for problem, rows in by_problem(measured)
    ]


def markdown(measured: Sequence[Measurement], samples: int) -> str:
    """The same tables for a document."""
    return "\n".join([*(one.markdown() for one in tables(measured, samples)), f"{CAPTION}.\n"])


def as_json(measured: Sequence[Measurement], settings: dict[str, Any]) -> dict[str, Any]:
    """For a program; percents as percents, times in seconds."""
    rows = [
        {
            "problem": row.problem,
            "estimator": row.estimator,
            "promises_unbiased": row.unbiased,
            "evaluations_of_f": row.evaluations,
            "bias_percent": row.bias_percent.value,
            "bias_interval": [row.bias_percent.low, row.bias_percent.high],
            "p_value_of_no_bias": row.p_value,
            **estimate_json("variance", row.variance),
            "relative_variance": row.relative_variance,
            "seconds": row.seconds,
            "variance_times_seconds": row.cost,
        }
        for row in measured
    ]
    return {"settings": settings, "measurements": rows}


def write(
    measured: Sequence[Measurement], settings: dict[str, Any], folder: Path, samples: int
) -> list[Path]:
    """Tables, JSON, the figure, and TensorBoard's events with one run for each estimator."""
    write_whole(folder / "results.md", markdown(measured, samples))
    write_whole(folder / "results.json", json_text(as_json(measured, settings)) + "\n")
    figure = variance_chart(list(by_problem(measured)), samples)
    for name in dict.fromkeys(row.estimator for row in measured):
        with SummaryWriter(str(folder / name)) as writer:
            for row in measured:
                if row.estimator == name:
                    _log(writer, row)
    with SummaryWriter(str(folder)) as writer:
        writer.add_figure("estimators/variance", figure, close=False)
    return [
        folder / "results.md",
        folder / "results.json",
        save(figure, folder / "estimators.png"),
    ]


def make_folder(folder: Path) -> None:
    """Make a new folder; a ``UserError`` if something is in it, or it cannot be made."""
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(f"the folder {folder} exists already: choose another")
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot create the folder {folder}: {error.strerror}") from error


def bias(row: Measurement) -> str:
    """``-24.5 ± 0.6``, along the exact gradient [%]."""
    half = (row.bias_percent.high - row.bias_percent.low) / 2
    digits = 2 if abs(row.bias_percent.value) + half < 10 else 1 if half < 10 else 0
    return f"{signed(row.bias_percent.value, digits)} ± {half:,.{digits}f}"


def _broken(row: Measurement) -> bool:
    return row.unbiased and row.biased


def _style(row: Measurement) -> str:
    if _broken(row):
        return "bold red"
    return "bold" if row.estimator == PLAIN else "" if row.unbiased else "yellow"


def _log(writer: SummaryWriter, row: Measurement) -> None:
    for count, along, variance in row.curve:
        writer.add_scalar(f"{row.problem}/bias_percent", along, count)
        writer.add_scalar(f"{row.problem}/variance", variance, count)
    writer.add_scalar(f"{row.problem}/relative_variance", row.relative_variance, row.estimates)
    writer.add_scalar(f"{row.problem}/seconds", row.seconds, row.estimates)
    writer.add_scalar(f"{row.problem}/variance_times_seconds", row.cost, row.estimates)


COLUMNS = (
    Column[Measurement](
        "estimator",
        lambda row: f"{row.estimator}{' BROKEN' if _broken(row) else '' if row.unbiased else ' *'}",
        text=True,
    ),
    Column[Measurement]("bias %", bias),
    Column[Measurement](
        "variance",
        lambda row: format(row.variance.value, ".1e" if row.variance.value < 1e-3 else ".3g"),
    ),
    Column[Measurement]("gain", lambda row: short(row.gain)),
    Column[Measurement]("µs", lambda row: f"{1e6 * row.seconds:,.0f}"),
    Column[Measurement]("var x s", lambda row: f"{row.cost:.1e}"),
)
