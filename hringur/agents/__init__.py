"""Agents that make discrete decisions: learners of tours, REINFORCE anywhere, SB3's algorithms.

from hringur.agents import TourAgent
agent = TourAgent("IcelandTSP-v0", "attention-model").learn(seconds=60)
"""

from hringur.faces import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "A2CConfig": "hringur.agents.sb3.settings",
        "AttentionModel": "hringur.agents.tours.attention_model",
        "AttentionModelConfig": "hringur.agents.tours.attention_model",
        "DQNConfig": "hringur.agents.sb3.settings",
        "Decoding": "hringur.agents.tours.decoding",
        "MaskablePPOConfig": "hringur.agents.sb3.settings",
        "PPOConfig": "hringur.agents.sb3.settings",
        "PointerNetwork": "hringur.agents.tours.pointer_network",
        "PointerNetworkConfig": "hringur.agents.tours.pointer_network",
        "Reinforce": "hringur.agents.reinforce.agent",
        "ReinforceConfig": "hringur.agents.reinforce.agent",
        "SB3Learner": "hringur.agents.sb3.learner",
        "TourAgent": "hringur.agents.tours.agent",
    },
)
