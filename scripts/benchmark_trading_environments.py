"""Steps per second of StockTrading-v0: one environment, and many side by side.

One step is one day of one environment. Actions are drawn before the clock starts; observations,
infos and the resets of episodes that end are counted. Medians over ``repeats`` runs. ``make`` and
``make_vec`` give the same environments on a table of prices of the caller's, for benchmarks that
put others beside it.

Run on a quiet machine: ``python scripts/benchmark_trading_environments.py``.
"""

import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import gymnasium as gym
import numpy as np

import hringur  # noqa: F401  (registers the environments)
from hringur.data.trading.prices import Prices
from hringur.envs.trading.stock_trading import stock_trading, stock_trading_vec

MARKETS = {
    "one stock": {"prices": "stocks", "ticker": "AAPL"},
    "four stocks": {"prices": "stocks"},
    "Ornstein-Uhlenbeck": {"prices": "ornstein-uhlenbeck"},
    "autoregressive": {"prices": "autoregressive"},
    "hidden regime": {"prices": "hidden-regime"},
    "geometric Brownian": {"prices": "geometric-brownian"},
}


def make(df: Any, window: int, episode: int) -> gym.Env:
    """One environment on the columns Open and Close of a pandas table."""
    return stock_trading(prices=_prices(df), window=window, episode_days=episode)


def make_vec(df: Any, window: int, episode: int, n: int) -> gym.vector.VectorEnv:
    """``n`` environments on the columns Open and Close of a pandas table."""
    return stock_trading_vec(prices=_prices(df), window=window, episode_days=episode, num_envs=n)


def _prices(df: Any) -> Prices:
    opened, closed = (np.asarray(df[name], dtype=np.float64)[None] for name in ("Open", "Close"))
    return Prices(opened, closed)


def time_single(env: gym.Env, seconds: float, seed: int) -> float:
    """Steps per second."""
    actions = np.random.default_rng(seed).integers(3, size=4096).tolist()
    env.reset(seed=seed)
    steps, step, began = 0, env.step, time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        for action in actions[:256]:
            if step(action)[3]:
                env.reset()
        steps += 256
    return steps / passed


def time_vector(env: gym.vector.VectorEnv, seconds: float, seed: int) -> float:
    """Steps per second of all environments together."""
    rng = np.random.default_rng(seed)
    actions = rng.integers(3, size=(256, env.num_envs))
    env.reset(seed=seed)
    steps, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        for k in range(16):
            env.step(actions[(steps + k) % 256])
        steps += 16
    return steps * env.num_envs / passed


def main(
    window: int = 30,
    episode_days: int = 252,
    num_envs: tuple[int, ...] = (64, 1024),
    seconds: float = 2.0,
    repeats: int = 5,
    seed: int = 0,
    as_json: bool = False,
) -> None:
    """Print millions of steps per second on every market.

    Args:
        window: days that an observation looks back
        episode_days: decisions of an episode
        num_envs: sizes of the native vector environment
        seconds: of each run
        repeats: runs of which the median is taken
        seed: of prices and actions
        as_json: one JSON line instead of a table
    """
    found: dict[str, dict[str, float]] = {}
    for market, prices in MARKETS.items():
        options: dict[str, Any] = prices | {"window": window, "episode_days": episode_days}

        def of(run: Callable[[], float]) -> float:
            return median(run() for _ in range(repeats)) / 1e6

        found[market] = {"1": of(lambda o=options: time_single(stock_trading(**o), seconds, seed))}  # type: ignore[misc]
        for n in num_envs:
            found[market][str(n)] = of(
                lambda o=options, n=n: time_vector(
                    stock_trading_vec(num_envs=n, **o), seconds, seed
                )  # type: ignore[misc]
            )
    if as_json:
        print(json.dumps(found))
        return
    print(f"window {window}, episodes of {episode_days} days, millions of steps per second")
    print(f"{'':20}{'single':>10}" + "".join(f"{n:>10}" for n in num_envs))
    for market, speeds in found.items():
        print(f"{market:20}" + "".join(f"{speed:>10.2f}" for speed in speeds.values()))


if __name__ == "__main__":
    import tyro

    tyro.cli(main)
