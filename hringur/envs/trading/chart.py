"""The picture of an episode: the price with buys and sells marked, below it the wealth made of it.

Only what has happened is drawn, and the scale follows it: even the picture tells nothing of
tomorrow. Drawn with matplotlib's objects and the Agg canvas, never its global state.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int8, UInt8
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from hringur.data.text import drawn
from hringur.data.trading.prices import Prices
from hringur.data.trading.processes import PROCESSES
from hringur.envs.tours.drawing import DOTS_PER_INCH, ROUTE, START, WAITING, pixels
from hringur.envs.tours.iceland_map import INK
from hringur.envs.trading.problem import TradingProblem
from hringur.references.trading.optimum import outcomes

INCHES = (12.0, 9.0)
PAPER, GRID, HELD, BOUGHT, SOLD = "#fbfaf7", "#e6e2d8", "#dce8f2", "#1f8a70", ROUTE
SURVIVORS = "The shipped stocks are survivors: this says nothing of a portfolio chosen at the time."


@dataclass(frozen=True, eq=False)
class Story:
    """An episode so far, on K days after its first one."""

    name: str
    days: int
    """of the whole episode"""
    before: Float64[np.ndarray, " W1"]
    """closes of the window that was looked back on, today's included"""
    close: Float64[np.ndarray, " K1"]
    filled: Float64[np.ndarray, " K"]
    """opening prices at which orders of the day before were filled"""
    position: Int8[np.ndarray, " K1"]
    wealth: Float64[np.ndarray, " K1"]
    """1 at the beginning, costs taken off"""
    hold: Float64[np.ndarray, " K1"]
    """of buying at once"""
    dates: np.ndarray | None
    """of the whole episode"""


def frame(
    problem: TradingProblem,
    prices: Prices,
    path: int,
    first: int,
    position: Int8[np.ndarray, " K1"],
) -> UInt8[np.ndarray, "height width 3"]:
    """What an environment looks like with these positions so far."""
    return pixels(trading_figure(story(problem, prices, path, first, position)))


def story(
    problem: TradingProblem,
    prices: Prices,
    path: int,
    first: int,
    position: Int8[np.ndarray, " K1"],
) -> Story:
    """What the picture tells, from the prices up to the last day that was traded on."""
    start, passed = first + problem.window, len(position) - 1
    span = slice(start, start + passed + 1)
    known = Prices(prices.open[path : path + 1, span], prices.close[path : path + 1, span])
    gained, held = np.zeros(passed + 1), np.zeros(passed + 1)
    if passed:
        table = outcomes(known, problem.buy_cost, problem.sell_cost)[0]
        code = 2 * position[:-1].astype(np.int64) + position[1:]
        gained[1:] = np.cumsum(table[np.arange(passed), code])
        held[1:] = np.log(known.close[0, 1:] / known.open[0, 1]) - problem.buy_cost
    if passed == problem.days:  # sold at the last close
        gained[-1] -= problem.sell_cost * int(position[-1])
        held[-1] -= problem.sell_cost
    whole = slice(start, start + problem.days + 1)
    return Story(
        name=_name(problem, prices, path),
        days=problem.days,
        before=prices.close[path, first : start + 1],
        close=known.close[0],
        filled=known.open[0, 1:],
        position=position,
        wealth=np.exp(gained),
        hold=np.exp(held),
        dates=None if prices.dates is None else prices.dates[whole],
    )


def trading_figure(shown: Story) -> Figure:
    """A figure of 1200 x 900 pixels, ready for ``savefig`` or TensorBoard."""
    figure = Figure(INCHES, dpi=DOTS_PER_INCH, facecolor=PAPER)
    upper = figure.add_axes((0.075, 0.40, 0.79, 0.435))
    lower = figure.add_axes((0.075, 0.085, 0.79, 0.25), sharex=upper)
    for axes in (upper, lower):
        _prepare(axes, shown)
    _draw_price(upper, shown)
    _draw_wealth(lower, shown)
    upper.tick_params(labelbottom=False)
    _label_days(lower, shown)
    _draw_words(figure, shown)
    return figure


def _name(problem: TradingProblem, prices: Prices, path: int) -> str:
    if prices.names is not None:
        return prices.names[path]
    for name, process in PROCESSES.items():
        if isinstance(problem.source, process):
            return name.title()
    return "Prices"


def _prepare(axes: Axes, shown: Story) -> None:
    """Paper, grid, and a pale band over the days on which the asset was held."""
    axes.set_facecolor(PAPER)
    axes.set_xlim(-len(shown.before) + 1, shown.days)
    axes.grid(axis="y", color=GRID, linewidth=0.9)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.tick_params(length=0, colors=INK, labelsize=11)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], shown.position, [0]])))
    for begin, end in edges.reshape(-1, 2).tolist():
        axes.axvspan(begin - 1, min(end - 1, shown.days), color=HELD, linewidth=0, zorder=0)


def _draw_price(axes: Axes, shown: Story) -> None:
    """The close from day to day, strong where it was held, and the fills."""
    ago = np.arange(-len(shown.before) + 1, 1)
    axes.plot(ago, shown.before, color=WAITING, linewidth=1.1, alpha=0.55, zorder=3)
    day = np.arange(len(shown.close))
    corners = np.stack([day, shown.close], axis=1)
    pieces = np.stack([corners[:-1], corners[1:]], axis=1)
    long = shown.position[1:] == 1
    for chosen, colour, width in ((~long, WAITING, 1.5), (long, START, 2.2)):
        line = LineCollection(list(pieces[chosen]), colors=colour, linewidths=width, zorder=4)
        line.set_capstyle("round")
        axes.add_collection(line, autolim=False)
    low, high = _limits(np.concatenate([shown.before, shown.close, shown.filled]))
    axes.set_ylim(low, high)
    change, size = np.diff(shown.position), 90.0 if shown.days <= 300 else 40.0
    for sign, marker, colour, aside in ((1, "^", BOUGHT, -0.022), (-1, "v", SOLD, 0.022)):
        when = np.flatnonzero(change == sign)
        where = shown.filled[when] + aside * (high - low)
        axes.scatter(
            when + 1, where, s=size, marker=marker, c=colour, edgecolors="white", lw=0.9, zorder=6
        )
    _name_end(axes, len(day) - 1, shown.close[-1], f"{shown.close[-1]:,.2f}", INK)
    axes.set_title("Price at the close", loc="left", fontsize=11.5, color=INK, pad=8)


def _draw_wealth(axes: Axes, shown: Story) -> None:
    """Wealth in percent of the beginning, beside that of buying at once."""
    day = np.arange(len(shown.wealth))
    hold, wealth = 100.0 * (shown.hold - 1.0), 100.0 * (shown.wealth - 1.0)
    axes.axhline(0.0, color=WAITING, linewidth=0.9, zorder=2)
    axes.plot(day, hold, color=WAITING, linewidth=1.6, zorder=3)
    axes.plot(day, wealth, color=START, linewidth=2.4, zorder=4)
    low, high = _limits(np.concatenate([hold, wealth, [-1.0, 1.0]]))
    axes.set_ylim(low, high)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:+.3g} %" if value else "0 %")
    apart = 0.085 * (high - low)  # labels do not meet
    middle = (hold[-1] + wealth[-1]) / 2.0
    close = abs(hold[-1] - wealth[-1]) < 2.0 * apart
    up = 1.0 if wealth[-1] >= hold[-1] else -1.0
    for value, text, colour, side in (
        (wealth[-1], f"{wealth[-1]:+.1f} %", START, up),
        (hold[-1], f"hold {hold[-1]:+.1f} %", "#66737a", -up),
    ):
        _name_end(axes, len(day) - 1, middle + side * apart if close else value, text, colour)
    axes.set_title("Wealth, costs taken off", loc="left", fontsize=11.5, color=INK, pad=8)


def _name_end(axes: Axes, day: int, value: float, text: str, colour: str) -> None:
    """A line's name at its end, instead of a legend."""
    halo = [withStroke(linewidth=3, foreground=PAPER)]
    axes.annotate(
        text,
        (day, value),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        color=colour,
        fontsize=11.5,
        fontweight="bold",
        path_effects=halo,
        annotation_clip=False,
        zorder=8,
    )


def _label_days(axes: Axes, shown: Story) -> None:
    """Days of the episode, or the months of real dates."""
    if shown.dates is None:
        axes.set_xlabel("day", color=INK, fontsize=11)
        return
    months = shown.dates.astype("datetime64[M]")
    first = np.flatnonzero(months[1:] != months[:-1]) + 1
    first = first[:: -(-len(first) // 6) or 1]
    axes.set_xticks(first)
    dates = shown.dates[first].astype("datetime64[D]").tolist()
    axes.set_xticklabels([date.strftime("%b %Y") for date in dates])


def _draw_words(figure: Figure, shown: Story) -> None:
    gain = 100.0 * (shown.wealth[-1] - 1.0)
    bought, sold = (int((np.diff(shown.position) == sign).sum()) for sign in (1, -1))
    passed = len(shown.close) - 1
    if passed == shown.days:
        sold += int(shown.position[-1])
    stand = f"{passed} days" if passed == shown.days else f"day {passed} of {shown.days}"
    note = f"{drawn(shown.name)}, {stand}, bought {_times(bought)}, sold {_times(sold)}"
    if shown.dates is not None:
        note += f", {shown.dates[0]} to {shown.dates[passed]}"
    figure.text(
        0.075, 0.945, f"{gain:+.1f} %", fontsize=23, fontweight="bold", color=INK, va="center"
    )
    figure.text(0.075, 0.907, note, fontsize=12.5, color=INK, va="center")
    x = 0.865
    for text, colour in (("▼ sold", SOLD), ("▲ bought", BOUGHT)):
        figure.text(x, 0.945, text, fontsize=11.5, color=colour, ha="right", va="center")
        x -= 0.068
    if shown.name in ("AAPL", "GOOG", "IBM", "MSFT"):
        figure.text(0.865, 0.012, SURVIVORS, fontsize=8.5, color="#66737a", ha="right", va="bottom")


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _limits(values: Float64[np.ndarray, " K"]) -> tuple[float, float]:
    """Room for markers above and below."""
    low, high = float(values.min()), float(values.max())
    room = 0.07 * (high - low) or 0.01 * abs(high) or 1.0
    return low - room, high + room
