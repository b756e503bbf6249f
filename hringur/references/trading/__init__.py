"""The best that a trader could have done: optimal policies, and the most that hindsight allows."""

from hringur.faces import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "optimum": "optimal_policy",
        "wealth": "gains hindsight_optimum outcomes returns_of",
    },
)
