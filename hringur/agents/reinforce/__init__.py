"""REINFORCE for any environment with discrete actions: the agent and its settings."""

from hringur.faces import lazy

_AGENT = "hringur.agents.reinforce.agent"

__getattr__, __dir__, __all__ = lazy(__name__, {"Reinforce": _AGENT, "ReinforceConfig": _AGENT})
