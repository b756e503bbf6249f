"""What is called while an agent learns, and can end it.

Anything with the three methods of ``Callback`` serves; so does a function of the agent, which is
then called after every update, and a callback of Stable-Baselines3.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from hringur.types import UserError


@runtime_checkable
class Callback(Protocol):
    """Called while an agent learns."""

    def on_start(self, agent: Any) -> None:
        """Before the first update."""

    def on_update(self, agent: Any) -> bool | None:
        """After every update; False ends the training."""

    def on_end(self, agent: Any) -> None:
        """After the last update, also where the training was ended early."""


@dataclass(frozen=True)
class FunctionCallback:
    """A function of the agent, called after every update."""

    function: Callable[[Any], bool | None]

    def on_start(self, agent: Any) -> None:
        """Nothing."""

    def on_update(self, agent: Any) -> bool | None:
        """Call it."""
        return self.function(agent)

    def on_end(self, agent: Any) -> None:
        """Nothing."""


@dataclass(frozen=True)
class SB3Callback:
    """A ``BaseCallback`` of Stable-Baselines3; an update is one of its steps, and one rollout.

    The agent has what such callbacks ask of a model: ``num_timesteps``, ``get_env``, ``logger``,
    ``predict`` and ``save``. Frequencies that SB3 counts in steps are counted in updates.
    """

    given: Any

    def on_start(self, agent: Any) -> None:
        """Training and its first rollout start."""
        with warnings.catch_warnings():  # the agent's environments are Gymnasium's own vectors
            warnings.filterwarnings("ignore", "Training and eval env are not of the same type")
            self.given.init_callback(agent)
        self.given.on_training_start({"self": agent, **agent.budget}, {})
        self.given.on_rollout_start()

    def on_update(self, agent: Any) -> bool | None:
        """A step, the end of the rollout, and the start of the next one."""
        go_on = self.given.on_step()
        self.given.on_rollout_end()
        if go_on:
            self.given.on_rollout_start()
        return go_on

    def on_end(self, agent: Any) -> None:
        """Training ends."""
        self.given.on_training_end()


def callbacks_of(given: Any) -> list[Callback]:
    """What was given to ``learn`` as a list of callbacks.

    Raises:
        UserError: it is none of the kinds above.
    """
    if given is None:
        return []
    if isinstance(given, Sequence):
        return [one for part in given for one in callbacks_of(part)]
    if hasattr(given, "init_callback"):
        return [SB3Callback(given)]
    if isinstance(given, Callback):
        return [given]
    if callable(given):
        return [FunctionCallback(given)]
    raise UserError(
        f"callback must have on_start, on_update and on_end, or be a function of the agent, a"
        f" callback of Stable-Baselines3 or a list of these, got {given!r}"
    )
