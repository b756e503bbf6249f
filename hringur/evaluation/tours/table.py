"""Many methods on one held-out set, side by side: for a terminal, a document or a program."""

import json
import math
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from hringur.evaluation.statistics import Estimate
from hringur.evaluation.tours.scores import Score

HEADINGS = ("method", "kind", "gap %", "interval", "optimal %", "ms each")
TEXT_COLUMNS = 2
SMALL = 0.0025
"""gaps below this fraction are told to four digits of a percent"""
STYLES = {"learned": "bold cyan", "heuristic": "", "exact": "green"}


def ranked(scores: Sequence[Score]) -> list[Score]:
    """Smallest mean gap first; of equal ones, the faster first."""
    return sorted(scores, key=lambda score: (score.mean_gap.value, score.seconds_per_instance))


def table(scores: Sequence[Score]) -> Table:
    """A table for the terminal."""
    result = Table(
        title=_title(scores), title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1)
    )
    for column, heading in enumerate(HEADINGS):
        text = column < TEXT_COLUMNS
        result.add_column(heading, justify="left" if text else "right", no_wrap=not text)
    for score in ranked(scores):
        result.add_row(*_row(score), style=STYLES[score.kind])
    return result


def markdown(scores: Sequence[Score]) -> str:
    """The same table for a document."""
    aligned = ["---"] * TEXT_COLUMNS + ["--:"] * (len(HEADINGS) - TEXT_COLUMNS)
    lines = [HEADINGS, aligned, *(_row(score) for score in ranked(scores))]
    return "\n".join([f"{_title(scores)}\n", *(f"| {' | '.join(line)} |" for line in lines), ""])


def as_json(scores: Sequence[Score], per_instance: bool = False) -> str:
    """The same figures for a program."""
    rows = [score.to_json(per_instance) for score in ranked(scores)]
    return json.dumps(rows, ensure_ascii=False, indent=2, allow_nan=False)


def percent_cells(estimate: Estimate) -> tuple[str, str]:
    """A gap and its interval [%], with digits enough to tell small ones apart."""
    if not math.isfinite(estimate.value):
        return "none", "invalid tours"
    digits = 4 if 0 < estimate.high < SMALL else 2
    gap, low, high = (
        f"{100 * part:.{digits}f}" for part in (estimate.value, estimate.low, estimate.high)
    )
    return gap, f"{low}-{high}"


def _title(scores: Sequence[Score]) -> str:
    """Which instances the figures are about."""
    sets = sorted({f"{score.held_out}, {len(score.length):,} instances" for score in scores})
    return f"{'; '.join(sets)}: mean gap to the optimum, 95 % interval"


def _row(score: Score) -> tuple[str, ...]:
    """One line of the table; a method with invalid tours is told by how many are valid."""
    gap, interval = percent_cells(score.mean_gap)
    if score.share_valid < 1:
        gap, interval = "none", f"valid {100 * score.share_valid:.1f} %"
    return (
        score.label,
        score.kind,
        gap,
        interval,
        f"{100 * score.share_optimal:.1f}",
        f"{1000 * score.seconds_per_instance:.2f}",
    )
