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
from hringur.envs.trading.problem import ACTION_NAMES, YEAR, TradingProblem
from hringur.evaluation.agents.trading import problem_of
from hringur.evaluation.tables import Column, Table
from hringur.references.trading.wealth import FLAT, LONG, SHORT
from hringur.trained import Trained, load_trained
from hringur.training.config import Device
from hringur.types import UserError

POSITIONS = {"flat": FLAT, "long": LONG, "short": SHORT}
NAMES = {position: name for name, position in POSITIONS.items()}


@dataclass(frozen=True, kw_only=True)
class Signal(Printed):
    """What a trained trader would do now: buy, wait or sell at the opening after the last row."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """run folder of a trader, or a saved one"""

    prices: str
    """CSV or Parquet file with the days up to now; stocks, or yahoo:TICKER"""

    symbol: str | None = None
    """which asset of a file that has several"""

    position: Literal["flat", "long", "short"] = "flat"
    """what is held now: nothing, or the asset; short: it is owed (runs with short=True)"""

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
    position: str
    """what is held now, a name of ``POSITIONS``"""
    then: str
    """what is held after the action"""
    probabilities: tuple[float, ...] | None
    """to sell, wait and buy; None: the learner has values of actions, no probabilities"""

    @property
    def order(self) -> str:
        """What is to be done at the next opening: an order that changes nothing is to wait."""
        return "wait" if self.then == self.position else ACTION_NAMES[self.action].lower()

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
            "position": self.position,
            "order": self.order,
            "then": self.then,
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
    held = POSITIONS[options.position]
    if held < problem.terms.lowest:
        raise UserError(
            f"--position {options.position}: {options.run} holds an asset or nothing; those trained"
            " with --option short=True sell short"
        )
    prices.say()
    seen = last_observation(prices, problem.window, held, options.days_held)
    actions, _ = learner.predict(seen, deterministic=True)
    chances = learner.probabilities(seen)
    last = prices.days - 1
    after = f"row {last + 1}" if prices.dates is None else str(prices.dates[last])
    return [
        Advice(
            asset=options.prices if prices.names is None else prices.names[row],
            after=after,
            action=int(actions[row]),
            position=options.position,
            then=NAMES[problem.moves[held][int(actions[row])][0]],
            probabilities=None if chances is None else tuple(chances[row].tolist()),
        )
        for row in range(len(prices))
    ]


def last_observation(
    prices: Prices, window: int, position: int, days_held: int
) -> Float32[np.ndarray, "P F"]:
    """What ``StockTrading-v0`` shows at the last close."""
    seen = features(prices.between(prices.days - window - 1, prices.days), window)[:, -1]
    seen[:, -2], seen[:, -1] = position, min(days_held / YEAR, 1.0)
    return seen


def table(advice: Sequence[Advice], trained: Trained) -> Table[Advice]:
    """A row for each asset."""
    now = advice[0].position
    return Table(
        title=f"{trained.path}: orders for the opening after {advice[0].after}, now {now}",
        columns=[
            Column("asset", lambda one: one.asset, text=True, wrap=True),
            Column("order", lambda one: one.order, text=True),
            Column("then", lambda one: one.then, text=True),
            *[
                Column(name.lower(), lambda one, action=action: one.chance(action))  # type: ignore[misc]
                for action, name in reversed(list(enumerate(ACTION_NAMES)))
            ],
        ],
        rows=advice,
    )
