"""``StockTrading-v0``: buy, wait or sell one asset, on prices of a process or of a file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hringur.data.trading.prices import Prices
from hringur.data.trading.sources import Part, Source, price_source
from hringur.envs.factories import factory
from hringur.envs.trading.env import TradingEnv
from hringur.envs.trading.problem import MOST_OBSERVED, YEAR, TradingProblem, costs, terms_of
from hringur.envs.trading.vector_env import TradingVectorEnv
from hringur.types import UserError

MOST = 100_000
"""Days of a window, or of an episode: four centuries."""


SIDES = range(160, 4097)
"""Pixels of a picture's side."""


def trading_problem(
    prices: "str | Path | Source" = "ornstein-uhlenbeck",
    ticker: str | None = None,
    symbol: str | int | None = None,
    max_gap_days: int | None = None,
    window: int = 30,
    fee: float = 0.001,
    half_spread: float = 0.0,
    slippage: float = 0.0,
    fixed_fee: float = 0.0,
    short: bool = False,
    borrow_rate: float | None = None,
    episode_days: int | None = YEAR,
    split: str = "all",
    fold: int = 0,
    folds: int = 1,
    embargo: int | None = None,
    state: bool = True,
    compute_optimal: bool = False,
    size: Sequence[int] = (800, 600),
) -> TradingProblem:
    """What the options of docs/stock_trading.md mean; a ``symbol`` of digits may be a number.

    ``fixed_fee`` is paid for each order, as a fraction of the wealth at the beginning: 5 for an
    account of 10,000 is 0.0005. ``short`` allows positions that are sold and not owned, for which
    ``borrow_rate`` is paid, a fraction of what is owed in 252 days (0.005 when not given).

    Raises:
        UserError: an option is out of range, or the prices are too few or have something wrong.
    """
    _check_whole("window", window)
    if episode_days is not None:
        _check_whole("episode_days", episode_days)
    part = Part(split=split, fold=fold, folds=folds, embargo=embargo)
    source = price_source(prices, ticker, None if symbol is None else str(symbol), max_gap_days)
    if isinstance(source, Prices):
        source = part.of(source, window)
        most = source.days - window - 1  # the first close, and a fill after the last decision
        if most < 1:
            raise UserError(
                f"a window of {window} days needs at least {window + 2} days of prices, "
                f"got {source.days}"
            )
        episode_days = most if episode_days is None else min(episode_days, most)
    elif part != Part():
        raise UserError("split, fold, folds and embargo are options of real prices only")
    elif episode_days is None:
        raise UserError("episode_days must be a number of days: a process has no end")
    if window * episode_days > MOST_OBSERVED:
        raise UserError(f"window times episode_days must be at most {MOST_OBSERVED:,}")
    if not isinstance(short, bool):
        raise UserError(f"short must be True or False, got {short!r}")
    terms = terms_of(*costs(fee, half_spread, slippage), fixed_fee, short, borrow_rate)
    if isinstance(source, Prices):
        source.say()  # last: what is refused is one line alone
    return TradingProblem(
        source=source,
        window=int(window),
        days=int(episode_days),
        terms=terms,
        state=state,
        compute_optimal=compute_optimal,
        split=split,
        size=_size(size),
    )


def _size(size: Sequence[int]) -> tuple[int, int]:
    width, height = size if len(size) == 2 else (0, 0)
    if not all(type(side) is int and side in SIDES for side in (width, height)):
        raise UserError(
            f"size must be width and height in {SIDES[0]}..{SIDES[-1]} pixels, got {list(size)}"
        )
    return width, height


def _check_whole(name: str, value: int) -> None:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or not 0 < value <= MOST:
        raise UserError(f"{name} must be a whole number of days in 1..{MOST:,}, got {value!r}")


stock_trading = factory(trading_problem, TradingEnv)
stock_trading_vec = factory(trading_problem, TradingVectorEnv)
