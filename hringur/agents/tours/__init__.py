"""Networks that learn to build whole tours, place by place, by REINFORCE and self-imitation.

``agent.py`` has the learner, each network its own file, and ``decoding.py`` the ways to take a tour
from a network.
"""

from hringur.faces import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "agent": "TourAgent",
        "attention_model": "AttentionModel AttentionModelConfig",
        "decoding": "Decoding",
        "pointer_network": "PointerNetwork PointerNetworkConfig",
        "settings": "TourLearning",
    },
)
