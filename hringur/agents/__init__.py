"""Learners that make discrete decisions: tours, REINFORCE for any environment, Stable-Baselines3.

from hringur.agents import Reinforce, TourAgent
"""

from hringur.faces import lazy

_TOURS = "hringur.agents.tours."

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "AttentionModel": _TOURS + "attention_model",
        "AttentionModelConfig": _TOURS + "attention_model",
        "Decoding": _TOURS + "decoding",
        "PointerNetwork": _TOURS + "pointer_network",
        "PointerNetworkConfig": _TOURS + "pointer_network",
        "Reinforce": "hringur.agents.reinforce.agent",
        "ReinforceConfig": "hringur.agents.reinforce.agent",
        "SB3Learner": "hringur.agents.sb3.learner",
        "TourAgent": _TOURS + "agent",
    },
)
