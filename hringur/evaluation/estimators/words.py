"""What the estimator bench says in words: numbers short enough to read, and its verdict."""

import math
from collections.abc import Sequence

from hringur.evaluation.estimators.bench import PLAIN, Measurement

RELAXED = "gumbel-softmax"


def verdict(measured: Sequence[Measurement]) -> list[str]:
    """The lecture's claim, REINFORCE's high variance and the derivative's rescue, in numbers."""
    problems = list(dict.fromkeys(row.problem for row in measured))
    best = [_best([row for row in measured if row.problem == name]) for name in problems]
    parts = [f"{short(gain(row))} times that of {row.estimator} ({row.problem})" for row in best]
    high = sum(gain(row) > 2 for row in best)
    sentences = [
        f"REINFORCE's variance is high on {high} of {len(best)}"
        f" problem{'s' if len(best) > 1 else ''}, more than twice that of the best unbiased"
        f" estimator: {_joined(parts)}."
    ]
    for row in measured:
        if row.estimator == "pathwise":
            comes = "comes to the rescue" if gain(row) > 1 else "does not come to the rescue"
            sentences.append(
                f"The pathwise derivative {comes} on {row.problem}: its variance is"
                f" {short(gain(row))} times smaller, its bias {bias(row)} %."
            )
    relaxed = [row for row in measured if row.estimator == RELAXED]
    if relaxed:
        parts = [f"{short(gain(row))} times ({row.problem}: {bias(row)} %)" for row in relaxed]
        sentences.append(
            f"The relaxed derivative, {RELAXED}, pays for its smaller variance with a bias:"
            f" {_joined(parts)}."
        )
    return sentences


def gain(row: Measurement) -> float:
    """By how much REINFORCE's variance is larger."""
    return math.inf if row.relative_variance == 0 else 1 / row.relative_variance


def bias(row: Measurement) -> str:
    """``-24.5 ± 0.6``, along the exact gradient [%]."""
    half = (row.bias_percent.high - row.bias_percent.low) / 2
    digits = 2 if abs(row.bias_percent.value) + half < 10 else 1 if half < 10 else 0
    return f"{percent(row.bias_percent.value, digits)} ± {half:,.{digits}f}"


def percent(value: float, digits: int = 0) -> str:
    """With its sign, and no sign for nothing."""
    return f"{value:+,.{digits}f}".replace("-", "\N{MINUS SIGN}")


def short(number: float) -> str:
    """``0.83``, ``6.8``, ``47``, ``96,000``, ``3.4 million``: two digits say enough."""
    if not math.isfinite(number):
        return "infinitely many"
    if number >= 1e9:
        return f"{number / 1e9:,.2g} billion" if number < 1e11 else f"{number:.1e}"
    if number >= 1e6:
        millions = number / 1e6
        return f"{millions:.0f} million" if millions >= 10 else f"{millions:.1f} million"
    if number >= 10:
        size = 10 ** max(0, math.floor(math.log10(number)) - 1)
        return f"{round(number / size) * size:,}"
    return f"{number:.2g}" if number < 1 else f"{number:.1f}"


def _best(rows: Sequence[Measurement]) -> Measurement:
    """The least variance of what is unbiased and not plain."""
    others = [row for row in rows if row.unbiased and row.estimator != PLAIN]
    return min(others, key=lambda row: row.variance.value)


def _joined(parts: Sequence[str]) -> str:
    """As in a sentence."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
