"""The best that a trader could have done: optimal policies, and the most that hindsight allows."""

from hringur.faces import lazy

_HERE = "hringur.references.trading."

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "gains": _HERE + "wealth",
        "hindsight_optimum": _HERE + "wealth",
        "optimal_policy": _HERE + "optimum",
        "outcomes": _HERE + "wealth",
        "returns_of": _HERE + "wealth",
    },
)
