"""The Gymnasium environments, made by ``gymnasium.make`` and ``gymnasium.make_vec``; no torch.

These classes and problems serve environments of one's own: ``TourEnv(TourProblem(sampler=...))``.
"""

from hringur.faces import lazy

_TOURS, _TRADING = "hringur.envs.tours.", "hringur.envs.trading."

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "ThreeActionBreakout": "hringur.envs.breakout.env",
        "TourEnv": _TOURS + "env",
        "TourProblem": _TOURS + "problem",
        "TourVectorEnv": _TOURS + "vector_env",
        "TradingEnv": _TRADING + "env",
        "TradingProblem": _TRADING + "problem",
        "TradingVectorEnv": _TRADING + "vector_env",
    },
)
