"""The best that is known of each problem: proven tours, best policies, published scores."""

from hringur.faces import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "breakout": "CEILING PUBLISHED",
        "known_returns": "best_return",
        "tours.exact": "optimal_tour",
        "tours.heuristics": "farthest_insertion two_opt",
        "trading.optimum": "optimal_policy",
        "trading.wealth": "hindsight_optimum",
    },
)
