"""Every learner by name. To add one: its file, and its line here."""

from pkgutil import resolve_name
from typing import Any

from hringur.types import UserError

LEARNERS = {
    "attention-model": "hringur.agents.attention_model:AttentionModelConfig",
    "pointer-network": "hringur.agents.pointer_network:PointerNetworkConfig",
    "ppo": "hringur.agents.sb3:PPOConfig",
    "a2c": "hringur.agents.sb3:A2CConfig",
    "dqn": "hringur.agents.sb3:DQNConfig",
    "maskable-ppo": "hringur.agents.sb3:MaskablePPOConfig",
}
"""Configuration class by name, as ``module:Class``: imported only when asked for."""


def learner_config(name: str) -> type[Any]:
    """The configuration class of a learner: a frozen dataclass with ``build``.

    Raises:
        UserError: there is no such learner.
    """
    if name not in LEARNERS:
        raise UserError(f"unknown learner {name!r}; there are {', '.join(LEARNERS)}")
    return resolve_name(LEARNERS[name])
