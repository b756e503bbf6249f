"""Many methods on one held-out set, for a terminal, a document or a program."""

import math
from collections.abc import Sequence

from hringur.data.files import json_text
from hringur.evaluation.statistics import Estimate
from hringur.evaluation.tables import Column, Table
from hringur.evaluation.tours.scores import Score

SMALL = 0.0025
"""Gaps below this fraction are shown to four digits of a percent."""
STYLES = {"learned": "bold cyan", "heuristic": "", "exact": "green"}


def ranked(scores: Sequence[Score]) -> list[Score]:
    """Smallest mean gap first; of equal ones, the faster first."""
    return sorted(scores, key=lambda score: (score.mean_gap.value, score.seconds_per_instance))


def table(scores: Sequence[Score]) -> Table[Score]:
    """Gaps with their intervals, best first; a method with invalid tours has none."""
    sets = sorted({f"{score.held_out}, {len(score.length):,} instances" for score in scores})
    columns = [
        Column[Score]("method", lambda score: score.label, text=True, wrap=True),
        Column[Score]("kind", lambda score: score.kind, text=True, wrap=True),
        Column[Score]("gap %", lambda score: _gap_cells(score)[0]),
        Column[Score]("interval", lambda score: _gap_cells(score)[1]),
        Column[Score]("optimal %", lambda score: f"{100 * score.share_optimal:.1f}"),
        Column[Score]("ms each", lambda score: f"{1000 * score.seconds_per_instance:.2f}"),
    ]
    return Table(
        title=f"{'; '.join(sets)}: mean gap to the optimum, 95 % bootstrap interval",
        columns=columns,
        rows=ranked(scores),
        style=lambda score: STYLES[score.kind],
    )


def markdown(scores: Sequence[Score]) -> str:
    """The table for a document."""
    return table(scores).markdown()


def as_json(scores: Sequence[Score], per_instance: bool = False) -> str:
    """The same figures for a program."""
    return json_text([score.to_json(per_instance) for score in ranked(scores)])


def percent_cells(estimate: Estimate) -> tuple[str, str]:
    """A gap and its interval [%], with more digits for small ones."""
    if not math.isfinite(estimate.value):
        return "none", "invalid tours"
    largest = estimate.high if estimate.bounded else estimate.value
    digits = 4 if 0 < largest < SMALL else 2
    gap, low, high = (
        f"{100 * part:.{digits}f}" for part in (estimate.value, estimate.low, estimate.high)
    )
    if not estimate.bounded:
        return gap, "none"
    return gap, f"{low} to {high}" if estimate.low < 0 else f"{low}-{high}"


def _gap_cells(score: Score) -> tuple[str, str]:
    if score.share_valid < 1:
        return "none", f"valid {100 * score.share_valid:.1f} %"
    return percent_cells(score.mean_gap)
