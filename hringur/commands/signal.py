"""``hringur signal RUN --prices FILE``: buy, wait or sell, for the day after the last row."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro
from jaxtyping import Float32

from hringur.commands.console import parse, present
from hringur.commands.evaluate.trading import check_trader
from hringur.commands.options import Printed
from hringur.data.trading.prices import Prices
from hringur.data.trading.sources import price_source
from hringur.envs.trading.features import features
from hringur.envs.trading.problem import ACTION_NAMES, BUY, SELL, YEAR, TradingProblem
from hringur.evaluation.agents.trading import problem_of
from hringur.evaluation.tables import Column, Table
from hringur.trained import Trained, load_trained
from hringur.training.config import Device
from hringur.types import UserError


@dataclass(frozen=True, kw_only=True)
class Signal(Printed):
    """What a trained trader would do now: buy, wait or sell at the opening after the last row."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """run folder of a trader, or a saved one"""

    prices: str
    """CSV or Parquet file with the days up to now; stocks, or yahoo:TICKER"""

    symbol: str | None = None
    """which asset of a file that has several"""

    position: Literal["flat", "long"] = "flat"
    """what is held now: nothing, or the asset"""

    days_held: int = 0
    """trading days since the last order"""

    device: Device = "auto"
    """where the network computes; auto takes the GPU when there is one"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.days_held <= 100_000:
            raise UserError(f"--days-held must be in 0..100,000, got {self.days_held}")


@dataclass(frozen=True, kw_only=True)
class Advice:
    """The answer for one asset."""

    asset: str
    after: str
    """the last day seen"""
    action: int
    """the likeliest, or the one of highest value"""
    long: bool
    """what is held now"""
    probabilities: tuple[float, ...] | None
    """to sell, wait and buy; None: the learner has values of actions, no probabilities"""

    @property
    def order(self) -> str:
        """What is to be done at the next opening: selling what is not held is to wait."""
        does = self.action == (SELL if self.long else BUY)
        return ACTION_NAMES[self.action].lower() if does else "wait"

    def chance(self, action: int) -> str:
        """The probability of an action, as it is printed."""
        return "" if self.probabilities is None else f"{100 * self.probabilities[action]:.1f} %"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        chances = self.probabilities and dict(
            zip(("sell", "wait", "buy"), self.probabilities, strict=True)
        )
        return {
            "asset": self.asset,
            "after": self.after,
            "position": "long" if self.long else "flat",
            "order": self.order,
            "action": ACTION_NAMES[self.action].lower(),
            "probabilities": chances,
        }


def main(arguments: list[str]) -> None:
    """Load the trader, read the prices, ask, print."""
    options = parse(Signal, arguments, "signal")
    trained = load_trained(options.run, options.device)
    advice = ask(trained.learner, options, market_of(trained))
    record = {
        "run": str(trained.path),
        "signals": [one.to_json() for one in advice],
        "command": shlex.join(["hringur", "signal", *arguments]),
    }
    present(options, record, [table(advice, trained)])


def market_of(trained: Trained) -> TradingProblem:
    """What the run traded on.

    Raises:
        UserError: it is no trader, or it sees a state that prices of a file do not have.
    """
    check_trader(trained)
    problem = problem_of(trained.learner.env_id, trained.learner.env_options)
    if problem.state_columns:
        raise UserError(
            f"{trained.path} sees the state of its price process, which real prices do not have: "
            "train with --option state=False, or on prices"
        )
    return problem


def ask(learner: Any, options: Signal, problem: TradingProblem) -> list[Advice]:
    """The advice for each asset of the prices."""
    prices = price_source(options.prices, symbol=options.symbol)
    if not isinstance(prices, Prices):
        raise UserError(f"--prices {options.prices} is a process and has no last day: give a file")
    if prices.days <= problem.window:
        raise UserError(
            f"--prices {options.prices}: the run looks back on {problem.window} days, which takes "
            f"{problem.window + 1} rows, got {prices.days}"
        )
    prices.say()
    long = options.position == "long"
    seen = last_observation(prices, problem.window, long, options.days_held)
    actions, _ = learner.predict(seen, deterministic=True)
    chances = learner.probabilities(seen)
    last = prices.days - 1
    after = f"row {last + 1}" if prices.dates is None else str(prices.dates[last])
    return [
        Advice(
            asset=options.prices if prices.names is None else prices.names[row],
            after=after,
            action=int(actions[row]),
            long=long,
            probabilities=None if chances is None else tuple(chances[row].tolist()),
        )
        for row in range(len(prices))
    ]


def last_observation(
    prices: Prices, window: int, long: bool, days_held: int
) -> Float32[np.ndarray, "P F"]:
    """What ``StockTrading-v0`` shows at the last close."""
    seen = features(prices.between(prices.days - window - 1, prices.days), window)[:, -1]
    seen[:, -2], seen[:, -1] = long, min(days_held / YEAR, 1.0)
    return seen


def table(advice: Sequence[Advice], trained: Trained) -> Table[Advice]:
    """A row for each asset."""
    held = "long" if advice[0].long else "flat"
    return Table(
        title=f"{trained.path}: orders for the opening after {advice[0].after}, now {held}",
        columns=[
            Column("asset", lambda one: one.asset, text=True, wrap=True),
            Column("order", lambda one: one.order, text=True),
            *[
                Column(name.lower(), lambda one, action=action: one.chance(action))  # type: ignore[misc]
                for action, name in reversed(list(enumerate(ACTION_NAMES)))
            ],
        ],
        rows=advice,
    )
