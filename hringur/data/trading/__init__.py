"""Price processes with a known law, and real prices from files."""

from hringur.faces import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "market_files": "read_prices",
        "prices": "Prices",
        "processes": (
            "AutoregressiveReturns GeometricBrownianMotion HiddenRegime OrnsteinUhlenbeck "
            "PROCESSES PriceProcess"
        ),
    },
)
