"""Networks that learn to build whole tours, place by place, by REINFORCE and self-imitation.

``agent.py`` has the learner, each network its own file, and ``decoding.py`` the ways to take a tour
from a network.
"""

from hringur.faces import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "AttentionModel": "hringur.agents.tours.attention_model",
        "AttentionModelConfig": "hringur.agents.tours.attention_model",
        "Decoding": "hringur.agents.tours.decoding",
        "PointerNetwork": "hringur.agents.tours.pointer_network",
        "PointerNetworkConfig": "hringur.agents.tours.pointer_network",
        "TourAgent": "hringur.agents.tours.agent",
        "TourLearning": "hringur.agents.tours.agent",
    },
)
