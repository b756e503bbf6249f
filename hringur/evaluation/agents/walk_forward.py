"""Traders over a walk forward: each trained on a past and tested on what followed, fold by fold.

The tests of all folds lie one behind the other, so that their daily gains in a row are those of
somebody who trained anew at the beginning of each. Log wealth is averaged over assets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64
from matplotlib.figure import Figure

from hringur.data.figures import COLOURS, GREEN, GREY, light_grid, new_figure
from hringur.evaluation.agents.trading_report import BEGIN, Passage
from hringur.evaluation.statistics import Estimate, over_runs
from hringur.evaluation.tables import Column, Table, estimate_json
from hringur.evaluators.trading import maximum_drawdown, sharpe_ratio

TRADER = "trader"


@dataclass(frozen=True, kw_only=True, eq=False)
class Walk:
    """One policy on the tests of all folds, from S seeds."""

    name: str
    folds: tuple[Float64[np.ndarray, "S _"], ...]
    """daily change of log wealth in each fold, the mean over assets"""

    @property
    def gained(self) -> Float64[np.ndarray, "S D"]:
        """Of all folds in a row."""
        return np.concatenate(self.folds, axis=1)

    def percent(self, fold: int) -> float:
        """What the wealth grew by in a fold, of the mean log wealth over seeds."""
        return 100 * float(np.expm1(self.folds[fold].sum(axis=1).mean()))

    @property
    def total(self) -> Estimate:
        """The same of all folds, with its interval over seeds [fraction]."""
        whole = over_runs(self.gained.sum(axis=1))
        return Estimate(*(float(np.expm1(x)) for x in (whole.value, whole.low, whole.high)))

    @property
    def sharpe(self) -> float:
        """Annualised Sharpe ratio of all days, the mean over seeds."""
        return float(sharpe_ratio(self.gained).mean())

    @property
    def drawdown(self) -> float:
        """Largest loss from a former height over all folds, the mean over seeds [fraction]."""
        return float(maximum_drawdown(self.gained).mean())

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.name,
            "seeds": len(self.gained),
            "gain_percent_of_folds": [self.percent(fold) for fold in range(len(self.folds))],
            **estimate_json("gain", self.total),
            "sharpe_annual": self.sharpe,
            "max_drawdown": self.drawdown,
        }


def walks(tests: dict[str, list[list[list[Passage]]]]) -> list[Walk]:
    """Every agent, best first, then buy-and-hold and hindsight on the same days.

    ``tests`` has the passages of each agent by fold, seed and asset.
    """
    found = [_walk(name, folds, TRADER) for name, folds in tests.items()]
    once = [seeds[:1] for seeds in next(iter(tests.values()))]
    compared = once[0][0][0].compared
    others = [_walk(name, once, name) for name in compared if name != TRADER]
    return sorted(found, key=lambda one: -one.total.value) + others


def _walk(name: str, folds: Sequence[Sequence[Sequence[Passage]]], of: str) -> Walk:
    def seed(assets: Sequence[Passage]) -> Float64[np.ndarray, " T"]:
        return np.mean([one.compared[of] for one in assets], axis=0)

    return Walk(name=name, folds=tuple(np.stack([*map(seed, seeds)]) for seeds in folds))


def table(found: Sequence[Walk], title: str) -> Table[int]:
    """What wealth grew by in each fold and in all, costs taken off: a line for each fold.

    Policies are the columns, as there may be fifty folds.
    """
    folds = range(len(found[0].folds))
    names = [*(f"fold {fold + 1} %" for fold in folds), "all folds", "Sharpe", "drawdown %"]

    def column(one: Walk) -> Column[int]:
        cells = [*(f"{one.percent(fold):.1f}" for fold in folds), one.total.percent(1)]
        cells += [f"{one.sharpe:.2f}", f"{100 * one.drawdown:.0f}"]
        return Column(one.name, lambda row: cells[row], wrap=True)

    heading = Column[int]("", lambda row: names[row], text=True)
    return Table(title=title, columns=[heading, *map(column, found)], rows=range(len(names)))


def chart(found: Sequence[Walk], days: Sequence[np.ndarray], title: str) -> Figure:
    """Wealth over all folds; a line at the beginning of each, where the agents were trained anew.

    ``days`` are the dates of each fold's test, or none.
    """
    figure = new_figure(11.0, 5.0, title)
    axes = figure.subplots()
    axis = np.concatenate(days)
    known = {"buy and hold": GREY, "hindsight": GREEN}
    free = iter([colour for colour in COLOURS if colour != GREEN] * len(found))
    for one in found:
        wealth = BEGIN * np.exp(np.cumsum(one.gained, axis=1))
        colour = known.get(one.name) or next(free)
        axes.plot(axis, np.exp(np.log(wealth).mean(axis=0)), color=colour, label=one.name)
        axes.fill_between(axis, wealth.min(axis=0), wealth.max(axis=0), color=colour, alpha=0.15)
    for fold in days:
        axes.axvline(fold[0], color=GREY, linewidth=0.8, linestyle=":")
    axes.set(ylabel="wealth, from 100", yscale="log")
    axes.legend(frameon=False, loc="upper left")
    light_grid(axes, "both")
    return figure
