"""The Gymnasium environments, made by ``gymnasium.make`` and ``gymnasium.make_vec``; no torch.

``IcelandTSP(places=20)`` and its kin make one without Gymnasium's wrappers. The classes and
problems serve environments of one's own: ``TourEnv(TourProblem(sampler=...))``.
"""

from hringur.faces import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "breakout.env": "ThreeActionBreakout",
        "hringur.agents.sb3.vectors": "as_sb3_vec_env from_sb3_vec_env",
        "questions.bounding_box": "BoundingBox=bounding_box",
        "questions.build_network": "BuildNetwork=build_network",
        "questions.call_function": "CallFunction=call_function",
        "questions.env": "QuestionEnv QuestionVectorEnv",
        "questions.stop_decoding": "StopDecoding=stop_decoding",
        "tours.env": "TourEnv",
        "tours.euclidean_tsp": "EuclideanTSP=euclidean_tsp",
        "tours.iceland_tsp": "IcelandTSP=iceland_tsp",
        "tours.own_tsp": "OwnTSP=own_tsp",
        "tours.problem": "TourProblem",
        "tours.vector_env": "TourVectorEnv",
        "trading.env": "TradingEnv",
        "trading.problem": "TradingProblem",
        "trading.stock_trading": "StockTrading=stock_trading",
        "trading.vector_env": "TradingVectorEnv",
    },
)
