import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

import hringur
from hringur.agents.reinforce.agent import Reinforce, ReinforceConfig, share_left
from hringur.agents.reinforce.baselines import StepBaselineName
from hringur.agents.reinforce.policy_gradient import explained_variance
from hringur.evaluators.episodes import EpisodeEvaluator
from hringur.training import checkpoint
from hringur.training.run_folder import RunFolder
from hringur.training.trainer import TrainerConfig, make_fabric
from hringur.types import Learner, UserError
from tests.agents.reinforce.small_environments import FIRST, SECOND, Anything

PLAIN = {
    "normalise_advantage": False,
    "normalise_reward": False,
    "normalise_observation": False,
    "entropy_weight": 0.0,
}


def agent(env="CartPole-v1", seed=0, options=None, **settings) -> Reinforce:
    settings = {"n_envs": 4, "width": 8} | settings
    config = ReinforceConfig(**settings)
    return Reinforce(env, config, seed=seed, device="cpu", env_options=options)


def exact_gradient(network) -> list[torch.Tensor]:
    """Of half the expected return of TwoSteps, by enumerating both decisions."""
    logits = network.logits({"observation": torch.arange(3)})
    chance = logits.softmax(dim=1)
    second = (chance[1:] * torch.tensor(SECOND, dtype=torch.float32)).sum(dim=1)
    value = chance[0] @ (torch.tensor(FIRST, dtype=torch.float32) + second)
    return list(torch.autograd.grad(value / 2, network.policy.parameters()))


def estimates(config, count=30):
    """The exact gradient, and ``count`` of the update's own."""
    built = Reinforce("TwoSteps-v0", config, device="cpu")
    with torch.no_grad():
        built.network.policy[-1].weight.mul_(100)  # far from indifferent
    exact = torch.cat([part.flatten() for part in exact_gradient(built.network)])
    found = []
    for batch, _ in zip(built.batches, range(count), strict=False):
        built.update(batch, 0.0)
        found.append(torch.cat([-w.grad.flatten() for w in built.network.policy.parameters()]))
    return exact, torch.stack(found)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("baseline", StepBaselineName.__args__)
def test_the_update_follows_the_exact_gradient(baseline, whole):
    """Oracle: enumeration. Only the batch mean is a little too short: by one part in T B."""
    if baseline == "greedy-rollout" and not whole:
        pytest.skip("needs whole episodes")
    config = ReinforceConfig(
        n_envs=40, n_steps=6, baseline=baseline, whole_episodes=whole, width=4, layers=1,
        gamma=1.0, gae_lambda=1.0, lr=1e-12, clip_norm=1e9, group=4 if whole else 1, **PLAIN,
    )  # fmt: skip
    # Two steps and one that only starts again: segments of six cut no episode off.
    exact, found = estimates(config)
    standard_error = found.std(dim=0) / len(found) ** 0.5
    bias = exact.abs() / 80 if baseline == "batch-mean" else 0.0
    assert ((found.mean(dim=0) - exact).abs() < 4.5 * standard_error + bias + 1e-6).all()
    assert exact.abs().max() > 10 * standard_error.median()


def by_hand(built, rollout, gamma, decay):
    """Advantages of every valid step, by walking through each episode."""
    critic = built.network.value
    seen = rollout.observation["observation"]
    cuts = {}
    if rollout.cut_observation is not None:
        last = critic(rollout.cut_observation).tolist()
        pairs = zip(*(index.tolist() for index in rollout.cut), strict=True)
        cuts = dict(zip(pairs, last, strict=True))
    value = critic({"observation": seen.flatten(0, 1)})
    value = value.view(seen.shape[:2]).tolist()
    length, batch = rollout.reward.shape
    found = {}
    for b in range(batch):
        for t in range(length):
            if not rollout.valid[t, b]:
                continue
            total, weight, k = 0.0, 1.0, t
            while True:
                ended, cut = bool(rollout.terminated[k, b]), bool(rollout.truncated[k, b])
                after = 0.0 if ended else cuts.get((k, b), value[k + 1][b])
                total += weight * (float(rollout.reward[k, b]) + gamma * after - value[k][b])
                if ended or cut or k == length - 1:
                    break
                weight, k = weight * gamma * decay, k + 1
            found[t, b] = total
    return found


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
@torch.no_grad()
def test_advantages_are_those_of_each_episode(mode):
    """Oracle: generalised advantages by their sum, episode by episode, in both ways to restart."""
    env = gym.make_vec("Story-v0", 5, "sync", vector_kwargs={"autoreset_mode": mode})
    built = agent(env, gamma=0.9, gae_lambda=0.7, n_steps=12, **PLAIN)
    rollout = next(built.batches)
    seen = {"observation": rollout.observation["observation"].flatten(0, 1)}
    value = built.network.value(seen).view(13, 5)
    returns, advantage = built.learning.advantages(rollout, value, built.baseline)
    expected = by_hand(built, rollout, 0.9, 0.7)
    assert len(expected) == len(rollout) > 40 and rollout.truncated.any()
    for (t, b), one in expected.items():
        assert float(advantage[t, b]) == pytest.approx(one, abs=1e-4)
        assert float(returns[t, b] - value[t, b]) == pytest.approx(one, abs=1e-4)


def test_steps_that_only_start_again_teach_nothing():
    """Their reward and decision may be anything, and the gradient is the same."""
    gradients = []
    for nonsense in (False, True):
        built = agent("Story-v0", n_steps=12, seed=1)
        rollout = next(built.batches)
        assert not rollout.valid.all()
        if nonsense:
            rollout.reward[~rollout.valid] = 7.0
            rollout.decision[~rollout.valid] = 1 - rollout.decision[~rollout.valid]
        built.update(rollout, 0.0)
        gradients.append([w.grad.clone() for w in built.network.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


def test_the_entropy_bonus_makes_indifferent_and_the_critic_learns():
    settings = PLAIN | {"entropy_weight": 1.0, "baseline": "none", "lr": 0.02}
    built = agent("TwoSteps-v0", n_envs=32, whole_episodes=True, schedule="constant", **settings)
    with torch.no_grad():
        built.network.policy[-1].weight.mul_(300)
    found = []
    for batch, _ in zip(built.batches, range(80), strict=False):
        batch.reward.zero_()  # nothing but the bonus is left to follow
        found.append(built.update(batch, 0.0))
    assert found[0]["train/entropy_loss"] > -0.6 > -0.69 > found[-1]["train/entropy_loss"]
    critic = agent("Story-v0", n_steps=30, lr=0.01, schedule="constant")
    losses = [
        critic.update(batch, 0.0)["train/value_loss"]
        for batch, _ in zip(critic.batches, range(60), strict=False)
    ]
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])


def test_normalised_advantages_have_deviation_one_and_keep_their_baseline():
    for baseline in ("value", "none"):
        built = agent("Story-v0", n_steps=20, baseline=baseline)
        rollout = next(built.batches)
        _, advantage = built.learning.advantages(rollout, torch.zeros(21, 4), built.baseline)
        chosen = advantage[rollout.valid]
        assert chosen.square().mean() == pytest.approx(1.0, abs=1e-4)
        assert (abs(chosen.mean()) < 1e-4) == (baseline == "value")


@pytest.mark.parametrize(
    "observation, action",
    [
        (gym.spaces.Box(0, 255, (10, 10, 2), np.uint8), gym.spaces.MultiDiscrete([2, 3])),
        (gym.spaces.Discrete(4), gym.spaces.MultiBinary(2)),
        (
            gym.spaces.Dict({"a": gym.spaces.MultiBinary(3), "b": gym.spaces.Discrete(2)}),
            gym.spaces.Discrete(2),
        ),
        (
            gym.spaces.Tuple((gym.spaces.MultiDiscrete([2, 2]), gym.spaces.Box(-1, 1, (2, 2)))),
            gym.spaces.Discrete(2),
        ),
    ],
)
def test_any_space_is_learned_predicted_and_evaluated(observation, action):
    options = {"observation": observation, "action": action}
    built = agent("Anything-v0", options=options, n_steps=6)
    assert isinstance(built, Learner)
    for batch, _ in zip(built.batches, range(2), strict=False):
        metrics = built.update(batch, 0.0)
    assert np.isfinite(list(metrics.values())).all()
    single = gym.make("Anything-v0", **options)
    seen, _ = single.reset(seed=0)
    for deterministic in (True, False):
        chosen, state = built.predict(seen, deterministic=deterministic)
        assert action.contains(chosen) and state is None
    assert 0 <= built.evaluate()[built.headline] <= 5


def test_masks_are_honoured_in_learning_predicting_and_evaluating():
    built = agent("Anything-v0", options={"masked": True}, n_steps=30)
    built.update(next(built.batches), 0.0)  # the environment asserts it
    built.evaluate()
    mask = np.array([[0, 1, 0], [0, 0, 1]])
    seen = np.zeros((2, 2), dtype=np.float32)
    for deterministic in (True, False):
        chosen, _ = built.predict(seen, deterministic=deterministic, action_masks=mask)
        assert chosen.tolist() == [1, 2]
    assert built.predict(seen[0], action_masks=mask[0])[0] == 1


def test_sb3_evaluates_the_agent():
    pytest.importorskip("stable_baselines3")
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.evaluation import evaluate_policy
    from stable_baselines3.common.monitor import Monitor

    built = agent().learn(total_timesteps=200)
    mean, _ = evaluate_policy(built, Monitor(gym.make("CartPole-v1")), n_eval_episodes=3)
    assert 5 < mean <= 500
    evaluate_policy(built, make_vec_env("CartPole-v1", 3), n_eval_episodes=6)


def test_learning_counts_steps_of_the_environments():
    built = agent(n_steps=8).learn(total_timesteps=100)
    assert built.updates == 4  # of up to 32 steps; those that only start again do not count
    assert built.evaluate()["evaluation/return_mean"] > 5


def test_the_environment_may_come_in_every_form():
    limited = gym.make("CartPole-v1", max_episode_steps=7)
    built = agent(limited)
    assert built.environment.options == {"max_episode_steps": 7}
    assert built.evaluate()["evaluation/length_mean"] <= 7
    lake = agent(gym.make("FrozenLake-v1", map_name="8x8"))
    assert lake.environment.options["map_name"] == "8x8"
    wrapped = gym.make(gym.wrappers.TransformReward(gym.make("CartPole-v1"), abs).spec)
    assert agent(wrapped).learn(total_timesteps=50).evaluate() == {}
    vector = gym.make_vec("CartPole-v1", 3, vectorization_mode="vector_entry_point")
    built = agent(vector)
    assert built.batches.env is vector and built.config.n_envs == 3
    assert built.environment.by_name and built.environment.options == {}
    assert agent("hringur:IcelandTSP-v0", options={"places": 4}).learn(50).evaluate()


@pytest.mark.parametrize("form", ["sync", "async"])
def test_other_ways_to_run_side_by_side(form):
    built = agent(vectorization=form, n_envs=2).learn(total_timesteps=40)
    built.batches.env.close()
    assert built.updates > 0


def test_what_is_saved_is_loaded_statistics_and_all(tmp_path):
    built = agent(n_steps=20)
    for batch, _ in zip(built.batches, range(3), strict=False):
        built.update(batch, 0.5)
    built.save(tmp_path / "agent.safetensors")
    loaded = hringur.Reinforce.load(tmp_path / "agent.safetensors", device="cpu")
    assert loaded.config == built.config
    for name, value in built.network.state_dict().items():
        assert torch.equal(value, loaded.network.state_dict()[name]), name
    assert float(loaded.network.reward_scale.moments.count) > 0
    seen = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    np.testing.assert_array_equal(built.predict(seen)[0], loaded.predict(seen)[0])


def test_a_run_folder_is_loaded_like_a_saved_agent_under_old_names_too(tmp_path):
    built = agent(epochs=3)
    built.update(next(built.batches), 0.5)
    state = built.state_dict()
    config = state["reinforce"]["config"]
    config["passes"], config["parts"] = config.pop("epochs"), config.pop("minibatches")
    folder = RunFolder.create(tmp_path / "run", {})
    folder.save_checkpoint({"learner": state}, step=1, keep=1)
    loaded = Reinforce.load(folder.path, device="cpu")
    assert loaded.config == built.config and loaded.config.epochs == 3
    for name, value in built.network.state_dict().items():
        assert torch.equal(value, loaded.network.state_dict()[name]), name


def test_a_file_names_no_module_to_import(tmp_path):
    built = agent()
    path = tmp_path / "agent.safetensors"
    description = built._description() | {"env": "evilmod:CartPole-v1"}
    weights = dict(built.network.state_dict())
    checkpoint.save(path, {"reinforce": description, "weights": weights})
    with pytest.raises(UserError, match="to import evilmod, and so to run its code"):
        Reinforce.load(path)
    assert Reinforce.load(path, "CartPole-v1", device="cpu").env_id == "CartPole-v1"


def test_a_wrapped_environments_agent_is_loaded_for_an_environment(tmp_path):
    wrapped = gym.make(gym.wrappers.TransformReward(gym.make("CartPole-v1"), abs).spec)
    agent(wrapped).save(tmp_path / "agent.safetensors")
    with pytest.raises(UserError, match=r"use Reinforce.load\("):
        Reinforce.load(tmp_path / "agent.safetensors")
    Reinforce.load(tmp_path / "agent.safetensors", wrapped, device="cpu")


@pytest.mark.parametrize("baseline", ["value", "moving-average", "greedy-rollout"])
def test_a_resumed_run_ends_in_the_same_weights(baseline, tmp_path):
    settings = {"baseline": baseline, "whole_episodes": baseline == "greedy-rollout"}
    settings |= {"n_steps": 40}
    straight = agent(**settings)
    for batch, _ in zip(straight.batches, range(3), strict=False):
        straight.update(batch, 0.2)
    path = tmp_path / "c.safetensors"
    checkpoint.save(
        path, {"learner": straight.state_dict(), "batches": straight.batches.state_dict()}
    )
    resumed, state = agent(seed=9, **settings), checkpoint.load(path)
    resumed.load_state_dict(state["learner"])
    resumed.batches.load_state_dict(state["batches"])
    for _ in range(3):
        found, expected = (a.update(next(a.batches), 0.4) for a in (resumed, straight))
        assert found == expected
    for name, value in straight.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


def test_learning_rate_and_entropy_weight_follow_their_schedules():
    for schedule, half, end in (("linear", 0.5, 0.0), ("constant", 1.0, 1.0), ("cosine", 0.5, 0.0)):
        for progress, share in ((0.0, 1.0), (0.5, half), (1.0, end)):
            assert share_left(schedule, progress) == pytest.approx(share)
    built = agent(lr=1e-3, schedule="constant", entropy_weight=0.4, entropy_schedule="linear")
    built.update(next(built.batches), 0.75)
    assert built.optimizer.param_groups[0]["lr"] == 1e-3
    assert built.learning.entropy_weight == pytest.approx(0.1)


def test_explained_variance():
    returns = torch.tensor([1.0, 2.0, 5.0, -3.0])
    assert explained_variance(returns, returns) == 1.0
    assert explained_variance(torch.full((4,), 9.0), returns) == pytest.approx(0.0)
    assert np.isnan(explained_variance(returns, torch.ones(4)))


def test_what_is_not_given_suits_what_is_seen():
    numbers = agent(n_envs=None).config
    found = (numbers.n_envs, numbers.n_steps, numbers.epochs, numbers.clip, numbers.lr)
    assert found == (64, 16, 1, 0.2, 2e-3)
    fabric = make_fabric(TrainerConfig(device="cpu"))
    config, options = ReinforceConfig(n_envs=2), {"frame_size": 36, "clip_reward": False}
    built, rollouts = config.build("ThreeActionBreakout-v0", options, 0, fabric)
    pictures = built.config
    assert (pictures.n_envs, pictures.n_steps) == (2, 64)
    assert (pictures.epochs, pictures.minibatches) == (3, 4)
    assert (pictures.clip, pictures.lr) == (0.1, 5e-4)
    assert rollouts.env.options.life_loss and not rollouts.env.options.clip_reward
    assert isinstance(built.evaluator, EpisodeEvaluator)
    assert built.evaluator.overruled == {"clip_reward": False, "life_loss": False}


def test_continuous_actions_are_refused_by_name():
    with pytest.raises(UserError, match="Pendulum-v1 has continuous actions Box.*Discrete, Multi"):
        agent("Pendulum-v1")


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"lr": 0.0}, "lr must be positive and finite, got 0.0"),
        ({"gamma": 1.1}, "gamma must be in 0..1, got 1.1"),
        ({"entropy_weight": -1.0}, "entropy_weight must be 0 or more"),
        ({"baseline": "greedy-rollout"}, "greedy-rollout needs whole_episodes"),
        ({"group": 0}, "group must be positive"),
        ({"group": 2}, "group=2 needs whole_episodes"),
    ],
)
def test_settings_out_of_range_are_refused(wrong, told):
    with pytest.raises(UserError, match=told):
        ReinforceConfig(**wrong)


def test_other_bad_input_is_told_in_one_line(tmp_path):
    with pytest.raises(UserError, match="made by gymnasium.make"):
        agent(Anything())
    with pytest.raises(UserError, match="unknown environment Nothing-v0"):
        agent("Nothing-v0")
    with pytest.raises(UserError, match="CartPole-v1 has no option"):
        agent("CartPole-v1", options={"wheels": 3})
    with pytest.raises(UserError, match="n_envs must be a multiple of group=3, got 4"):
        agent(group=3, whole_episodes=True)
    with pytest.raises(UserError, match="smooth_choices: Anything-v0 takes bits"):
        agent("Anything-v0", options={"action": spaces.MultiBinary(3)}, smooth_choices=1.0)
    with pytest.raises(UserError, match="policy must be 'auto'"):
        Reinforce("CartPole-v1", "LstmPolicy")
    checkpoint.save(tmp_path / "other.safetensors", {"weights": {}})
    with pytest.raises(UserError, match="not one that Reinforce.save wrote"):
        Reinforce.load(tmp_path / "other.safetensors")
    with pytest.raises(UserError, match="of another learner"):
        agent().load_state_dict({"algorithm": "PPO"})
    with pytest.raises(UserError, match="another architecture"):
        agent(width=4).load_state_dict(agent().state_dict())
    with pytest.raises(FloatingPointError, match="Story-v0: the reward of environment 0 is nan"):
        agent("Story-v0", options={"spoil": "reward"}).learn(total_timesteps=100)


def test_two_processes_would_see_different_episodes(monkeypatch):
    fabric = make_fabric(TrainerConfig(device="cpu"))
    first = ReinforceConfig(n_envs=2).build("CartPole-v1", {}, 0, fabric)[1]
    monkeypatch.setenv("RANK", "1")
    second = ReinforceConfig(n_envs=2).build("CartPole-v1", {}, 0, fabric)[1]
    assert not torch.equal(*(next(r).observation["observation"][0] for r in (first, second)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_cart_pole_is_solved(seed):
    config = ReinforceConfig()
    built = Reinforce("CartPole-v1", config, seed=seed, device="cpu").learn(500_000)
    assert built.evaluate()["evaluation/return_mean"] >= 475


def test_a_step_along_the_graph_of_acting_is_that_of_a_forward_pass_of_its_own():
    """Many pictures and one step: what acting has computed is not computed again."""
    options = {"observation": spaces.Box(0, 255, (4, 36, 36), np.uint8)}
    settings = {"n_envs": 32, "n_steps": 3, "epochs": 1, "minibatches": 1}
    weights = []
    for outputs in ("kept with graph", "forgotten"):
        built = agent("Anything-v0", options=options, **settings)
        assert built.batches.outputs == "kept with graph"
        built.batches.outputs = outputs
        built.update(next(built.batches), 0.0)
        weights.append(built.network.state_dict())
    for name, expected in weights[1].items():
        torch.testing.assert_close(weights[0][name], expected, rtol=1e-4, atol=1e-5)
    fresh = agent("Anything-v0", options=options, **settings).network.state_dict()
    assert not torch.equal(fresh["policy.0.weight"], weights[0]["policy.0.weight"])


def test_groups_need_a_seed_for_each_environment():
    grouped = agent("CartPole-v1", group=2, whole_episodes=True)
    with pytest.raises(
        UserError, match="vector of CartPole-v1 takes one seed .*vectorization sync"
    ):
        next(grouped.batches)
