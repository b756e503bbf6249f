"""The picture of an episode: the price with buys and sells marked, below it the wealth made of it.

Only what has happened is drawn, and the scale follows it: even the picture tells nothing of
tomorrow.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int8, UInt8

from hringur.data.figures import GREEN, INK
from hringur.data.text import drawn
from hringur.data.trading.prices import Prices
from hringur.data.trading.processes import PROCESSES
from hringur.envs.tours.drawing import ROUTE, START, WAITING
from hringur.envs.trading.canvas import Canvas, Panel, ticks
from hringur.envs.trading.problem import TradingProblem

PAPER, GRID, HELD, OWED = "#fbfaf7", "#e6e2d8", "#dce8f2", "#f5e1d6"
BOUGHT, SOLD = GREEN, ROUTE
FAINT, PALE = "#66737a", "#c3cbd0"
SURVIVORS = "The shipped stocks are survivors: this says nothing of a portfolio chosen at the time."
LEFT, RIGHT = 0.075, 0.865
PRICE, WEALTH = (0.165, 0.60), (0.665, 0.915)
"""Where the panels begin and end, as fractions of the height."""


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
    return chart(story(problem, prices, path, first, position), problem.size)


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
        both = np.stack([position[1:], np.ones(passed, dtype=np.int8)])
        table = np.repeat(problem.terms.outcomes(known), 2, axis=0)
        ended = passed == problem.days  # sold at the last close
        gained[1:], held[1:] = np.cumsum(problem.terms.gains(both, table, ended), axis=1)
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


def chart(shown: Story, size: tuple[int, int]) -> UInt8[np.ndarray, "height width 3"]:
    """The picture; ``size`` is width and height [pixels]."""
    canvas = Canvas(size, PAPER)
    _draw_price(canvas, shown)
    _label_days(canvas, shown, _draw_wealth(canvas, shown))
    _draw_words(canvas, shown)
    return canvas.pixels()


def words_of(shown: Story) -> str:
    """What happened so far, in words."""
    bought, sold = (int((np.diff(shown.position) == sign).sum()) for sign in (1, -1))
    passed = len(shown.close) - 1
    if passed == shown.days:
        sold += int(shown.position[-1] == 1)
        bought += int(shown.position[-1] == -1)
    stand = f"{passed} days" if passed == shown.days else f"day {passed} of {shown.days}"
    note = f"{drawn(shown.name)}, {stand}, bought {_times(bought)}, sold {_times(sold)}"
    if shown.dates is not None:
        note += f", {shown.dates[0]} to {shown.dates[passed]}"
    return note


def fills(shown: Story, sign: int) -> np.ndarray:
    """Days on which orders to buy (1) or to sell (-1) were filled."""
    return np.flatnonzero(np.diff(shown.position) == sign) + 1


def _panel(
    canvas: Canvas, shown: Story, rows: tuple[float, float], up: tuple[float, float], percent: bool
) -> Panel:
    """Grid and its numbers, and a pale band over the days on which it was held, or owed."""
    across = (1.0 - len(shown.before), float(shown.days))
    panel = Panel(canvas, (LEFT, rows[0], RIGHT, rows[1]), across, up)
    for side, colour in ((1, HELD), (-1, OWED)):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], shown.position == side, [0]])))
        ends = np.minimum(edges.reshape(-1, 2) - 1, shown.days)
        canvas.fill(panel.at(ends[:, [0, 1, 1, 0]], [up[0], up[0], up[1], up[1]]), colour)
    for value in ticks(*up, most=6).tolist():
        ends = panel.at(across, value)
        canvas.line(ends, GRID, 1.2)
        text = f"{value:,.10g}"
        if percent:
            text = f"{value:+.3g} %" if value else "0 %"
        canvas.words(text, (ends[0, 0] - 6 * canvas.unit, ends[0, 1]), INK, 15, "right")
    return panel


def _draw_price(canvas: Canvas, shown: Story) -> None:
    """The close from day to day, strong where it was held or owed, and the fills."""
    low, high = _limits(np.concatenate([shown.before, shown.close, shown.filled]))
    panel = _panel(canvas, shown, PRICE, (low, high), percent=False)
    canvas.line(panel.at(np.arange(-len(shown.before) + 1, 1), shown.before), PALE, 1.5)
    day, long = np.arange(len(shown.close)), shown.position[1:] != 0
    for chosen, colour, width in ((~long, WAITING, 2.0), (long, START, 3.0)):
        canvas.line(_pieces(panel.at(day, shown.close), chosen), colour, width)
    size = 13.0 if shown.days <= 300 else 9.0
    for sign, shape, colour, aside in ((1, "up", BOUGHT, -0.022), (-1, "down", SOLD, 0.022)):
        when = fills(shown, sign)
        where = panel.at(when, shown.filled[when - 1] + aside * (high - low))
        canvas.marks(where, shape, colour, size)
    _name_end(canvas, panel.at(day[-1], shown.close[-1]), f"{shown.close[-1]:,.2f}", INK)
    _title(canvas, panel, "Price at the close")


def _draw_wealth(canvas: Canvas, shown: Story) -> Panel:
    """Wealth in percent of the beginning, beside that of buying at once."""
    day = np.arange(len(shown.wealth))
    hold, wealth = 100.0 * (shown.hold - 1.0), 100.0 * (shown.wealth - 1.0)
    low, high = _limits(np.concatenate([hold, wealth, [-1.0, 1.0]]))
    panel = _panel(canvas, shown, WEALTH, (low, high), percent=True)
    canvas.line(panel.at(panel.across, 0.0), WAITING, 1.2)
    canvas.line(panel.at(day, hold), WAITING, 2.1)
    canvas.line(panel.at(day, wealth), START, 3.2)
    apart = 0.085 * (high - low)  # labels do not meet
    middle = (hold[-1] + wealth[-1]) / 2.0
    close = abs(hold[-1] - wealth[-1]) < 2.0 * apart
    up = 1.0 if wealth[-1] >= hold[-1] else -1.0
    for value, text, colour, side in (
        (wealth[-1], f"{wealth[-1]:+.1f} %", START, up),
        (hold[-1], f"hold {hold[-1]:+.1f} %", FAINT, -up),
    ):
        height = middle + side * apart if close else value
        _name_end(canvas, panel.at(day[-1], height), text, colour)
    _title(canvas, panel, "Wealth, costs taken off")
    return panel


def _pieces(points: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The chosen ones of the pieces between neighbouring points, NaN between them."""
    gap = np.full((int(chosen.sum()), 2), np.nan)
    return np.stack([points[:-1][chosen], points[1:][chosen], gap], axis=1).reshape(-1, 2)


def _name_end(canvas: Canvas, end: np.ndarray, text: str, colour: str) -> None:
    """A line's name at its end, instead of a legend."""
    at = (float(end[0]) + 11 * canvas.unit, float(end[1]))
    canvas.words(text, at, colour, 16, bold=True, halo=PAPER)


def _title(canvas: Canvas, panel: Panel, text: str) -> None:
    canvas.words(text, (panel.left, panel.top - 16 * canvas.unit), INK, 16)


def _label_days(canvas: Canvas, shown: Story, panel: Panel) -> None:
    """Days of the episode, or the months of real dates."""
    below = panel.bottom + 18 * canvas.unit
    if shown.dates is None:
        names = {day: f"{day:g}" for day in ticks(*panel.across, most=8).tolist()}
        middle = (panel.left + panel.right) / 2
        canvas.words("day", (middle, below + 24 * canvas.unit), INK, 15, "middle")
    else:
        months = shown.dates.astype("datetime64[M]")
        first = np.flatnonzero(months[1:] != months[:-1]) + 1
        first = first[:: -(-len(first) // 6) or 1]
        dates = shown.dates[first].astype("datetime64[D]").tolist()
        named = (date.strftime("%b %Y") for date in dates)
        names = dict(zip(first.tolist(), named, strict=True))
    for day, text in names.items():
        canvas.words(text, (float(panel.at(day, 0.0)[0]), below), INK, 15, "middle")


def _draw_words(canvas: Canvas, shown: Story) -> None:
    left, right, height = LEFT * canvas.width, RIGHT * canvas.width, canvas.height
    gain = 100.0 * (shown.wealth[-1] - 1.0)
    canvas.words(f"{gain:+.1f} %", (left, 0.055 * height), INK, 32, bold=True)
    canvas.words(words_of(shown), (left, 0.095 * height), INK, 17)
    for text, colour in (("▼ sold", SOLD), ("▲ bought", BOUGHT)):
        canvas.words(text, (right, 0.055 * height), colour, 16, "right")
        right -= 82 * canvas.unit
    if shown.name in ("AAPL", "GOOG", "IBM", "MSFT"):
        at = (RIGHT * canvas.width, 0.985 * height)
        canvas.words(SURVIVORS, at, FAINT, 12, "right")


def _name(problem: TradingProblem, prices: Prices, path: int) -> str:
    if prices.names is not None:
        return prices.names[path]
    for name, process in PROCESSES.items():
        if isinstance(problem.source, process):
            return name.title()
    return "Prices"


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _limits(values: Float64[np.ndarray, " K"]) -> tuple[float, float]:
    """Room for markers above and below."""
    low, high = float(values.min()), float(values.max())
    room = 0.07 * (high - low) or 0.01 * abs(high) or 1.0
    return low - room, high + room
