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
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from hringur.data.files import read_text
from hringur.data.trading.prices import Prices, checked
from hringur.types import MissingExtra, UserError

STOCKS_SHA256 = "5abadf99b2d394f920120a27de6f0df129859d71d4cfb0bf661bcc99446ab1fd"
MAX_GAP_DAYS = 10
"""Longer than any closure of a stock exchange in the shipped data (7 days in September 2001)."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
COLUMNS = ("date", "open", "close", "adj close")
NEEDED = "needed are date, open and close; adj close is used where present"


@dataclass(frozen=True, eq=False)
class _Table:
    """What a file holds, column by column, still as it stands there."""

    columns: dict[str, list[Any]]
    row: Callable[[int], str]
    """how a message names the row with this number, counted from 0"""


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


def read_prices(path: str | Path, max_gap_days: int = MAX_GAP_DAYS) -> Prices:
    """One asset's daily prices from a CSV file, or from Parquet (``.parquet``, ``.pq``).

    Columns, in any order and case: date, open, close; "adj close" adjusts open and close alike;
    others are ignored. Dates are days without a time zone.

    Raises:
        UserError: as the module says; or a hole of more than ``max_gap_days`` days.
    """
    parquet = Path(path).suffix.lower() in (".parquet", ".pq")
    table = _parquet_table(path) if parquet else _csv_table(path)
    return _prices(table, str(path), Path(path).stem, max_gap_days)


@cache
def _stocks() -> dict[str, Prices]:
    content = (resources.files("hringur.data.trading") / "markets" / "stocks.csv.gz").read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != STOCKS_SHA256:
        raise UserError(
            f"hringur/data/trading/markets/stocks.csv.gz is damaged: its SHA-256 is {found}"
        )
    rows: dict[str, list[list[str]]] = {}
    header, *lines = csv.reader(io.StringIO(gzip.decompress(content).decode()))
    for line in lines:
        rows.setdefault(line[0], []).append(line)
    return {
        ticker: _prices(
            _table_of(header, mine, "row {}".format, ticker), "stocks.csv.gz", ticker, MAX_GAP_DAYS
        )
        for ticker, mine in rows.items()
    }


def _prices(table: _Table, where: str, name: str, max_gap_days: int) -> Prices:
    """Columns to prices, each cell looked at."""
    days = len(table.columns["date"])
    if days < 2:
        raise UserError(f"{where}: at least 2 rows of prices are needed, got {days}")
    dates = _days(table, where)
    numbers = {
        column: _numbers(table, column, where) for column in table.columns if column != "date"
    }
    raw = Prices(numbers["open"][None], numbers["close"][None], dates, (name,))
    checked(raw, where, table.row, max_gap_days)
    if "adj close" not in numbers:
        return raw
    adjusted = numbers["adj close"][None]
    factor = adjusted / raw.close
    prices = Prices(raw.open * factor, adjusted, dates, (name,))
    return checked(prices, f"{where}, adjusted by adj close", table.row)


def _csv_table(path: str | Path) -> _Table:
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    lines, rows = [], []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                lines.append(reader.line_num)
                rows.append(row)
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: not a CSV file: {error}") from error
    if not rows:
        raise UserError(f"{path}: the file is empty; {NEEDED}")
    return _table_of(rows[0], rows[1:], lambda k: f"line {lines[k + 1]}", str(path))


def _table_of(
    header: list[str], rows: list[list[str]], row: Callable[[int], str], where: str
) -> _Table:
    for k, cells in enumerate(rows):
        if len(cells) != len(header):
            raise UserError(f"{where}, {row(k)}: {len(header)} cells expected, got {len(cells)}")
    place = _places(header, where)
    columns = {column: [cells[at].strip() for cells in rows] for column, at in place.items()}
    return _Table(columns, row)


def _parquet_table(path: str | Path) -> _Table:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import read_table
    except ImportError as missing:
        raise MissingExtra("reading Parquet", "parquet") from missing
    try:
        table = read_table(path)
    except (ArrowException, OSError) as error:
        first = str(error).strip().splitlines()[0]
        raise UserError(f"cannot read {path} as Parquet: {first}") from error
    place = _places(table.column_names, str(path))
    columns = {column: table.column(at).to_pylist() for column, at in place.items()}
    return _Table(columns, lambda k: f"row {k + 1}")


def _places(header: list[str], where: str) -> dict[str, int]:
    """Where the columns that are used stand; pandas calls an index without a name so too."""
    names = [str(name).strip().lower().replace("_", " ") for name in header]
    names = ["adj close" if name == "adjclose" else name for name in names]
    for column in COLUMNS:
        if names.count(column) > 1:
            raise UserError(f"{where}: the column {column!r} is there twice; {NEEDED}")
        if column not in names and column != "adj close":
            found = ", ".join(names) or "nothing"
            raise UserError(f"{where}: column {column!r} is missing; {NEEDED}; found: {found}")
    return {column: names.index(column) for column in COLUMNS if column in names}


def _days(table: _Table, where: str) -> np.ndarray:
    """The column of dates; one by one only if not all are plain days."""
    cells = table.columns["date"]
    if all(isinstance(cell, str) and _DAY.fullmatch(cell) for cell in cells):
        with suppress(ValueError):
            return np.array(cells, dtype="datetime64[D]")
    return np.array([_day(cell, where, table.row(k)) for k, cell in enumerate(cells)])


def _numbers(table: _Table, column: str, where: str) -> Float64[np.ndarray, " D"]:
    """A column of prices; one by one only to find the cell that is no number."""
    cells = table.columns[column]
    with suppress(TypeError, ValueError):
        return np.array(list(map(float, cells)))
    return np.array([_number(cell, where, table.row(k), column) for k, cell in enumerate(cells)])


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


def _number(cell: Any, where: str, row: str, column: str) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError):
        raise UserError(
            f"{where}, {row}: {column} must be a number above 0, got {cell!r}"
        ) from None


def _dates(prices: Prices) -> np.ndarray:
    assert prices.dates is not None
    return prices.dates
