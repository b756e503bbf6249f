"""Daily prices from Yahoo by way of yfinance (extra ``yahoo``), fetched once and kept in a file.

Prices are asked for as adjusted for splits and dividends, explicitly: the default of that package
has changed before. What was fetched lies in a CSV file, written whole, and is read from there ever
after, so that a result can be had again; delete the file to fetch anew. The prices are Yahoo's,
under its terms of use, and are not part of this package.
"""

import io
import os
import re
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from hringur.data.files import write_whole
from hringur.data.trading.market_files import MAX_GAP_DAYS, prices_of_file
from hringur.data.trading.prices import Prices, checked
from hringur.types import UserError, optional

FIRST_DAY = "2000-01-01"
TICKER = re.compile(r"[A-Za-z0-9^][A-Za-z0-9.^=-]{0,19}")


def read_yahoo(
    ticker: str, folder: str | Path | None = None, max_gap_days: int = MAX_GAP_DAYS
) -> Prices:
    """Adjusted daily prices since 2000, or since the listing, up to the day before the first call.

    Args:
        ticker: as Yahoo has it, such as "AAPL" or "^GSPC".
        folder: where the file is kept; by default ``hringur/yahoo`` in the user's cache folder.
        max_gap_days: as for ``prices_of_file``.

    Raises:
        UserError: not a ticker, Yahoo did not answer or has no prices, or they have holes.
        MissingExtra: yfinance is not installed and the file is not there.
    """
    if not TICKER.fullmatch(ticker):
        raise UserError(f"a ticker such as AAPL was expected after 'yahoo:', got {ticker!r}")
    path = Path(folder or _cache_folder()) / f"{ticker.upper()}.csv"
    if not path.exists():
        fetched = _fetch(ticker)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot make the folder {path.parent}: {error.strerror}") from error
        write_whole(path, _as_csv(fetched))
    return prices_of_file(path, max_gap_days, None)


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "hringur" / "yahoo"


def _fetch(ticker: str) -> Prices:
    yfinance = optional("yfinance", "prices from Yahoo", "yahoo")
    try:
        table = yfinance.download(
            ticker,
            start=FIRST_DAY,
            end=str(date.today()),  # exclusive: the day that is under way has no close yet
            interval="1d",
            auto_adjust=True,
            actions=False,
            progress=False,
            threads=False,
            multi_level_index=False,
        )
    except Exception as error:  # it raises its own, requests', curl's and pandas' errors
        raise UserError(f"Yahoo gave no prices of {ticker}: {_first_line(error)}") from error
    if table is None or len(table) == 0:
        raise UserError(
            f"Yahoo gave no prices of {ticker}: no such ticker, no network, or too many requests"
        )
    return _prices_of(table, ticker)


def _prices_of(table: Any, ticker: str) -> Prices:
    """A pandas table with Open and Close over days."""
    missing = [name for name in ("Open", "Close") if name not in table.columns]
    if missing:
        raise UserError(f"Yahoo's answer for {ticker} lacks the column {missing[0]}")
    dates = np.asarray(table.index.values).astype("datetime64[D]")
    opened, closed = (
        np.asarray(table[name], dtype=np.float64).reshape(1, -1) for name in ("Open", "Close")
    )
    prices = Prices(opened, closed, dates, (ticker,))
    return checked(prices, f"Yahoo's prices of {ticker}", lambda day: str(dates[day]))


def _as_csv(prices: Prices) -> str:
    """``repr`` of a float is read back as the very same number."""
    assert prices.dates is not None
    text = io.StringIO()
    text.write("date,open,close\n")
    for day, opened, closed in zip(
        prices.dates, prices.open[0].tolist(), prices.close[0].tolist(), strict=True
    ):
        text.write(f"{day},{opened!r},{closed!r}\n")
    return text.getvalue()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
