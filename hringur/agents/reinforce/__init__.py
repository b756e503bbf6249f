"""REINFORCE for any Gymnasium environment with a finite choice of actions.

``agent.py`` has the agent, ``rollouts.py`` what it learns from, ``policy_gradient.py`` the update,
``networks.py`` the network for any observation.
"""

from hringur.faces import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "agent": "Reinforce ReinforceConfig",
        "networks": "ActorCritic",
        "rollouts": "Rollouts",
    },
)
