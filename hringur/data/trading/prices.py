"""Prices of one asset, day by day: the record that price processes make and files are read into.

A day has two prices that matter to a trader who decides at the close and is filled at the next
open: the opening price and the closing price. Several paths of equal length lie in one record, one
a row; of real prices a path is an asset.
"""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from jaxtyping import Float64

from hringur.types import UserError


@dataclass(frozen=True, eq=False)
class Prices:
    """B price paths of D days each."""

    open: Float64[np.ndarray, "B D"]
    close: Float64[np.ndarray, "B D"]
    dates: np.ndarray | None = None  # [D] datetime64[D], real prices only
    names: tuple[str, ...] | None = None
    """of the assets, real prices only"""
    told: str | None = None
    """which columns of which file they are, in one line"""

    def __len__(self) -> int:
        return len(self.close)

    @property
    def days(self) -> int:
        """D, the number of days of each path."""
        return self.close.shape[1]

    def between(self, first: int, last: int) -> "Prices":
        """The days ``first`` .. ``last`` - 1."""
        dates = None if self.dates is None else self.dates[first:last]
        return replace(
            self, open=self.open[:, first:last], close=self.close[:, first:last], dates=dates
        )

    def largest_move(self) -> tuple[float, int]:
        """By what the price that moved most from one to the next was multiplied, and on which day.

        Prices follow each other from open to close to the next open.
        """
        path = np.log(np.stack([self.open, self.close], axis=2).reshape(len(self), -1))
        moves = np.diff(path)
        row, at = divmod(int(abs(moves).argmax()), moves.shape[1])
        return math.exp(moves[row, at]), (at + 1) // 2

    def say(self) -> None:
        """Tell once, on stderr, what was read."""
        if self.told is not None:
            _say_once(self.told)


@cache
def _say_once(line: str) -> None:
    print(line, file=sys.stderr)


def checked(
    prices: Prices,
    where: str,
    row: Callable[[int], str] = "day {}".format,
    max_gap_days: int | None = None,
) -> Prices:
    """The same prices, if they can be traded on.

    Args:
        prices: as they were read.
        where: the file or the source, for the message.
        row: how the message names a day, from its number counted from 0.
        max_gap_days: refuse a longer hole between two dates; nothing is ever filled in.

    Raises:
        UserError: fewer than two days, a price that is no number, zero or negative, dates that
            do not rise or are further apart than ``max_gap_days``; names the first such row.
    """
    if prices.open.shape != prices.close.shape or prices.days < 2:
        raise UserError(
            f"{where}: at least 2 days with open and close are needed, got {prices.days}"
        )
    for column, values in (("open", prices.open), ("close", prices.close)):
        wrong = ~(np.isfinite(values) & (values > 0.0))
        if wrong.any():
            day = int(wrong.any(axis=0).argmax())
            value = values[wrong[:, day].argmax(), day]
            raise UserError(f"{where}, {row(day)}: {column} must be above 0, got {value:g}")
    if prices.dates is not None:
        _check_dates(prices.dates, where, row, max_gap_days)
    return prices


def _check_dates(
    dates: np.ndarray, where: str, row: Callable[[int], str], max_gap_days: int | None
) -> None:
    """Each day once, in rising order, without holes."""
    step = np.diff(dates).astype("timedelta64[D]").astype(np.int64)
    for day in np.flatnonzero(step <= 0)[:1].tolist():
        what = "comes twice" if step[day] == 0 else f"comes after {dates[day]}"
        raise UserError(f"{where}, {row(day + 1)}: dates must rise, but {dates[day + 1]} {what}")
    if max_gap_days is None:
        return
    for day in np.flatnonzero(step > max_gap_days)[:1].tolist():
        raise UserError(
            f"{where}, {row(day + 1)}: {step[day]} days without prices before {dates[day + 1]}, "
            f"at most max_gap_days={max_gap_days} are taken; nothing is filled in"
        )


def split_factor(
    prices: Prices, ratio: Float64[np.ndarray, " D"], where: str, row: Callable[[int], str]
) -> Float64[np.ndarray, " D"]:
    """What the prices of one asset are multiplied with to undo its splits: 1 after the last one.

    ``ratio`` is the new shares for an old one from the opening of that day on; 0 or 1 on most
    days. Whether prices are adjusted already is seen from the openings on the days of splits.

    Raises:
        UserError: a ratio is negative or not finite, or prices neither follow nor ignore a split;
            names ``where`` and the ``row``.
    """
    wrong = ~(np.isfinite(ratio) & (ratio >= 0))
    for day in np.flatnonzero(wrong)[:1].tolist():
        raise UserError(f"{where}, {row(day)}: a split must be 0 or above, got {ratio[day]:g}")
    ratio = np.where(ratio == 0, 1.0, ratio)
    days = 1 + np.flatnonzero(ratio[1:] != 1)
    jump = np.log(prices.open[0, days] / prices.close[0, days - 1])
    size = np.log(ratio[days])
    followed, ignored = abs(jump + size) < abs(size) / 3, abs(jump) < abs(size) / 3
    if ignored.all():
        return np.ones_like(ratio)
    for day in days[~followed][:1].tolist():
        raise UserError(
            f"{where}, {row(day)}: prices neither all follow nor all ignore the splits, here of "
            f"{ratio[day]:g}; give adjusted prices in a column 'adj close'"
        )
    after = np.append(ratio[1:], 1.0)
    return 1.0 / np.cumprod(after[::-1])[::-1]
