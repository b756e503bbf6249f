"""Agents that make discrete decisions: learners of tours, REINFORCE anywhere, SB3's algorithms.

from hringur.agents import TourAgent
agent = TourAgent("IcelandTSP-v0", "attention-model").learn(seconds=60)
"""

from hringur.faces import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "reinforce.agent": "Reinforce ReinforceConfig",
        "sb3.learner": "SB3Learner",
        "sb3.settings": "A2CConfig DQNConfig MaskablePPOConfig PPOConfig",
        "tours.agent": "TourAgent",
        "tours.attention_model": "AttentionModel AttentionModelConfig",
        "tours.decoding": "Decoding",
        "tours.pointer_network": "PointerNetwork PointerNetworkConfig",
    },
)
