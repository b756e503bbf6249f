import json
import math
import subprocess
import sys
from dataclasses import asdict

import gymnasium as gym
import numpy as np
import pytest
import torch

import hringur  # noqa: F401  registers the environments
from hringur.agents.tours.agent import TourAgent
from hringur.agents.tours.attention_model import AttentionModelConfig
from hringur.agents.tours.decoding import Decoding
from hringur.agents.tours.pointer_network import PointerNetworkConfig
from hringur.data.tours.length import tour_length
from hringur.evaluators.environments import make_vector
from hringur.evaluators.tours import play
from hringur.training import checkpoint
from hringur.training.run_folder import RunFolder
from hringur.types import UserError
from tests.references.tours.held_karp import held_karp

SMALL = {
    "attention-model": AttentionModelConfig(
        width=16, layers=1, heads=2, decoder_heads=2, feed_forward=16, batch=8
    ),
    "pointer-network": PointerNetworkConfig(width=16, attention_width=8, batch=8, tours=4, lr=5e-3),
}


def agent(name: str = "attention-model", **options) -> TourAgent:
    options = {"places": 7} | options
    return TourAgent("IcelandTSP-v0", SMALL[name], env_options=options, device="cpu")


@pytest.fixture(params=sorted(SMALL))
def each(request) -> TourAgent:
    return agent(request.param)


def test_predicting_step_by_step_is_planning_greedily(each):
    """The figure quoted by one is the figure of the other."""
    instances = each.sampler.sample(np.random.default_rng(0), 12, 7)
    start = np.random.default_rng(1).integers(7, size=12)
    env = make_vector("IcelandTSP-v0", 12, places=7)
    played = play(env, instances, lambda seen: each.predict(seen)[0], start)
    planned = each.plan(instances, Decoding(), start)
    np.testing.assert_array_equal(played.tour, planned)
    np.testing.assert_allclose(played.length, tour_length(instances.distance, planned))


def test_predict_plays_a_single_gymnasium_environment(each):
    env = gym.make("IcelandTSP-v0", places=7)
    observation, _ = env.reset(seed=3)
    for _ in range(6):
        action, state = each.predict(observation, deterministic=False)
        observation, _, terminated, _, info = env.step(action)
    assert terminated and sorted(info["tour"]) == list(range(7))


def test_a_recurrent_policy_refuses_to_come_in_late():
    watcher = agent("pointer-network")
    env = gym.make("IcelandTSP-v0", places=7)
    observation, info = env.reset(seed=3)
    observation, *_ = env.step(int(np.flatnonzero(info["action_mask"])[0]))
    with pytest.raises(UserError, match="from reset"):
        watcher.predict(observation)


def test_sb3_evaluates_the_agent(each):
    pytest.importorskip("stable_baselines3")
    from stable_baselines3.common.evaluation import evaluate_policy
    from stable_baselines3.common.monitor import Monitor

    env = Monitor(gym.make("IcelandTSP-v0", places=7))
    mean, _ = evaluate_policy(each, env, n_eval_episodes=3, warn=False)
    assert -60 < mean < -5  # hundreds of kilometres


def test_two_opt_only_shortens():
    planner = agent()
    instances = planner.sampler.sample(np.random.default_rng(0), 20, 7)
    plain = tour_length(instances.distance, planner.plan(instances, Decoding()))
    improved = tour_length(instances.distance, planner.plan(instances, Decoding(two_opt=True)))
    assert (improved <= plain + 1e-9).all() and (improved < plain - 1e-9).any()


def test_one_network_serves_any_number_of_places():
    planner = agent()
    for n in (2, 3, 12):
        instances = planner.sampler.sample(np.random.default_rng(0), 2, n)
        tour = planner.plan(instances, Decoding(method="all-starts"))
        np.testing.assert_array_equal(np.sort(tour, axis=1), np.tile(np.arange(n), (2, 1)))


def test_what_is_saved_is_loaded(each, tmp_path):
    for batch, _ in zip(each.batches(), range(3), strict=False):
        each.update(batch, 0.5)
    each.save(tmp_path / "agent.safetensors")
    loaded = TourAgent.load(tmp_path / "agent.safetensors", device="cpu")
    instances = each.sampler.sample(np.random.default_rng(0), 30, 7)
    np.testing.assert_array_equal(loaded.plan(instances), each.plan(instances))
    assert loaded.config == each.config


def test_a_run_folder_is_loaded_and_begun_with_like_a_saved_agent(each, tmp_path):
    config = {"learner": each.config.name}
    folder = RunFolder.create(tmp_path / "run", config)
    with pytest.raises(UserError, match="has no checkpoint yet"):
        TourAgent.load(folder.path)
    each.update(next(each.batches()), 0.5)
    folder.save_checkpoint({"learner": each.state_dict()}, step=1, keep=1)
    loaded = TourAgent.load(folder.path, device="cpu")
    other = type(each.config)(**(asdict(each.config) | {"initial": folder.path}))
    begun = TourAgent("IcelandTSP-v0", other, env_options={"places": 7}, device="cpu")
    for name, value in each.average.state_dict().items():
        assert torch.equal(value, loaded.average.state_dict()[name]), name
        assert torch.equal(value, begun.policy.module.state_dict()[name]), name


def test_an_environment_without_tours_is_refused():
    with pytest.raises(UserError, match="CartPole-v1 has no tours to build"):
        TourAgent("CartPole-v1")


def test_a_file_names_no_module_to_import(each, tmp_path):
    each.env_id = "evilmod:IcelandTSP-v0"
    each.save(tmp_path / "agent.safetensors")
    with pytest.raises(UserError, match="to import evilmod, and so to run its code"):
        TourAgent.load(tmp_path / "agent.safetensors")


def test_what_was_saved_under_old_names_is_loaded(each, tmp_path):
    weights = dict(each.average.state_dict())
    state = {"tour_agent": each._description(), "weights": weights}
    state["tour_agent"]["config"]["largest"] = state["tour_agent"]["config"].pop("max_places")
    checkpoint.save(tmp_path / "agent.safetensors", state)
    assert TourAgent.load(tmp_path / "agent.safetensors", device="cpu").config == each.config


def test_foreign_and_other_checkpoints_are_refused(tmp_path):
    checkpoint.save(tmp_path / "other.safetensors", {"weights": {}})
    with pytest.raises(UserError, match="not one that TourAgent.save wrote"):
        TourAgent.load(tmp_path / "other.safetensors")
    pointer = agent("pointer-network")
    with pytest.raises(UserError, match="attention-model, not of pointer-network"):
        pointer.load_state_dict(agent().state_dict())


@pytest.mark.parametrize("baseline", ["leave-one-out", "moving-average", "greedy-rollout"])
def test_the_update_follows_the_gradient_of_the_expected_length(baseline):
    """Oracle: the exact gradient over the six tours from each of four places.

    The mean over many updates' gradients, at frozen weights, is compared with it.
    """
    config = AttentionModelConfig(
        width=8,
        layers=1,
        heads=2,
        decoder_heads=2,
        feed_forward=8,
        batch=512,
        baseline=baseline,
        imitation=0.0,
        reinforcement=1.0,
        clip_norm=1e9,
    )
    learner = TourAgent("IcelandTSP-v0", config, env_options={"places": 4}, device="cpu")
    one = learner.sampler.sample(np.random.default_rng(4), 1, 4)
    batch = one[np.zeros(512, dtype=np.int64)]
    exact = exact_gradient(learner, one)
    before = {name: value.clone() for name, value in learner.policy.module.state_dict().items()}
    estimate = torch.zeros_like(exact)
    updates = 12
    for _ in range(updates):
        learner.update(batch, 0.5)
        estimate += gradient_of(learner) / updates
        learner.policy.module.load_state_dict(before)
    alike = torch.nn.functional.cosine_similarity(estimate, exact, dim=0)
    assert float(alike) > 0.9
    assert float(estimate.norm() / exact.norm()) == pytest.approx(1, abs=0.35)


def exact_gradient(learner: TourAgent, one) -> torch.Tensor:
    from itertools import permutations

    network = learner.policy.module
    tours = torch.tensor(list(permutations(range(4))))[None]  # all starts, six tours of each
    distance = torch.tensor(one.distance, dtype=torch.float32)
    cost = tour_length(distance, tours) / distance.mean()
    encoding = network.encode(torch.tensor(one.coordinates, dtype=torch.float32), distance)
    expected = (network.score(encoding, tours).log_prob.exp() * cost).sum() / 4
    gradients = torch.autograd.grad(expected, list(network.parameters()))
    return torch.cat([gradient.flatten() for gradient in gradients])


def gradient_of(learner: TourAgent) -> torch.Tensor:
    return torch.cat([weight.grad.flatten() for weight in learner.policy.module.parameters()])


def test_sampled_tours_become_shorter(each):
    batches, lengths = each.batches(), []
    for step in range(150):
        lengths.append(each.update(next(batches), step / 150)["rollout/tour_length"])
    assert np.mean(lengths[-20:]) < 0.96 * np.mean(lengths[:20])


def test_an_open_path_is_learned_from_its_own_start():
    walker = agent(round_trip=False)
    metrics = walker.update(next(walker.batches()), 0.5)
    assert np.isfinite(metrics["train/loss"])
    instances = walker.sampler.sample(np.random.default_rng(0), 3, 7)
    tours = walker.plan(instances, Decoding(method="sampling", samples=200))
    for table, tour in zip(instances.distance, tours, strict=True):
        _, best = held_karp(table, round_trip=False, start=0)
        length = tour_length(table[None], tour[None], round_trip=False)[0]
        assert tour[0] == 0 and best <= length + 1e-9 <= 2.5 * best


def test_the_evaluator_is_solved_where_nothing_is_shipped():
    gap = agent().evaluator.gap(agent().plan(agent().evaluator.instances))
    assert (gap > -1e-9).all() and gap.max() < 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 0}, "batch must be positive and finite, got 0"),
        ({"lr": math.nan}, "lr must be positive and finite, got nan"),
        ({"clip_norm": math.inf}, "clip_norm must be positive and finite, got inf"),
        ({"reinforcement": math.nan}, "reinforcement must be 0 or more and finite, got nan"),
        ({"entropy_bonus": -1.0}, "entropy_bonus must be 0 or more and finite, got -1.0"),
        ({"imitation": 1.5}, "imitation must be in 0..1, got 1.5"),
        ({"tours": 1}, "tours must be at least 2, got 1"),
    ],
)
def test_impossible_settings_are_refused_in_one_line(options, message):
    with pytest.raises(UserError, match=message):
        AttentionModelConfig(**options)


def test_weights_that_overflow_are_told_in_one_line(each):
    """Whatever tours such weights lead to, it is the finite check that ends the run."""
    each.config = type(each.config)(**(asdict(each.config) | {"lr": 1e38}))
    batches = each.batches()
    with pytest.raises(FloatingPointError, match="not finite"):
        for _ in range(4):
            each.update(next(batches), 0.5)


@pytest.mark.slow
def test_two_processes_learn_together(tmp_path):
    """The command of docs/training.md: twice the instances an update, one run folder."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    options = "--places 6 --batch 8 --width 16 --heads 2 --decoder-heads 2 --layers 1 --device cpu"
    command = [*launcher, "-m", "hringur", "train", "attention-model", *options.split()]
    command += ["--steps", "3", "--folder", str(tmp_path / "two"), "--json"]
    done = subprocess.run(command, capture_output=True, timeout=200, cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    metrics = json.loads((tmp_path / "two" / "metrics.json").read_text())
    assert (metrics["step"], metrics["samples"]) == (3, 2 * 3 * 8)
