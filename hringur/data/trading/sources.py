"""One interface over all sources of prices: a name, a path, "yahoo:TICKER", or prices at hand.

``"ornstein-uhlenbeck"`` and the other processes are drawn anew for every episode; ``"stocks"``
ships with the package; anything else that is text is the path of a CSV or Parquet file.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hringur.data.trading.market_files import MAX_GAP_DAYS, prices_of_file, shipped_stocks
from hringur.data.trading.prices import Prices, checked
from hringur.data.trading.processes import PROCESSES, PriceProcess
from hringur.data.trading.walk_forward import check_split, walk_forward
from hringur.data.trading.yahoo import read_yahoo
from hringur.types import UserError

YAHOO = "yahoo:"


Source = PriceProcess | Prices
"""What an environment trades on: paths drawn anew for every episode, or prices that are there."""


def price_source(
    prices: Any,
    ticker: str | None = None,
    symbol: str | None = None,
    max_gap_days: int | None = None,
) -> Source:
    """What ``prices`` stands for, as the module says.

    Args:
        prices: a name, a path, a process or prices.
        ticker: which of the shipped stocks.
        symbol: which asset of a file that has several.
        max_gap_days: days that two dates of a file, or of Yahoo's prices, may be apart.

    Raises:
        UserError: no such process, ticker or file, there is something wrong with the prices, or an
            option is not one of these prices.
    """
    if ticker is not None and prices != "stocks":
        raise UserError(f"ticker is an option of prices='stocks' only, got prices={prices!r}")
    from_file = isinstance(prices, str | Path) and str(prices) not in (*PROCESSES, "stocks")
    if not from_file and (symbol is not None or max_gap_days is not None):
        raise UserError("symbol and max_gap_days are options of prices in a file only")
    gap_days = MAX_GAP_DAYS if max_gap_days is None else max_gap_days
    if isinstance(prices, Prices):
        return checked(prices, "the prices given")
    if isinstance(prices, PriceProcess):
        return prices
    if not isinstance(prices, str | Path):
        raise UserError(f"prices must be a name, a path or Prices, got {type(prices).__name__}")
    name = str(prices)
    if name in PROCESSES:
        return PROCESSES[name]()
    if name == "stocks":
        return shipped_stocks(ticker)
    if name.startswith(YAHOO) and symbol is None:
        return read_yahoo(name.removeprefix(YAHOO), max_gap_days=gap_days)
    if Path(name).suffix or os.path.exists(name):
        return prices_of_file(name, gap_days, symbol)
    raise UserError(
        f"unknown prices {name!r}; there are {', '.join(PROCESSES)}, stocks, {YAHOO}TICKER, or the "
        "path of a CSV or Parquet file"
    )


@dataclass(frozen=True, kw_only=True)
class Part:
    """Which part of a history is traded on; docs/stock_trading.md draws the folds."""

    split: str = "all"
    fold: int = 0
    folds: int = 1
    embargo: int | None = None
    """days dropped between training and what follows; None: the window of an observation"""

    def of(self, prices: Prices, window: int) -> Prices:
        """The days of this part.

        Raises:
            UserError: no such split or fold, an embargo below the window, or too few days.
        """
        check_split(self.split)
        if self.split == "all":
            if self != Part():
                raise UserError("fold, folds and embargo have a meaning with split only")
            return prices
        embargo = window if self.embargo is None else self.embargo
        if embargo < window:
            raise UserError(
                f"embargo must be at least the window of {window} days, got {embargo}: the first "
                "observations would look back on prices that were trained on"
            )
        folds = walk_forward(prices.days, embargo, self.folds)
        if not 0 <= self.fold < self.folds:
            raise UserError(f"fold must be in 0..{self.folds - 1}, got {self.fold}")
        return prices.between(*folds[self.fold].days(self.split))
