"""Every gradient estimator by name."""

import math
from collections.abc import Callable, Sequence

from hringur.estimators.baselines import (
    BatchMean,
    GreedyChoice,
    LearnedValue,
    LeaveOneOut,
    MovingAverage,
)
from hringur.estimators.bernoulli import ARM, DisARM
from hringur.estimators.interface import Estimator, Family
from hringur.estimators.pathwise import GumbelSoftmax, Pathwise, StraightThrough
from hringur.estimators.rebar import ControlNetwork, Rebar, Relax, RelaxedCost
from hringur.estimators.score_functions import ScoreFunction, Vimco
from hringur.types import UserError

ESTIMATORS: dict[str, Callable[[int], Estimator]] = {
    "reinforce": lambda size: ScoreFunction(),
    "reinforce-moving-average": lambda size: ScoreFunction(MovingAverage()),
    "reinforce-batch-mean": lambda size: ScoreFunction(BatchMean()),
    "reinforce-leave-one-out": lambda size: ScoreFunction(LeaveOneOut()),
    "reinforce-learned-value": lambda size: ScoreFunction(LearnedValue(size)),
    "reinforce-greedy-rollout": lambda size: ScoreFunction(GreedyChoice()),
    "arm": lambda size: ARM(),
    "disarm": lambda size: DisARM(),
    "rebar": lambda size: Rebar(),
    "rebar-offset": lambda size: Rebar(RelaxedCost(offset=True)),
    "relax": lambda size: Relax(ControlNetwork(size)),
    "gumbel-softmax": lambda size: GumbelSoftmax(),
    "gumbel-straight-through": lambda size: GumbelSoftmax(hard=True),
    "straight-through": lambda size: StraightThrough(),
    "pathwise": lambda size: Pathwise(),
    "vimco": lambda size: Vimco(),
}
"""Functions from the number of a distribution's parameters to a new estimator."""


def make_estimator(name: str, parameter_shape: Sequence[int]) -> Estimator:
    """The estimator called ``name``, for distributions whose instances have such parameters."""
    if name not in ESTIMATORS:
        raise UserError(f"unknown estimator {name!r}; there are {', '.join(ESTIMATORS)}")
    return ESTIMATORS[name](math.prod(parameter_shape))


def check_estimator(name: str, draws: int, family: Family, takes: str) -> None:
    """Refuse an estimator that does not take a ``family`` of latents, or not from so few draws.

    Raises:
        UserError: which names what the latents are by ``takes``, such as bits.
    """
    promises = make_estimator(name, (1,)).promises
    if not {"any", family} & set(promises.families):
        raise UserError(f"the estimator {name!r} does not take {takes}")
    if draws < promises.least_samples:
        raise UserError(f"{name} needs draws >= {promises.least_samples}, got {draws}")
