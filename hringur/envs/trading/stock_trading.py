"""``StockTrading-v0``: buy, wait or sell one asset, on prices of a process or of a file."""

from pathlib import Path

from gymnasium.vector import AutoresetMode

from hringur.data.trading.sources import Part, Source
from hringur.envs.trading.env import TradingEnv
from hringur.envs.trading.problem import YEAR, trading_problem
from hringur.envs.trading.vector_env import TradingVectorEnv
from hringur.settings import typed
from hringur.types import UserError


@typed
def stock_trading(
    prices: "str | Path | Source" = "ornstein-uhlenbeck",
    ticker: str | None = None,
    symbol: str | None = None,
    max_gap_days: int | None = None,
    window: int = 30,
    fee: float = 0.001,
    half_spread: float = 0.0,
    slippage: float = 0.0,
    episode_days: int | None = YEAR,
    split: str = "all",
    fold: int = 0,
    folds: int = 1,
    embargo: int | None = None,
    state: bool = True,
    compute_optimal: bool = False,
    render_mode: str | None = None,
) -> TradingEnv:
    """One environment; docs/stock_trading.md tells the options."""
    part = Part(split=split, fold=fold, folds=folds, embargo=embargo)
    problem = trading_problem(
        prices=prices,
        ticker=ticker,
        symbol=symbol,
        max_gap_days=max_gap_days,
        window=window,
        fee=fee,
        half_spread=half_spread,
        slippage=slippage,
        episode_days=episode_days,
        part=part,
        state=state,
        compute_optimal=compute_optimal,
    )
    return TradingEnv(problem, render_mode)


@typed
def stock_trading_vec(
    num_envs: int = 1,
    prices: "str | Path | Source" = "ornstein-uhlenbeck",
    ticker: str | None = None,
    symbol: str | None = None,
    max_gap_days: int | None = None,
    window: int = 30,
    fee: float = 0.001,
    half_spread: float = 0.0,
    slippage: float = 0.0,
    episode_days: int | None = YEAR,
    split: str = "all",
    fold: int = 0,
    folds: int = 1,
    embargo: int | None = None,
    state: bool = True,
    compute_optimal: bool = False,
    render_mode: str | None = None,
    autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    max_episode_steps: int | None = None,
) -> TradingVectorEnv:
    """Many environments side by side, with the options of one.

    Raises:
        UserError: ``max_episode_steps``, which ``gymnasium.make_vec`` hands on, would cut an
            episode before its position is sold.
    """
    part = Part(split=split, fold=fold, folds=folds, embargo=embargo)
    problem = trading_problem(
        prices=prices,
        ticker=ticker,
        symbol=symbol,
        max_gap_days=max_gap_days,
        window=window,
        fee=fee,
        half_spread=half_spread,
        slippage=slippage,
        episode_days=episode_days,
        part=part,
        state=state,
        compute_optimal=compute_optimal,
    )
    if max_episode_steps is not None and max_episode_steps < problem.days:
        raise UserError(
            f"max_episode_steps={max_episode_steps} would cut episodes before the position is "
            f"sold; use episode_days={max_episode_steps}"
        )
    return TradingVectorEnv(problem, num_envs, render_mode, autoreset_mode)
