"""What each question promises, by hand and by brute force."""

from itertools import product

import gymnasium as gym
import networkx as nx
import numpy as np
import pytest

import hringur  # noqa: F401  registers the environments
from hringur.data.tours.iceland import roads
from hringur.envs.questions.bounding_box import BoundingBox, overlap, sprites
from hringur.envs.questions.build_network import BuildNetwork
from hringur.envs.questions.call_function import FUNCTIONS, NOTHING, CallFunction
from hringur.envs.questions.stop_decoding import StopDecoding
from hringur.evaluators.episodes import EpisodeEvaluator

X = NOTHING


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("reverse", [3, 1, 2, X], [2, 1, 3, X]),
        ("sort", [3, 1, 2, X], [1, 2, 3, X]),
        ("rotate", [3, 1, 2, X], [1, 2, 3, X]),
        ("rotate", [3, X, X, X], [3, X, X, X]),
        ("add-one", [9, 1, 2, X], [0, 2, 3, X]),
        ("double", [9, 1, 2, X], [8, 2, 4, X]),
        ("drop-first", [3, 1, 2, X], [1, 2, X, X]),
        ("swap", [3, 1, 2, X], [1, 3, 2, X]),
        ("swap", [3, X, X, X], [3, X, X, X]),
    ],
)
def test_functions(name, before, after):
    assert FUNCTIONS[name](np.array(before)).tolist() == after


def test_shortest_programs_by_trying_all_in_order():
    question = CallFunction(functions=tuple(FUNCTIONS), list_length=4, program_length=3)
    episodes = question.begin(np.random.default_rng(0).random((30, question.row_size)))
    found = question.shortest(episodes["first"], episodes["target"])
    for first, target, calls in zip(episodes["first"], episodes["target"], found, strict=True):
        shorter = False
        for length in range(1, 4):
            for program in product(FUNCTIONS.values(), repeat=length):
                result = first
                for function in program:
                    result = function(result)
                if (result == target).all():
                    shorter = True
                    break
            if shorter:
                break
        assert shorter and calls == length


def test_a_list_always_differs_from_its_target():
    question = CallFunction(functions=("sort",), list_length=2)
    episodes = question.begin(np.random.default_rng(0).random((500, question.row_size)))
    assert (episodes["first"] != episodes["target"]).any(axis=1).all()


def test_overlap_is_counted_pixel_by_pixel():
    rng = np.random.default_rng(0)
    corner = rng.integers(0, 8, (200, 2, 2))
    box = np.concatenate([corner, corner + rng.integers(1, 6, (200, 2, 2))], axis=2)
    painted = np.zeros((200, 2, 14, 14), dtype=bool)
    for k, side in product(range(200), range(2)):
        top, left, bottom, right = box[k, side]
        painted[k, side, top:bottom, left:right] = True
    both, either = painted.all(axis=1).sum(axis=(1, 2)), painted.any(axis=1).sum(axis=(1, 2))
    np.testing.assert_allclose(overlap(box[:, 0], box[:, 1]), both / either)


def test_the_sprite_touches_each_side_of_its_box_and_nothing_outside():
    question = BoundingBox(distractors=0)
    numbers = np.random.default_rng(0).random((100, question.row_size))
    with_sprite = question.begin(numbers)
    ground = question._ground(numbers[:, :9].astype(np.float32))
    changed = (with_sprite["image"] != ground).any(axis=-1)
    for one, truth in zip(changed, with_sprite["truth"] * question.cell, strict=True):
        top, left, bottom, right = truth
        outside = one.copy()
        outside[top:bottom, left:right] = False
        assert not outside.any() and one.any()
    assert len(sprites()) == 97


def test_the_true_box_is_an_action_that_returns_one():
    env = gym.make("BoundingBox-v0").unwrapped
    for seed in range(20):
        env.reset(seed=seed)
        top, left, bottom, right = env._one._episodes["truth"][0]
        action = np.array([top, left, bottom - top - 1, right - left - 1])
        assert env.step(action)[1] == 1.0


def test_moves_reach_the_true_box():
    env = gym.make("BoundingBox-v0", moves=True, compute_optimal=True).unwrapped
    env.reset(seed=1)
    top, left, bottom, right = env._one._episodes["truth"][0].tolist()
    cells = env.problem.cells
    total, info = 0.0, {}
    moves = [1] * top + [2] * (cells - bottom) + [5] * left + [6] * (cells - right) + [8]
    for move in moves:
        _, reward, ended, _, info = env.step(move)
        total += reward
    assert ended and total == pytest.approx(info["optimal_return"])
    assert info["iou_percent"] == 100.0


def test_a_greedy_builder_is_the_minimum_spanning_tree():
    """Kruskal: the shortest connection that is allowed."""

    def kruskal(observation, mask):
        return np.where(mask > 0, observation["length"], np.inf).argmin(axis=1)

    played = EpisodeEvaluator("BuildNetwork-v0", {}, 40).play_policy(kruskal)
    np.testing.assert_allclose(played.returns, played.optimal, atol=1e-9)
    question = BuildNetwork(towns=6)
    episodes = question.begin(np.random.default_rng(0).random((5, question.row_size)))
    for numbers, best in zip(episodes["places"], question.optimal(episodes), strict=True):
        table = roads("summer").road_km[np.ix_(numbers, numbers)]
        tree = nx.minimum_spanning_tree(nx.from_numpy_array(table))
        assert -100 * best == pytest.approx(tree.size(weight="weight"))


@pytest.mark.parametrize("options", [{}, {"choose_words": True}, {"text": "sentences"}])
def test_wait_k_policies_see_what_the_tables_say(options):
    question = StopDecoding(**options)
    episodes = EpisodeEvaluator("StopDecoding-v0", options, 300)
    for name, decide in question.policies().items():
        played = episodes.play_policy(decide)
        expected = question.model.returns(question.model.wait_k(int(name.split("-")[1])))
        assert set(np.round(played.returns, 9)) <= set(np.round(expected, 9))
        errors = 4 * expected.std() / len(played.returns) ** 0.5
        assert played.returns.mean() == pytest.approx(expected.mean(), abs=errors)
        assert played.returns.mean() < played.optimal.mean()
