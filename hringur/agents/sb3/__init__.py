"""Stable-Baselines3's algorithms as learners.

``settings.py`` has their options and the table they start from, ``learner.py`` the one learner
behind all of them, ``adapter.py`` what SB3 needs to work on our environments.
"""

from hringur.faces import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "learner": "SB3Learner",
        "settings": "A2CConfig DQNConfig MaskablePPOConfig PPOConfig",
    },
)
