"""Daily prices from files: the stocks that ship with the package, and a user's CSV or Parquet.

Whatever is wrong with a file is refused at the door, in one line that names file, row and value.
Missing prices are never filled in: a price of tomorrow copied back to today is a glimpse of the
future, a price of yesterday carried forward is one at which nobody traded.
"""

import csv
import gzip
import hashlib
import io
import re
from contextlib import suppress
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from hringur.data.text import number
from hringur.data.trading.assets import SHOWN, one_asset, parting
from hringur.data.trading.columns import (
    Role,
    is_harmless,
    is_usual,
    may_matter,
    ratio,
    roles_of,
)
from hringur.data.trading.prices import Prices, checked, split_factor
from hringur.data.trading.tables import Table, csv_table, parquet_table
from hringur.types import UserError, printable

STOCKS_SHA256 = "5abadf99b2d394f920120a27de6f0df129859d71d4cfb0bf661bcc99446ab1fd"
MAX_GAP_DAYS = 14
"""No regular closure of an exchange is longer: up to 13 days in Taipei, 12 in Jakarta, 11 in Tokyo,
Shanghai and Seoul, 7 in New York (September 2001)."""

LARGE_MOVE = 1.8
"""More than that from one price to the next is a split that was not undone, or an error, rather
than a market."""

LEAST_COMPARED, MOVES_ALIKE = 8, 0.01
"""Days from which two columns are compared, and a difference of their logarithms' moves."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DAYS = re.compile(rf"{_DAY.pattern}(,{_DAY.pattern})*+", re.ASCII)
PLAIN_NUMBERS = b"0123456789.,"
"""Of columns that may be read as a whole: what ``float`` and ``number`` read alike."""
NEEDED = "needed are date, open and close; docs/stock_trading.md tells what else is understood"


def shipped_stocks(ticker: str | None = None) -> Prices:
    """Daily prices of AAPL, GOOG, IBM, MSFT to 2013-03-01, or META's first months ("FB").

    Adjusted for splits and dividends by ``adj close / close``. With a ticker its whole history;
    without one the four long series on their common days. All four are **survivors**: a result on
    them says nothing of a portfolio chosen at the time. Source: NOTICE.

    Raises:
        UserError: there is no such ticker.
    """
    series = _stocks()
    if ticker is not None:
        if ticker not in series:
            raise UserError(f"ticker must be one of {', '.join(series)}, got {ticker!r}")
        return series[ticker]
    long = {name: prices for name, prices in series.items() if name != "FB"}
    first = max(_dates(prices)[0] for prices in long.values())
    common = [
        prices.between(int(_dates(prices).searchsorted(first)), prices.days)
        for prices in long.values()
    ]
    return Prices(
        np.concatenate([prices.open for prices in common]),
        np.concatenate([prices.close for prices in common]),
        common[0].dates,
        tuple(long),
    )


def read_prices(
    path: str | Path, max_gap_days: int = MAX_GAP_DAYS, symbol: str | None = None
) -> Prices:
    """``prices_of_file``, and what was used is said once, in one line on stderr."""
    prices = prices_of_file(path, max_gap_days, symbol)
    prices.say()
    return prices


def prices_of_file(path: str | Path, max_gap_days: int, symbol: str | None) -> Prices:
    """One asset's daily prices from a CSV file, or from Parquet (``.parquet``, ``.pq``).

    Columns are known by their vendors' names (``columns``), in any order: date, open and close. An
    adjusted close adjusts open and close alike; so do splits where there is none. ``told`` is what
    was used, and a move of more than ``LARGE_MOVE`` from one price to the next. Dates are days
    without a time zone.

    Args:
        path: the file.
        max_gap_days: what two dates in a row may be apart.
        symbol: which asset to read where the file has several.

    Raises:
        UserError: as the module says; a hole of more than ``max_gap_days`` days, several assets
            and no ``symbol``, or a column about adjusting that cannot be understood.
    """
    if type(max_gap_days) is not int or max_gap_days < 1:
        raise UserError(f"max_gap_days must be a whole number from 1, got {max_gap_days!r}")
    parquet = Path(path).suffix.lower() in (".parquet", ".pq")
    table = one_asset((parquet_table if parquet else csv_table)(path), str(path), symbol)
    name = printable(symbol or Path(path).stem)
    prices, used = _prices(table, str(path), name, max_gap_days)
    line = printable(f"hringur: {path}: {prices.days:,} days of {used}")
    return replace(prices, told=line)


@cache
def _stocks() -> dict[str, Prices]:
    content = (resources.files("hringur.data.trading") / "markets" / "stocks.csv.gz").read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != STOCKS_SHA256:
        raise UserError(
            f"hringur/data/trading/markets/stocks.csv.gz is damaged: its SHA-256 is {found}"
        )
    header, *lines = csv.reader(io.StringIO(gzip.decompress(content).decode()))
    table = Table(header, [list(column) for column in zip(*lines, strict=True)], "row {}".format)
    return {
        ticker: _prices(one_asset(table, "stocks.csv.gz", ticker), "stocks.csv.gz", ticker)[0]
        for ticker in dict.fromkeys(table.columns[0])
    }


def _prices(
    table: Table, where: str, name: str, max_gap_days: int = MAX_GAP_DAYS
) -> tuple[Prices, str]:
    """Columns to prices, each cell looked at; and which columns were used, in words."""
    roles = roles_of(table.names, where)
    pair: tuple[Role, Role] = ("open", "close")
    if not {"open", "close"} <= roles.keys() and {"adj open", "adj close"} <= roles.keys():
        pair = ("adj open", "adj close")
    for role in ("date", *pair):
        if role not in roles:
            found = ", ".join(map(str, table.names)) or "nothing"
            raise UserError(f"{where}: column {role!r} is missing; {NEEDED}; found: {found}")
    if len(table.columns[0]) < 2:
        raise UserError(
            f"{where}: at least 2 rows of prices are needed, got {len(table.columns[0])}"
        )
    dates = _days(table, roles["date"], where)
    opened, closed = (_numbers(table, roles[role], role, where)[None] for role in pair)
    raw = checked(Prices(opened, closed, dates, (name,)), where, table.row, max_gap_days)
    prices, by = raw, None
    if "adj close" in roles and "adj close" not in pair:
        by = roles["adj close"]
        adjusted = _numbers(table, by, "adj close", where)[None]
        with np.errstate(all="ignore"):  # what is not finite is refused below
            prices = Prices(raw.open * (adjusted / raw.close), adjusted, dates, (name,))
    elif "split" in roles and "adj close" not in pair:
        by = roles["split"]
        factor = split_factor(raw, _numbers(table, by, "split", where), where, table.row)
        prices = Prices(raw.open * factor, raw.close * factor, dates, (name,))
    used = [roles["date"], *(roles[role] for role in pair), *([] if by is None else [by])]
    words = f"{table.names[used[1]]} and {table.names[used[2]]}"
    words += "" if by is None else f", adjusted by {table.names[by]}"
    words += _unused(table, used, "adj close" in roles, where)
    prices = checked(prices, f"{where}, {words}", table.row)
    return prices, words + _jump(table, used, prices, where)


def _jump(table: Table, used: list[int], prices: Prices, where: str) -> str:
    """What to say of a move that is larger than those of markets.

    Raises:
        UserError: such moves go with the changes of a column.
    """
    times, day = prices.largest_move()
    if max(times, 1 / times) <= LARGE_MOVE:
        return ""
    if name := parting(table, used, prices, LARGE_MOVE):
        raise UserError(
            f"{where}, {table.row(day)}: the price is {times:.3g} times the one before, and moves "
            f"so where {name!r} changes only: if that tells assets apart, choose one with "
            "symbol=..., else adjust the prices"
        )
    if name := steadier(table, used, prices, day):
        raise UserError(
            f"{where}, {table.row(day)}: the price is {times:.3g} times the one before, that in "
            f"{name!r} is not: if it is an adjusted price, call it 'adj close', else remove it"
        )
    return f"; check {table.row(day)}: its price is {times:.3g} times the one before"


def steadier(table: Table, used: list[int], prices: Prices, day: int) -> str | None:
    """The column, if there is one, that moves with the close on all days but ``day``.

    So does an adjusted close under whatever name. Dividends and rounding may part them a little.
    """
    close = np.log(prices.close[0])
    for at, name in enumerate(table.names):
        if at in used or prices.days < LEAST_COMPARED:
            continue
        with suppress(UserError), np.errstate(all="ignore"):
            column = np.log(_numbers(table, at, "close", ""))
            moves, apart = abs(np.diff(column)), abs(np.diff(column - close))
            others = np.delete(apart, day - 1)
            same = np.isfinite(column).all() and np.quantile(others, 0.95) < MOVES_ALIKE
            if day and same and moves[day - 1] < apart[day - 1] / 2:
                return name
    return None


def _unused(table: Table, used: list[int], adjusted: bool, where: str) -> str:
    """Names the columns that other readers might adjust by, other prices, and what is not known.

    Raises:
        UserError: nothing is adjusted, and one of them changes from day to day.
    """
    left = [
        at
        for at, name in enumerate(table.names)
        if at not in used and (may_matter(name) or not (is_usual(name) or _is_one(table, at)))
    ]
    for at in left:
        name = table.names[at]
        if not adjusted and not is_harmless(name) and not _is_one(table, at):
            raise UserError(
                f"{where}: the column {name!r} is about adjusting prices, and how is not known; "
                "give adjusted prices in a column 'adj close', or remove it"
            )
    more = f" and {len(left) - SHOWN} more" if len(left) > SHOWN else ""
    listed = ", ".join(table.names[at] for at in left[:SHOWN])
    return f"; not used: {listed}{more}" if left else ""


def _is_one(table: Table, at: int) -> bool:
    """Whether a column holds one value only."""
    return len(set(map(str, table.columns[at]))) < 2


def _days(table: Table, at: int, where: str) -> np.ndarray:
    """A column of dates; one by one only if not all are plain days."""
    cells = table.columns[at]
    with suppress(TypeError):  # Parquet has dates, and nothing
        if _DAYS.fullmatch(",".join(cells)):
            with suppress(ValueError):
                return np.array(cells, dtype="datetime64[D]")
    return np.array([_day(cell, where, table.row(k)) for k, cell in enumerate(cells)])


def _numbers(table: Table, at: int, role: Role, where: str) -> Float64[np.ndarray, " D"]:
    """A column of prices, or of splits."""
    read = ratio if role == "split" else number
    with suppress(TypeError, ValueError):  # one by one only if not all are plain numbers
        cells = table.columns[at]
        if role != "split" and not ",".join(cells).encode().translate(None, PLAIN_NUMBERS):
            return np.fromiter(map(float, cells), np.float64, len(cells))
    numbers = np.empty(len(table.columns[at]))
    for k, cell in enumerate(table.columns[at]):
        try:
            numbers[k] = read(cell)
        except (ValueError, ZeroDivisionError):
            what = "a ratio such as 2 or 3:1" if role == "split" else "a number above 0"
            raise UserError(
                f"{where}, {table.row(k)}: {role} must be {what}, got {cell!r}"
            ) from None
    return numbers


def _day(cell: Any, where: str, row: str) -> np.datetime64:
    """A calendar day; a time of the day other than midnight, or a time zone, is refused."""
    text = str(cell).strip()
    day, rest = text[:10], text[10:].lstrip("T ")
    if rest.strip("0:. ") and _is_day(day):
        raise UserError(
            f"{where}, {row}: a date must be a day such as 2020-01-31, without time of day and "
            f"time zone, got {text!r}"
        )
    if not _is_day(day):
        raise UserError(f"{where}, {row}: a date such as 2020-01-31 was expected, got {text!r}")
    return np.datetime64(day, "D")


def _is_day(text: str) -> bool:
    if not _DAY.fullmatch(text):
        return False
    try:
        np.datetime64(text, "D")
    except ValueError:
        return False
    return True


def _dates(prices: Prices) -> np.ndarray:
    assert prices.dates is not None
    return prices.dates
