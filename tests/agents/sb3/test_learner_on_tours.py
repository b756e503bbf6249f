"""Stable-Baselines3 on tours, behind the protocols of learners and of agents."""

import sys

import numpy as np
import pytest
import torch

import hringur  # noqa: F401  registers the environments
from hringur.agents.sb3.learner import Chunks, SB3Learner
from hringur.agents.sb3.settings import A2CConfig, DQNConfig, MaskablePPOConfig, PPOConfig
from hringur.evaluators.environments import make_vector
from hringur.evaluators.tours import play
from hringur.training import checkpoint
from hringur.training.trainer import TrainerConfig, make_fabric
from hringur.types import Batches, Learner, MissingExtra, UserError

PLACES = 6
ON_POLICY = [
    PPOConfig(n_envs=4, minibatches=2, epochs=2),
    A2CConfig(n_envs=4),
    MaskablePPOConfig(n_envs=4, minibatches=2, epochs=2),
]
ALL = [*ON_POLICY, DQNConfig(n_envs=4, batch=8, replay_megabytes=1)]


def names(config):
    return config.algorithm.name


def learner(config, seed=0, places=PLACES):
    fabric = make_fabric(TrainerConfig(device="cpu"))
    built, chunks = config.build("IcelandTSP-v0", {"places": places}, seed, fabric)
    assert isinstance(built, Learner) and isinstance(built, SB3Learner)
    assert isinstance(chunks, Batches)
    return built


def trained(config, updates=2, **settings):
    built = learner(config, **settings)
    for update in range(updates):
        scalars = built.update(range(8), update / updates)
    return built, scalars


def observations(seed=0, count=32):
    """Instances in the middle of an episode."""
    env = make_vector("IcelandTSP-v0", count, places=PLACES)
    observation, _ = env.reset(seed=seed)
    for _ in range(2):
        observation, *_ = env.step(observation["visited"].argmin(axis=1))
    return observation


@pytest.mark.parametrize("config", ALL, ids=names)
def test_learner_runs_and_stays_finite(config):
    built, scalars = trained(config)
    assert built.model.num_timesteps == 2 * built.steps
    assert np.isfinite([v for k, v in scalars.items() if "variance" not in k]).all()
    areas = {tag.split("/")[0] for tag in scalars}
    assert "rollout" in areas and "time" not in areas


@pytest.mark.parametrize("config", ALL, ids=names)
def test_state_comes_back_from_a_file(config, tmp_path):
    """Another learner decides as the first after reading its checkpoint, and not before."""
    built, _ = trained(config, updates=3)
    checkpoint.save(tmp_path / "c.safetensors", built.state_dict())
    other = learner(config, seed=1)
    seen = observations()
    assert not np.allclose(built._logits(seen), other._logits(seen))
    other.load_state_dict(checkpoint.load(tmp_path / "c.safetensors"))
    np.testing.assert_array_equal(built._logits(seen), other._logits(seen))
    assert other.updates == 3 and other.model.num_timesteps == built.model.num_timesteps
    other.update(range(8), 0.5)


@pytest.mark.parametrize("config", ON_POLICY, ids=names)
def test_resumed_run_ends_in_the_same_weights(config):
    straight, _ = trained(config, updates=2)
    state = straight.state_dict()
    state = {**state, "policy": {k: v.clone() for k, v in state["policy"].items()}}
    state["moments"] = {
        i: {k: v.clone() if torch.is_tensor(v) else v for k, v in m.items()}
        for i, m in state["moments"].items()
    }
    expected = straight.update(range(8), 0.7)
    resumed = learner(config, seed=0)
    resumed.load_state_dict(state)
    assert resumed.update(range(8), 0.7) == pytest.approx(expected, rel=0, abs=0, nan_ok=True)
    for name, weight in straight.model.policy.state_dict().items():
        assert torch.equal(weight, resumed.model.policy.state_dict()[name]), name


@pytest.mark.parametrize("config", ALL, ids=names)
def test_predict_agrees_with_sb3(config):
    """Oracle: SB3's own predict on the same observations."""
    built, _ = trained(config)
    seen = observations()
    masks = {"action_masks": seen["visited"] == 0} if built.masks_itself else {}
    expected, _ = built.model.predict(seen, deterministic=True, **masks)
    np.testing.assert_array_equal(built.predict(seen)[0], expected)
    one = {key: value[0] for key, value in seen.items()}
    assert built.predict(one)[0] == expected[0]


@pytest.mark.parametrize("config", ALL, ids=names)
def test_masked_decisions_never_visit_a_place_twice(config):
    built, _ = trained(config, updates=1)
    env = make_vector("IcelandTSP-v0", 20, places=PLACES)
    instances = env.unwrapped.sampler.sample(np.random.default_rng(0), 20, PLACES)
    for deterministic in (True, False):
        played = play(
            env,
            instances,
            lambda o, d=deterministic: built.predict(o, None, None, d, 1 - o["visited"])[0],
        )
        assert played.valid.all()
        np.testing.assert_array_equal(np.sort(played.tour, axis=1), [list(range(PLACES))] * 20)


@pytest.mark.parametrize("config", [PPOConfig(n_envs=2), DQNConfig(n_envs=2)], ids=names)
def test_all_places_are_treated_alike(config):
    """Renaming the places renames the preferences and changes nothing else."""
    built = learner(config)
    seen = observations(count=4)
    order = np.random.default_rng(0).permutation(PLACES)
    renamed = {
        "coordinates": seen["coordinates"][:, order],
        "distances": seen["distances"][:, order][:, :, order],
        "visited": seen["visited"][:, order],
        "current": np.argsort(order)[seen["current"]],
        "start": np.argsort(order)[seen["start"]],
    }
    np.testing.assert_allclose(
        built._logits(renamed), built._logits(seen)[:, order], rtol=1e-4, atol=1e-4
    )


def test_flat_features_are_sb3s_own():
    built, _ = trained(PPOConfig(n_envs=4, features="flat"), updates=1)
    size = PLACES * 2 + PLACES**2 + 3 * PLACES
    assert built.model.policy.features_extractor.features_dim == size


def test_evaluation_tells_gap_and_share_of_valid_tours():
    built = learner(PPOConfig(n_envs=2), places=4)
    metrics = built.evaluate()
    assert built.headline in metrics
    assert metrics["evaluation/gap_percent"] >= -1e-9
    assert 0 <= metrics["evaluation/valid_percent"] <= 100
    assert (
        "evaluation/valid_percent" not in learner(MaskablePPOConfig(n_envs=2), places=4).evaluate()
    )


def test_another_algorithms_or_sizes_checkpoint_is_refused():
    state = learner(PPOConfig(n_envs=2, features="flat")).state_dict()
    with pytest.raises(UserError, match="of PPO, expected A2C"):
        learner(A2CConfig(n_envs=2)).load_state_dict(state)
    with pytest.raises(UserError, match="another architecture"):
        learner(PPOConfig(n_envs=2, features="flat"), places=5).load_state_dict(state)


@pytest.mark.parametrize(("minibatches", "places"), [(8, 2), (65_536, 6)])
def test_minibatches_of_less_than_two_steps_are_refused(minibatches, places):
    config = PPOConfig(n_envs=2, tours_per_update=4, minibatches=minibatches)
    with pytest.raises(UserError, match=f"for the .* steps of an update, got {minibatches}$"):
        learner(config, places=places)


@pytest.mark.parametrize("module", ["stable_baselines3", "sb3_contrib"])
def test_missing_extra_is_one_line(module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    config = MaskablePPOConfig() if module == "sb3_contrib" else PPOConfig()
    with pytest.raises(MissingExtra, match=r"pip install 'hringur\[sb3\]'"):
        learner(config)


def test_a_loss_that_is_not_finite_is_told(monkeypatch):
    built = learner(PPOConfig(n_envs=2))
    monkeypatch.setattr(
        built.model, "learn", lambda *_, **__: built.model.logger.record("train/loss", float("nan"))
    )
    with pytest.raises(FloatingPointError, match="train/loss is nan"):
        built.update(range(2), 0.0)


def test_chunks_count_tours():
    chunks = Chunks(12)
    assert len(next(iter(chunks))) == 12


@pytest.mark.slow
def test_maskable_ppo_beats_the_nearest_neighbour():
    """Learning: a minute is enough to fall below the 14.7 % of the nearest neighbour."""
    built = learner(MaskablePPOConfig(), places=20)
    for update in range(60):
        built.update(range(128), update / 60)
    assert built.evaluate()["evaluation/gap_percent"] < 14.7
