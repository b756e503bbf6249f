"""The habits that all agents share, on the two there are."""

import copy

import gymnasium as gym
import numpy as np
import pytest
import torch

import hringur
from hringur.training.agent import path_of_agent
from hringur.training.loggers import CSVLogger
from hringur.types import UserError


def reinforce(**more):
    options = {"n_envs": 2, "n_steps": 8, "device": "cpu"} | more
    return hringur.Reinforce("MlpPolicy", "CartPole-v1", **options)


def tour_agent(**more):
    options = {"batch": 2, "tours": 3, "device": "cpu"} | more
    problem = {"env_options": {"places": 5}}
    return hringur.TourAgent("pointer-network", "EuclideanTSP-v0", **problem, **options)


both = pytest.mark.parametrize("make", [reinforce, tour_agent])


def updates(agent):
    return agent.trained.updates if hasattr(agent, "trained") else agent.updates


def same(one, other):
    return all(
        torch.equal(a, b)
        for part in one
        if part != "policy.optimizer"
        for a, b in zip(one[part].values(), other[part].values(), strict=True)
    )


def test_settings_are_keywords_by_either_name():
    agent = reinforce(learning_rate=1e-2, ent_coef=0.5, gamma=0.9, max_grad_norm=2.0)
    config = agent.config
    assert (config.lr, config.entropy_weight, config.gamma, config.clip_norm) == (0.01, 0.5, 0.9, 2)
    assert tour_agent(learning_rate=0.5).config.lr == 0.5
    few = {"n_envs": 2, "device": "cpu"}
    third = hringur.Reinforce("MlpPolicy", "CartPole-v1", 1e-2, 8, **few).config  # SB3's order
    assert (third.lr, third.n_steps) == (0.01, 8)
    problem = {"env_options": {"places": 5}, "batch": 2, "tours": 3, "device": "cpu"}
    assert hringur.TourAgent("pointer-network", "EuclideanTSP-v0", 0.5, **problem).config.lr == 0.5
    usual = hringur.Reinforce("CartPole-v1", n_envs=2, n_steps=8, device="cpu")
    assert same(usual.get_parameters(), reinforce().get_parameters())
    with pytest.raises(UserError, match="unknown setting buffer_size; there are n_envs"):
        reinforce(buffer_size=3)


@both
def test_steps_are_counted_and_may_go_on(make):
    agent = make()
    each = agent._steps_per_sample * (2 if make is tour_agent else 16)
    # A step that only starts an episode again does not count: there may be one update more.
    assert 2 * each <= agent.learn(2 * each).num_timesteps < 3 * each
    before = agent.num_timesteps
    again = agent.learn(each, reset_num_timesteps=False).num_timesteps
    assert before + each <= again < before + 2 * each
    assert each <= agent.learn(each).num_timesteps < 2 * each


@both
def test_callbacks_see_every_update_and_may_end_it(make):
    class Watching:
        def __init__(self):
            self.calls = []

        def on_start(self, agent):
            self.calls.append("start")

        def on_update(self, agent):
            self.calls.append(agent.num_timesteps)

        def on_end(self, agent):
            self.calls.append("end")

    watching, agent = Watching(), make()
    agent.learn(10**6, callback=[watching, lambda agent: updates(agent) < 3])
    first, *counts, last = watching.calls
    assert (first, last) == ("start", "end") and updates(agent) == 3
    assert len(counts) == 3 and counts == sorted(counts) and counts[-1] == agent.num_timesteps


@both
def test_a_loaded_agent_goes_on_with_optimiser_and_counters(make, tmp_path):
    agent = make().learn(90)
    agent.save(tmp_path / "agent")
    assert (tmp_path / "agent.safetensors").is_file()
    loaded = type(agent).load(tmp_path / "agent", device="cpu")
    opened = hringur.load(tmp_path / "agent", device="cpu")
    assert same(agent.get_parameters(), loaded.get_parameters())
    assert same(agent.get_parameters(), opened.get_parameters())
    assert updates(loaded) == updates(agent) and loaded.num_timesteps == agent.num_timesteps
    steps = [
        [float(kept["step"]) for kept in one.get_parameters()["policy.optimizer"]["state"].values()]
        for one in (agent, loaded)
    ]
    assert steps[0] == steps[1] and steps[0][0] > 0
    loaded.learn(90, reset_num_timesteps=False)
    assert updates(loaded) > updates(agent)
    assert loaded.num_timesteps >= agent.num_timesteps + 90


@both
def test_parameters_go_out_and_come_back(make):
    agent, other = make(), make(seed=1)
    assert not same(agent.get_parameters(), other.get_parameters())
    other.set_parameters(copy.deepcopy(agent.get_parameters()))
    assert same(agent.get_parameters(), other.get_parameters())
    other.set_parameters({"policy": agent.get_parameters()["policy"]}, exact_match=False)
    for wrong in ({}, {"critic": {}}):
        with pytest.raises(UserError, match="parameters must be of policy, "):
            other.set_parameters(wrong)
    assert agent.device == torch.device("cpu")


def test_spaces_and_environments():
    agent = reinforce()
    assert agent.observation_space.shape == (4,) and agent.action_space.n == 2
    assert agent.get_env().num_envs == 2
    agent.set_env(gym.make_vec("CartPole-v1", 2, "sync"))
    assert isinstance(agent.get_env(), gym.vector.SyncVectorEnv) and agent.learn(16).updates == 1
    with pytest.raises(UserError, match="observation_space must be"):
        agent.set_env("FrozenLake-v1")
    with pytest.raises(UserError, match="2 environments"):
        agent.set_env(gym.make_vec("CartPole-v1", 3, "sync"))
    tours = tour_agent()
    tours.set_env(gym.make("IcelandTSP-v0", places=5))
    assert tours.env_id == "IcelandTSP-v0" and tours.get_env().unwrapped.n_places == 5
    with pytest.raises(UserError, match="must be of 5 places"):
        tours.set_env(gym.make("IcelandTSP-v0", places=6))


def test_scalars_go_to_tensorboard_and_to_loggers_of_ones_own(tmp_path, capsys):
    (tmp_path / "first_old-7").mkdir()  # no number of ours
    agent = reinforce(tensorboard_log=tmp_path, verbose=1)
    logger = CSVLogger(tmp_path / "curve.csv")
    agent.set_logger(logger)
    agent.learn(64, log_interval=2, tb_log_name="first")
    agent.learn(64, log_interval=2, tb_log_name="first", reset_num_timesteps=False)
    agent.learn(8, tb_log_name="first")
    logger.close()
    folders = sorted(path.name for path in tmp_path.iterdir() if path.is_dir())
    assert folders == ["first_1", "first_2", "first_old-7"]
    rows = [line.split(",") for line in (tmp_path / "curve.csv").read_text().splitlines()]
    assert rows[0] == ["step", "tag", "value"]
    steps = [int(step) for step, tag, _ in rows[1:] if tag == "time/samples"]
    assert steps[0] <= 32 and sorted(steps[:-1]) == steps[:-1] and steps[-1] <= 16
    assert len(steps) in (5, 6, 7) and steps[-2] >= 128
    assert f"after {steps[0]} steps:" in capsys.readouterr().err


def test_callbacks_of_stable_baselines3_serve_as_they_are(tmp_path):
    callbacks = pytest.importorskip("stable_baselines3.common.callbacks")
    from stable_baselines3.common.env_util import make_vec_env

    evaluation = callbacks.EvalCallback(
        make_vec_env("CartPole-v1", 1),
        eval_freq=2,
        n_eval_episodes=2,
        best_model_save_path=str(tmp_path),
        verbose=0,
        warn=False,
    )
    saving = callbacks.CheckpointCallback(save_freq=2, save_path=str(tmp_path), name_prefix="a")
    agent = reinforce()
    logger = CSVLogger(tmp_path / "curve.csv")
    agent.set_logger(logger)
    agent.learn(64, callback=[evaluation, saving])
    logger.close()
    assert evaluation.n_calls >= 4 and np.isfinite(evaluation.last_mean_reward)
    assert "eval/mean_reward" in (tmp_path / "curve.csv").read_text()
    assert hringur.load(tmp_path / "best_model", device="cpu").updates > 0
    assert len(list(tmp_path.glob("a_*_steps.zip"))) >= 2


def test_only_a_name_without_a_suffix_gets_one(tmp_path):
    (tmp_path / "old").touch()
    assert path_of_agent(tmp_path / "a").name == "a.safetensors"
    assert path_of_agent(tmp_path / "a.zip").name == "a.zip"
    assert path_of_agent(tmp_path / "old", there=True).name == "old"
    assert path_of_agent(tmp_path / "old").name == "old.safetensors"
