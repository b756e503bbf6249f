"""Learners in two processes, or in one with the doubled batch, on the very same random numbers.

``two_processes.py FILE NAME...`` is one of two, as torchrun starts it: each takes its share of what
one process would draw. The weights after a few updates go to FILE.
"""

import sys
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from hringur.agents.reinforce.rollouts import Rollouts
from hringur.agents.tours.settings import InstanceBatches
from hringur.registry import LEARNERS, MODELS, config_of
from hringur.training import checkpoint
from hringur.training.fabric import gather, rank, world_size
from hringur.training.trainer import TrainerConfig, make_fabric
from tests.generative.small_images import bars

UPDATES = 5
SHARE = 6
"""Instances, environments or images of one of two processes: no other axis is as long."""

TOUR_NETWORK = {"width": 16, "batch": SHARE, "tours": 4}
SMALL = {
    "attention-model": TOUR_NETWORK
    | {"layers": 1, "heads": 2, "decoder_heads": 2, "feed_forward": 16},
    "pointer-network": TOUR_NETWORK,
    "reinforce": {"n_envs": SHARE, "n_steps": 9, "width": 16},
    "a2c": {"n_envs": SHARE},
    "ppo": {"n_envs": SHARE},
    "dqn": {"n_envs": SHARE},
    "maskable-ppo": {"n_envs": SHARE},
}
ENVIRONMENTS = {
    "attention-model": ("IcelandTSP-v0", {"places": 5}),
    "pointer-network": ("IcelandTSP-v0", {"places": 5}),
    "maskable-ppo": ("IcelandTSP-v0", {"places": 5}),
}
MINIBATCHES = {"ppo", "dqn", "maskable-ppo"}
"""They shuffle their own share, so one process with the doubled batch sees others."""

NOT_LEARNED = ("optimizer", "optimizers", "moments", "baseline", "evidence")
DRAWS = ("rand", "randn", "randint")


def shared_draw(draw):
    """``draw`` of the whole batch, of which a process takes its share."""

    def drawn(*arguments, **options):
        first = arguments[: len(arguments) - 1] if draw is RANDINT else ()
        shape = arguments[-1] if draw is RANDINT else arguments
        shape = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else shape
        axis = next((k for k, size in enumerate(shape) if size == SHARE), None)
        if axis is None or options.get("generator") is not None:
            return draw(*first, tuple(shape), **options)
        whole = [size * world_size() if k == axis else size for k, size in enumerate(shape)]
        return draw(*first, tuple(whole), **options).narrow(axis, rank() * SHARE, SHARE)

    return drawn


RANDINT = torch.randint


def shared_noise(tensor, *arguments, generator=None):
    """``exponential_`` and ``uniform_``, of the whole batch."""
    count = len(tensor) * world_size()
    whole = torch.empty(count, *tensor.shape[1:])
    whole.log_normal_(generator=generator)
    return tensor.copy_(whole[rank() * len(tensor) :][: len(tensor)])


def shared_choice(weight, count, replacement=False):
    """``multinomial``, by noise of the whole batch."""
    return (weight / shared_noise(torch.empty_like(weight))).argmax(dim=1, keepdim=True)


def shared_instances(batches):
    """Instances of the whole batch, of which a process takes its share."""
    whole = batches.sampler.sample(
        batches.rng, batches.config.batch * world_size(), batches.n_places
    )
    own = batches.config.batch
    return whole[slice(rank() * own, rank() * own + own)]


def whole_seed(rollouts):
    """The same seed in each process; environments are told apart where they are reset."""
    return 1000 * rollouts.collected


def of_all_processes() -> ExitStack:
    """Random numbers as one process with all environments and images would draw them."""
    stack, draws = ExitStack(), {name: getattr(torch, name) for name in DRAWS}
    for name, draw in draws.items():
        stack.enter_context(patch(f"torch.{name}", shared_draw(draw)))
    for name in ("rand", "randn"):
        like = shared_draw(draws[name])
        stack.enter_context(patch(f"torch.{name}_like", lambda x, like=like: like(*x.shape)))
    stack.enter_context(patch("torch.multinomial", shared_choice))
    stack.enter_context(patch("torch.normal", lambda m, s: m + s * torch.randn(*m.shape)))
    coins = patch("torch.bernoulli", lambda p: (torch.rand(*p.shape) < p).to(p.dtype))
    stack.enter_context(coins)
    for name in ("exponential_", "uniform_"):
        stack.enter_context(patch.object(torch.Tensor, name, shared_noise))
    stack.enter_context(patch.object(InstanceBatches, "__next__", shared_instances))
    stack.enter_context(patch.object(Rollouts, "_seed_now", whole_seed))
    return stack


def floats(state: object, name: str = "") -> dict[str, torch.Tensor]:
    """Every tensor of numbers in nested dictionaries."""
    if isinstance(state, torch.Tensor):
        return {name: state.detach().clone()} if state.is_floating_point() else {}
    parts = state.items() if isinstance(state, dict) else ()
    parts = [(key, part) for key, part in parts if str(key) not in NOT_LEARNED]
    return {k: v for key, part in parts for k, v in floats(part, f"{name}/{key}").items()}


def weights(learner) -> dict[str, torch.Tensor]:
    """What a learner has learned, without its optimiser."""
    return floats(learner.state_dict())


def trained(name: str, fabric) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """The weights before and after a few updates."""
    torch.set_num_threads(1)
    known = config_of(name).__dataclass_fields__
    small = {"batch": SHARE, "channels": 4, "hidden": 16, "latent": 3, "encoder_pretraining": 2}
    small = SMALL.get(name) or {key: value for key, value in small.items() if key in known}
    sizes = {key: value * 2 // world_size() for key, value in small.items() if value == SHARE}
    config = config_of(name)(**small | sizes)
    if name in MODELS:
        learner = config.model()(bars(), config, seed=0, fabric=fabric)
        batches = learner.batches()
    else:
        learner, batches = config.build(*ENVIRONMENTS.get(name, ("CartPole-v1", {})), 0, fabric)
    env = getattr(batches, "env", None) or getattr(learner, "env", None)
    if env is not None:
        env = getattr(env, "env", env)
        reset, first = env.reset, rank() * SHARE
        env.reset = lambda seed=None, **options: reset(
            seed=None if seed is None else seed + first, **options
        )
    if name == "a2c":  # an update of the trainer is several of SB3's, as many for any batch
        learner.steps = 3 * config.n_envs * learner.model.n_steps
    before = weights(learner)
    with of_all_processes():
        if isinstance(batches, InstanceBatches):
            batches.rng = np.random.default_rng(0)
        if isinstance(batches, Rollouts):
            batches.generator.manual_seed(0)
        if name in ("a2c", "ppo", "dqn"):
            with patch("hringur.agents.sb3.learner.rank", lambda: 0):
                learner._fresh_episodes()
        torch.manual_seed(7)
        for step in range(UPDATES):
            learner.update(next(batches), step / UPDATES)
    return before, weights(learner)


def main(file: Path, names: list[str]) -> None:
    """Train each, compare with the other process, and leave what came out."""
    fabric, found = make_fabric(TrainerConfig(device="cpu", threads=1)), {}
    for name in names:
        _, after = trained(name, fabric)
        mine, other = gather(after)
        unlike = [key for key, value in mine.items() if not torch.equal(value, other[key])]
        assert not unlike, (name, unlike)
        found[name] = after
    if rank() == 0:
        checkpoint.save(file, found)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or [*LEARNERS, *MODELS])
