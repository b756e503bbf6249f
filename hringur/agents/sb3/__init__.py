"""Stable-Baselines3's algorithms as learners.

``settings.py`` has their options and the table they start from, ``learner.py`` the one learner
behind all of them, ``adapter.py`` what SB3 needs to work on our environments.
"""

from hringur.faces import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "A2CConfig": "hringur.agents.sb3.settings",
        "DQNConfig": "hringur.agents.sb3.settings",
        "MaskablePPOConfig": "hringur.agents.sb3.settings",
        "PPOConfig": "hringur.agents.sb3.settings",
        "SB3Learner": "hringur.agents.sb3.learner",
    },
)
