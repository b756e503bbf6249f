"""Neural networks that make discrete decisions, with the gap to the optimum on the table.

Importing the package registers its environments with Gymnasium.
"""

from typing import TYPE_CHECKING, Any

from gymnasium.envs.registration import register

if TYPE_CHECKING:
    from hringur.agents.reinforce.agent import Reinforce
    from hringur.agents.tours.agent import TourAgent

__all__ = ["Reinforce", "TourAgent"]

# A new environment: one file with a factory, its twin with the ending _vec, and one line here.
for env_id, factory in {
    "IcelandTSP-v0": "hringur.envs.tours.iceland_tsp:iceland_tsp",
    "EuclideanTSP-v0": "hringur.envs.tours.euclidean_tsp:euclidean_tsp",
    "OwnTSP-v0": "hringur.envs.tours.own_tsp:own_tsp",
    "ThreeActionBreakout-v0": "hringur.envs.breakout.env:breakout",
    "StockTrading-v0": "hringur.envs.trading.stock_trading:stock_trading",
}.items():
    register(env_id, factory, vector_entry_point=f"{factory}_vec")
del env_id, factory


def __getattr__(name: str) -> Any:
    """Agents on demand: the environments alone need no torch."""
    if name == "Reinforce":
        from hringur.agents.reinforce.agent import Reinforce

        return Reinforce
    if name == "TourAgent":
        from hringur.agents.tours.agent import TourAgent

        return TourAgent
    raise AttributeError(f"module 'hringur' has no attribute {name!r}")
