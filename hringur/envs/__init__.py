"""The Gymnasium environments, made by ``gymnasium.make`` and ``gymnasium.make_vec``; no torch.

``IcelandTSP(places=20)`` and its kin make one without Gymnasium's wrappers. The classes and
problems serve environments of one's own: ``TourEnv(TourProblem(sampler=...))``.
"""

from hringur.faces import lazy

_TOURS, _TRADING = "hringur.envs.tours.", "hringur.envs.trading."

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "IcelandTSP": _TOURS + "iceland_tsp:iceland_tsp",
        "EuclideanTSP": _TOURS + "euclidean_tsp:euclidean_tsp",
        "OwnTSP": _TOURS + "own_tsp:own_tsp",
        "StockTrading": _TRADING + "stock_trading:stock_trading",
        "BoundingBox": "hringur.envs.questions.bounding_box:bounding_box",
        "BuildNetwork": "hringur.envs.questions.build_network:build_network",
        "CallFunction": "hringur.envs.questions.call_function:call_function",
        "StopDecoding": "hringur.envs.questions.stop_decoding:stop_decoding",
        "QuestionEnv": "hringur.envs.questions.env",
        "QuestionVectorEnv": "hringur.envs.questions.env",
        "ThreeActionBreakout": "hringur.envs.breakout.env",
        "TourEnv": _TOURS + "env",
        "TourProblem": _TOURS + "problem",
        "TourVectorEnv": _TOURS + "vector_env",
        "TradingEnv": _TRADING + "env",
        "TradingProblem": _TRADING + "problem",
        "TradingVectorEnv": _TRADING + "vector_env",
    },
)
