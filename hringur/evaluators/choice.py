"""What a learner is measured with: the evaluator of its environment's domain."""

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any, ClassVar, Protocol, runtime_checkable

import gymnasium as gym

from hringur.evaluators.environments import gym_spec, make_single
from hringur.evaluators.episodes import EpisodeReturns
from hringur.registry import Domain, domain_of
from hringur.types import Decide, Metrics


@runtime_checkable
class Evaluator(Protocol):
    """Measures a policy on what it was not trained on."""

    env_id: str
    env_options: dict[str, Any]
    samples: ClassVar[str]
    """what learners of such environments count, for axes and tables"""

    headline: ClassVar[str]
    """tag of the metric that says most"""

    def measure(self, decide: Decide) -> Metrics:
        """Scalars of a policy that decides step by step, while training goes on."""
        ...

    def play(self, learner: Any) -> EpisodeReturns:
        """Every held-out episode, played by a trained learner."""
        ...


def evaluator_for(
    env_id: str, env_options: Mapping[str, Any], episodes: int | None = None
) -> Evaluator:
    """The evaluator of an environment; ``episodes`` are its own usual number when not given.

    Raises:
        UserError: there is no such environment, or it has no such option.
    """
    evaluator = resolve_name(domain_for(env_id, env_options).evaluator)
    return evaluator(env_id, dict(env_options), episodes)


def domain_for(env_id: str, env_options: Mapping[str, Any]) -> Domain:
    """What kind of environment it is; it refuses what ``evaluator_for`` does."""
    return domain_of(gym_spec(env_id).id, type(_single(env_id, env_options)))


def training_options(env_id: str, env_options: Mapping[str, Any]) -> dict[str, Any]:
    """Options to train with: what an evaluation overrules is turned on, unless it was given.

    On Breakout these are ``clip_reward`` and ``life_loss``. It refuses what ``evaluator_for`` does.
    """
    overruled = getattr(_single(env_id, env_options), "evaluation_options", {})
    return {name: not value for name, value in overruled.items()} | dict(env_options)


def _single(env_id: str, env_options: Mapping[str, Any]) -> gym.Env:
    env = make_single(env_id, **env_options)
    env.close()
    return env.unwrapped
