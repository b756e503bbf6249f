"""One page about a trader: every day of its prices, what was seen in training and what was not.

The trader passes once over all days, asset by asset, in the environment. Beside it are buy-and-hold
and the optimum in hindsight, which knows the future and is out of reach.
"""

import base64
import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from io import BytesIO
from typing import Any

import numpy as np
from gymnasium.utils.seeding import np_random
from jaxtyping import Float64, Int8
from matplotlib.figure import Figure

from hringur.data.figures import BLUE, GREEN, GREY, ORANGE, light_grid, new_figure
from hringur.data.trading.prices import Prices
from hringur.envs.trading.problem import YEAR, TradingProblem
from hringur.envs.trading.vector_env import TradingVectorEnv
from hringur.evaluation.agents.trading import problem_of
from hringur.evaluation.agents.trading_costs import Payments, payments
from hringur.evaluation.tables import Column, Table
from hringur.evaluators.episodes import HELD_OUT_SEED
from hringur.evaluators.trading import maximum_drawdown, positions_of, turnover
from hringur.types import Decide

BEGIN = 100.0
"""Wealth at the beginning."""

STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em}
img{width:100%}table{border-collapse:collapse;margin:1em 0}td,th{text-align:right;padding:2px 12px;
border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}
caption{text-align:left;font-weight:bold}.in{color:#D55E00}.out{color:#009E73}code{color:#5F6368}"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Passage:
    """A trader on T days of one asset, beside what it is compared with."""

    name: str
    problem: TradingProblem
    prices: Prices
    """of this asset, from the day of the first decision on: T + 1 days"""
    positions: Int8[np.ndarray, " T"]
    gained: Float64[np.ndarray, " T"]
    """change of log wealth, as the environment rewarded it"""
    table: Float64[np.ndarray, "T P2"]
    """see ``Terms.outcomes``"""

    @property
    def days(self) -> np.ndarray:
        """Date, or number, of each close that is gained until."""
        if self.prices.dates is None:
            return np.arange(1, len(self.gained) + 1)
        return self.prices.dates[1:]

    @cached_property
    def compared(self) -> dict[str, Float64[np.ndarray, " T"]]:
        """Daily changes of log wealth of the trader, of buy-and-hold and of hindsight."""
        table, terms = self.table[None], self.problem.terms
        hold = np.ones((1, len(self.gained)), dtype=np.int8)
        best = terms.hindsight(table)[1]
        return {
            "trader": self.gained,
            "buy and hold": terms.gains(hold, table)[0],
            "hindsight": terms.gains(best, table)[0],
        }

    @cached_property
    def paid(self) -> Payments:
        """What trades and borrowing cost on each day, of a wealth that begins with 100."""
        opened, closed = self.prices.open[0].tolist(), self.prices.close[0].tolist()
        days = list(zip(opened[1:], closed[:-1], closed[1:], strict=True))
        return payments(self.problem.terms, days, self.positions.tolist(), BEGIN)


def passages(
    decide: Decide, env_id: str, env_options: Mapping[str, Any], most: int = 20
) -> Iterator[Passage]:
    """The trader on each asset, of at most so many; of a process on its first held-out path."""
    problem = problem_of(env_id, env_options)
    if not isinstance(problem.source, Prices):
        yield passage(decide, problem, str(env_options.get("prices", "ornstein-uhlenbeck")))
        return
    whole = problem.source.days - problem.window - 1
    for row in range(min(most, len(problem.source))):
        names = problem.source.names
        one = replace(
            problem.source,
            open=problem.source.open[row : row + 1],
            close=problem.source.close[row : row + 1],
            names=None if names is None else names[row : row + 1],
        )
        name = str(env_options.get("prices")) if names is None else names[row]
        yield passage(decide, replace(problem, source=one, days=whole), name)


def passage(decide: Decide, problem: TradingProblem, name: str) -> Passage:
    """All days of an episode, played by the trader."""
    env = TradingVectorEnv(problem, 1)
    observation, _ = env.reset(seed=HELD_OUT_SEED)
    actions, gained = [], []
    for _ in range(problem.days):
        actions.append(int(decide(observation, None)[0]))
        observation, reward, *_ = env.step(np.array(actions[-1:]))
        gained.append(float(reward[0]))
    numbers = problem.random_rows([np_random(HELD_OUT_SEED)[0]], [0])  # those of the environment
    paths, path, first = problem.from_random_rows(numbers)
    start, row = int(first[0]) + problem.window, int(path[0])
    span, asset = slice(start, start + problem.days + 1), slice(row, row + 1)
    dates = paths.prices.dates
    return Passage(
        name=name,
        problem=problem,
        prices=Prices(
            paths.prices.open[asset, span],
            paths.prices.close[asset, span],
            None if dates is None else dates[span],
        ),
        positions=positions_of(np.array([actions]), problem.terms.lowest)[0],
        gained=np.array(gained),
        table=paths.outcomes[row, int(first[0]) :][: problem.days],
    )


@dataclass(frozen=True, kw_only=True)
class Year:
    """A line of the table: some days of a passage."""

    name: str
    days: int
    percent: tuple[float, ...]
    """gained by the trader, by buy-and-hold and in hindsight"""
    drawdown_percent: float
    orders: int
    turnover: float
    fees: float
    """of trades: proportional and fixed, spread and slippage"""
    borrowing: float


def years(one: Passage) -> list[Year]:
    """By calendar year, or by 252 days where there are no dates; all of them last."""
    if one.prices.dates is None:
        names = (one.days - 1) // YEAR + 1
    else:
        names = one.days.astype("datetime64[Y]").astype(int) + 1970
    lines = [_year(one, str(name), names == name) for name in np.unique(names)]
    return [*lines, _year(one, "all", np.ones(len(names), dtype=bool))]


def _year(one: Passage, name: str, chosen: np.ndarray) -> Year:
    held = np.concatenate([[0], one.positions]).astype(np.int64)
    changed = np.abs(np.diff(held, append=0))
    changed = np.append(changed[:-2], changed[-2] + changed[-1])  # left at the end
    days = int(chosen.sum())
    return Year(
        name=name,
        days=days,
        percent=tuple(100 * float(np.expm1(g[chosen].sum())) for g in one.compared.values()),
        drawdown_percent=100 * float(maximum_drawdown(one.gained[None, chosen])[0]),
        orders=int(changed[chosen].sum()),
        turnover=YEAR * float(changed[chosen].sum()) / days,
        fees=float(one.paid.fees[chosen].sum()),
        borrowing=float(one.paid.borrowing[chosen].sum()),
    )


def year_table(one: Passage) -> Table[Year]:
    """Every year of a passage."""
    columns = [
        Column(f"{name} %", lambda year, at=at: f"{year.percent[at]:,.1f}")  # type: ignore[misc]
        for at, name in enumerate(one.compared)
    ]
    borrows = one.problem.terms.lowest < 0
    owed = [Column[Year]("borrowing", lambda year: f"{year.borrowing:.2f}")] if borrows else []
    return Table(
        title=f"year by year; fees{' and borrowing' * borrows} of a wealth that begins with 100",
        columns=[
            Column("year", lambda year: year.name, text=True),
            Column("days", lambda year: str(year.days)),
            *columns,
            Column("drawdown %", lambda year: f"{year.drawdown_percent:.1f}"),
            Column("orders", lambda year: str(year.orders)),
            Column("turnover a year", lambda year: f"{year.turnover:.1f}"),
            Column("fees", lambda year: f"{year.fees:.2f}"),
            *owed,
        ],
        rows=years(one),
    )


def picture(one: Passage) -> Figure:
    """Price with buys and sells, wealth beside both others, and the loss from the last height."""
    figure = new_figure(11.0, 9.0)
    price, wealth, loss = figure.subplots(3, 1, sharex=True, height_ratios=[3, 3, 1.5])
    close = one.prices.close[0, 1:]
    price.plot(one.days, close, color=GREY, linewidth=1)
    moved = np.diff(np.concatenate([[0], one.positions]).astype(np.int64))
    for sign, mark, colour, what in ((1, "^", GREEN, "bought"), (-1, "v", ORANGE, "sold")):
        when = np.flatnonzero(moved == sign)
        filled = one.prices.open[0, 1:][when]
        price.plot(one.days[when], filled, mark, color=colour, markersize=5, label=what)
    if (short := one.positions < 0).any():
        whole = {"transform": price.get_xaxis_transform(), "color": ORANGE, "alpha": 0.15}
        price.fill_between(one.days, 0, 1, where=short, step="pre", label="short", **whole)
    price.set(ylabel="price", yscale="log")
    for (name, gained), colour in zip(one.compared.items(), (BLUE, GREY, GREEN), strict=True):
        wealth.plot(one.days, BEGIN * np.exp(np.cumsum(gained)), color=colour, label=name)
    wealth.set(ylabel="wealth, from 100", yscale="log")
    for name, colour in (("trader", BLUE), ("buy and hold", GREY)):
        total = np.cumsum(one.compared[name])
        height = np.maximum(np.maximum.accumulate(total), 0.0)
        loss.plot(one.days, 100 * np.expm1(total - height), color=colour, linewidth=1)
    loss.set(ylabel="drawdown [%]")
    for axes in (price, wealth, loss):
        light_grid(axes, "both")
    for axes in (price, wealth):
        axes.legend(frameon=False, loc="upper left")
    return figure


def share_seen(played: TradingProblem, trained_on: TradingProblem) -> float | None:
    """The share of the days of a history that training saw; None: drawn anew, never seen."""
    if played.drawn:
        return None
    days = played.history_days
    return len(days & trained_on.history_days) / max(1, len(days))


def section(one: Passage, title: str, seen: float | None) -> str:
    """A passage as a part of the page."""
    stream = BytesIO()
    picture(one).savefig(stream, format="png", dpi=110)
    shown = base64.b64encode(stream.getvalue()).decode()
    told = "prices drawn anew, which no training saw"
    if seen is not None:
        told = f"{100 * seen:.0f} % of these days were in the sample that it was trained on"
    span = f"{len(one.gained):,} days"
    if one.prices.dates is not None:
        span += f", {one.days[0]} to {one.days[-1]}"
    rate = turnover(one.positions[None])[0]
    spent = f"{one.paid.fees.sum():.2f} of fees"
    if one.problem.terms.lowest < 0:
        spent += f", {one.paid.borrowing.sum():.2f} for borrowing"
    return (
        f"<h2>{html.escape(title)}</h2><p class={'in' if seen else 'out'}>{told}</p>"
        f"<p>{span}; {rate:.1f} orders a year, {spent}</p>"
        f'<img alt="price, wealth and drawdown" src="data:image/png;base64,{shown}">'
        f"{year_table(one)._repr_html_()}"
    )


def page(title: str, sections: Sequence[str], command: str) -> str:
    """The whole page, in one file."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style><h1>{html.escape(title)}</h1>"
        "<p>Hindsight knows all prices beforehand: nobody can reach it. Past prices promise "
        f"nothing.</p>{''.join(sections)}<p><code>{html.escape(command)}</code></p></html>\n"
    )
