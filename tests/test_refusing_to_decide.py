"""No decision on what is not finite, or where nothing is allowed."""

import numpy as np
import pytest
import torch

from hringur.agents.reinforce.agent import Reinforce, ReinforceConfig
from hringur.agents.sb3.settings import PPOConfig
from hringur.agents.tours.agent import TourAgent
from hringur.agents.tours.attention_model import AttentionModelConfig
from hringur.agents.tours.decoding import Decoding
from hringur.evaluators.environments import make_single
from hringur.training.trainer import TrainerConfig, make_fabric
from hringur.types import UserError

SMALL = AttentionModelConfig(width=8, heads=2, decoder_heads=2, layers=1, feed_forward=8)


@pytest.fixture(scope="module")
def tour_agent():
    return TourAgent("EuclideanTSP-v0", SMALL, device="cpu", env_options={"places": 5})


@pytest.fixture(scope="module")
def of_tours():
    return make_single("EuclideanTSP-v0", places=5).reset(seed=0)[0]


def agents_of_cartpole():
    fabric = make_fabric(TrainerConfig(device="cpu"))
    yield Reinforce("CartPole-v1", ReinforceConfig(n_envs=1), device="cpu")
    yield PPOConfig(n_envs=1).build("CartPole-v1", {}, 0, fabric)[0]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_observations_that_are_not_finite_are_refused(tour_agent, of_tours, value):
    coordinates = of_tours["coordinates"].copy()
    coordinates[0, 0] = value
    with pytest.raises(UserError, match="the observation holds numbers that are not finite"):
        tour_agent.predict({**of_tours, "coordinates": coordinates})
    for agent in agents_of_cartpole():
        with pytest.raises(UserError, match="the observation holds numbers that are not finite"):
            agent.predict(np.array([0.0, value, 0.0, 0.0], dtype=np.float32))


def test_where_nothing_is_allowed_nothing_is_chosen(tour_agent, of_tours):
    visited = np.ones_like(of_tours["visited"])
    with pytest.raises(UserError, match="the mask allows no action at all"):
        tour_agent.predict({**of_tours, "visited": visited})
    agent = Reinforce("CartPole-v1", ReinforceConfig(n_envs=1), device="cpu")
    seen = np.zeros((2, 4), dtype=np.float32)
    agent.predict(seen, action_masks=np.array([[1, 0], [0, 1]]))
    with pytest.raises(UserError, match="the mask allows no action at all"):
        agent.predict(seen, action_masks=np.array([[1, 0], [0, 0]]))


@pytest.mark.parametrize("method", ["greedy", "all-starts", "sampling", "beam"])
def test_a_broken_network_plans_no_tour_that_2_opt_could_mend(method):
    agent = TourAgent("EuclideanTSP-v0", SMALL, device="cpu", env_options={"places": 5})
    instances = agent.sampler.sample(np.random.default_rng(0), 2, 5)
    decoding = Decoding(method=method, samples=4, beam_width=4, two_opt=True)
    agent.plan(instances, decoding)
    with torch.no_grad():
        next(agent.average.parameters()).fill_(torch.nan)
    with pytest.raises(FloatingPointError, match="the network's logits are not finite"):
        agent.plan(instances, decoding)
