"""What can be earned on the price processes: the tables of docs/trading_optima.md.

For each process the best policy by both timings, what it earns in an episode by calculation and by
simulation, and on the same paths buy-and-hold, the best policy that knows the end, and hindsight.

``python scripts/trading_optima.py`` prints Markdown; three minutes on one core.
"""

import argparse
import math
import time

import numpy as np

from hringur.data.trading.processes import PROCESSES
from hringur.envs.trading.problem import BORROW_RATE, YEAR, costs
from hringur.evaluation.statistics import estimate_mean
from hringur.references.trading.optimum import (
    hindsight_optimum,
    optimal_policy,
    outcomes,
    returns_of,
)
from hringur.references.trading.wealth import LONG, SHORT

WINDOW = 30
"""Returns that are seen before the first decision, as in the environment."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fee", type=float, default=0.001, help="of a price, on each side")
    parser.add_argument("--days", type=int, default=YEAR, help="decisions of an episode")
    parser.add_argument("--paths", type=int, default=20_000, help="simulated paths")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print_policies(args.fee, args.days)
    print()
    print_paths(args.fee, args.days, args.paths, args.seed)
    print()
    print_short(args.fee, args.days, args.paths, args.seed)
    print()
    print_times(args.fee)


def print_policies(fee: float, days: int) -> None:
    """By calculation: the long run, an episode, and the states at which the policy trades."""
    print("| process | filled at | long run | episode | end known | buys, sells at |")
    print("| --- | --- | --- | --- | --- | --- |")
    buying, selling = costs(fee, 0.0, 0.0)
    for name, process in PROCESSES.items():
        for timing in ("open", "observed"):
            policy = optimal_policy(process(), buying, selling, timing)
            ends = (policy.expected_return(days, WINDOW, known) for known in (False, True))
            shown = [100 * value for value in (YEAR * policy.value_per_day, *ends)]
            band = policy.thresholds()
            at = "never" if math.isnan(band[0]) else f"{band[0]:.3f}, {band[1]:.3f}"
            fill = "the next open" if timing == "open" else "the close seen"
            columns = " | ".join(f"{value:.2f}" for value in shown)
            print(f"| {name} | {fill} | {columns} | {at} |")


def print_paths(fee: float, days: int, paths: int, seed: int) -> None:
    """By simulation: mean log wealth [%] with its 95 % interval, filled at the next open."""
    print("| process | best policy | the same, end known | buy-and-hold | hindsight, unreachable |")
    print("| --- | --- | --- | --- | --- |")
    buying, selling = costs(fee, 0.0, 0.0)
    for name, process in PROCESSES.items():
        policy = optimal_policy(process(), buying, selling)
        prices = process().sample(np.random.default_rng(seed), paths, WINDOW + days + 1)
        table = outcomes(prices, buying, selling)[:, WINDOW:]
        positions = [policy.positions(prices, WINDOW, days, known) for known in (False, True)]
        earned = [returns_of(p, table, selling) for p in (*positions, np.ones_like(positions[0]))]
        earned.append(hindsight_optimum(table, selling)[0])
        print(f"| {name} | {' | '.join(estimate_mean(one).percent() for one in earned)} |")


def print_short(fee: float, days: int, paths: int, seed: int) -> None:
    """With short positions: by calculation, then by simulation, mean log wealth [%]."""
    print("| process | episode | buys, sells at | sells short, covers at | simulated | hindsight |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, process in PROCESSES.items():
        rate = BORROW_RATE / YEAR
        policy = optimal_policy(process(), *costs(fee, 0.0, 0.0), borrow_per_day=rate)
        bands = (policy.thresholds(side) for side in (LONG, SHORT))
        at = ["never" if math.isnan(a) else f"{a:.3f}, {b:.3f}" for a, b in bands]
        prices = process().sample(np.random.default_rng(seed), paths, WINDOW + days + 1)
        table = policy.terms.outcomes(prices)[:, WINDOW:]
        earned = policy.terms.gains(policy.positions(prices, WINDOW, days), table).sum(axis=1)
        best = policy.terms.hindsight(table)[0]
        shown = (estimate_mean(one).percent() for one in (earned, best))
        promised = 100 * policy.expected_return(days, WINDOW)
        print(f"| {name} | {promised:.2f} | {' | '.join(at)} | {' | '.join(shown)} |")


def print_times(fee: float, repeats: int = 7) -> None:
    """Median seconds of solving for a policy that was not asked for before."""
    print("| process | seconds to solve |")
    print("| --- | --- |")
    for name, process in PROCESSES.items():
        seconds = []
        for repeat in range(repeats):
            cost = costs(fee * (1 + 1e-6 * (repeat + 1)), 0.0, 0.0)
            began = time.perf_counter()
            optimal_policy(process(), *cost)
            seconds.append(time.perf_counter() - began)
        print(f"| {name} | {np.median(seconds):.2f} |")


if __name__ == "__main__":
    main()
