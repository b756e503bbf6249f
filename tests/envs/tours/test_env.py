"""The environments one at a time: Gymnasium's and SB3's checks, rewards, optimum, options."""

import pickle
import subprocess
import sys
from itertools import permutations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import hringur  # noqa: F401  (registers the environments)
from hringur.data.tours.held_out import held_out
from hringur.data.tours.iceland import place_numbers, places
from hringur.data.tours.instances import IcelandPlaces, UniformPoints
from hringur.data.tours.length import tour_length
from hringur.data.tours.own_instances import OwnInstance
from hringur.data.tours.proven_tours import proven_tours
from hringur.evaluators.choice import evaluator_for
from hringur.evaluators.tours import TourEvaluator
from hringur.registry import domain_of
from hringur.types import Instances, UserError

FOUR = ["Reykjavík", "Akureyri", "Höfn", "Vík"]
CROOKED = Instances(
    np.array([[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]]),
    np.array([[[0.0, 1.0, 9.0], [9.0, 0.0, 1.0], [1.0, 9.0, 0.0]]]),
)
OWN = OwnInstance("crooked", ("a", "b", "c"), CROOKED, False, None, "units")
CASES = {
    "drawn": ("IcelandTSP-v0", {}),
    "lecture": ("IcelandTSP-v0", {"places": "lecture"}),
    "names": ("IcelandTSP-v0", {"places": FOUR, "start": "Höfn", "compute_optimal": True}),
    "winter": ("IcelandTSP-v0", {"places": 4, "season": "winter", "start": "Vík"}),
    "open": ("IcelandTSP-v0", {"places": 5, "round_trip": False, "distance": "great_circle"}),
    "two": ("IcelandTSP-v0", {"places": 2}),
    "points": ("EuclideanTSP-v0", {"places": 7}),
    "five points": ("EuclideanTSP-v0", {"places": 5}),
    "open points": ("EuclideanTSP-v0", {"places": 5, "round_trip": False}),
    "own": ("OwnTSP-v0", {"problem": OWN}),
    "own open": ("OwnTSP-v0", {"problem": OWN, "start": "c", "round_trip": False}),
}


def make(case, **more):
    env_id, options = CASES[case]
    return gym.make(env_id, **options, **more)


def play(env, rng, **reset):
    """A random valid episode: everything that reset and the steps returned."""
    results = [env.reset(**reset)]
    for _ in range(env.unwrapped.n_places - 1):
        free = np.flatnonzero(results[-1][-1]["action_mask"])
        results.append(env.step(int(rng.choice(free))))
    assert results[-1][2] and "tour_km" in results[-1][-1]
    return results


@pytest.mark.parametrize("case", CASES)
def test_gymnasium_accepts_it(case):
    check_env(make(case).unwrapped)


@pytest.mark.filterwarnings("ignore:.*unconventional shape")  # matrices, which it flattens
@pytest.mark.parametrize("case", CASES)
def test_stable_baselines3_accepts_it(case):
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    checker.check_env(make(case), warn=True)


@pytest.mark.parametrize("case", CASES)
def test_whole_episodes_stay_in_the_space_and_the_mask_tells_what_is_left(case):
    env, rng = make(case), np.random.default_rng(0)
    for seed in range(5):
        results = play(env, rng, seed=seed)
        for k, result in enumerate(results):
            observation, mask = result[0], result[-1]["action_mask"]
            assert observation in env.observation_space
            assert mask.dtype == np.int8 and np.array_equal(mask, 1 - observation["visited"])
            assert mask.sum() == env.unwrapped.n_places - 1 - k
        assert np.array_equal(env.get_wrapper_attr("action_masks")(), mask.astype(bool))
        assert not mask.any()


@pytest.mark.parametrize("case", CASES)
def test_rewards_add_up_to_the_length_of_the_tour(case):
    """Sparse against dense: tour_length in float64 knows nothing of steps or scales."""
    env, rng = make(case), np.random.default_rng(1)
    base = env.unwrapped
    for seed in range(5):
        results = play(env, rng, seed=seed)
        info = results[-1][-1]
        length = tour_length(base.instance.distance, info["tour"][None], base.round_trip)[0]
        total = -sum(result[1] for result in results[1:]) * base.sampler.reward_scale
        assert info["tour_km"] == length
        assert total == pytest.approx(length, rel=1e-6)
        assert sorted(info["tour"]) == list(range(base.n_places))
        assert info["tour"][0] == results[0][0]["start"]


@pytest.mark.parametrize("case", ["drawn", "names", "open"])
def test_the_reward_of_a_step_is_read_off_the_observation(case):
    env = make(case)
    observation, _ = env.reset(seed=3)
    action = int(np.flatnonzero(env.get_wrapper_attr("action_masks")())[0])
    reward = env.step(action)[1]
    assert reward == -observation["distances"][observation["current"], action]


def test_kilometres_are_those_of_the_map():
    env = gym.make("IcelandTSP-v0", places="lecture", start="Reykjavík")
    env.reset(seed=0)
    proven = next(tour for tour in proven_tours() if (tour.season, tour.name) == ("summer", "six"))
    names = env.unwrapped.sampler.names(env.unwrapped.instance)
    way = [names.index(places()[number].name) for number in proven.places]
    way = way[way.index(0) :] + way[: way.index(0)]
    for place in way[1:]:
        *_, info = env.step(place)
    assert info["tour_km"] == pytest.approx(1599.0)


@pytest.mark.parametrize("case", ["five points", "open points", "own", "own open", "names"])
def test_every_invalid_episode_returns_less_than_every_valid_one(case):
    """Exhaustive: all tours, and all ways to go wrong after every valid beginning."""
    env = make(case)
    n = env.unwrapped.n_places
    for seed in range(3):
        start = int(env.reset(seed=seed)[0]["start"])
        options = {"instances": env.unwrapped.instance, "start": start}
        valid, invalid = [], []
        for order in permutations([place for place in range(n) if place != start]):
            for wrong_at in range(n):
                env.reset(options=options)
                total = sum(env.step(place)[1] for place in order[:wrong_at])
                if wrong_at == n - 1:
                    valid.append(total)
                    continue
                again = order[wrong_at - 1] if wrong_at % 2 else start
                _, reward, terminated, _, info = env.step(again)
                assert terminated and info["tour_km"] == info["gap"] == np.inf
                assert (info["tour"] == -1).all()
                invalid.append(total + reward)
        assert max(invalid) < min(valid)


def test_the_worst_valid_tour_still_beats_an_invalid_one_at_the_first_step():
    env = make("points")
    for seed in range(50):
        observation, _ = env.reset(seed=seed)
        lost = env.step(int(observation["start"]))[1]
        worst = -(7 * observation["distances"].max())  # no tour can be longer
        assert lost < worst


@pytest.mark.parametrize("case", ["points", "open points", "own", "own open", "winter", "two"])
def test_the_optimum_is_that_of_all_tours(case):
    env = make(case)
    base = env.unwrapped
    start = int(env.reset(seed=5)[0]["start"])
    others = [place for place in range(base.n_places) if place != start]
    tours = np.array([(start, *order) for order in permutations(others)])
    lengths = tour_length(base.instance.distance, tours[None], base.round_trip)
    assert base.optimal_km() == pytest.approx(lengths.min(), rel=1e-6)
    assert base.optimal_km() is base.optimal_km()  # solved once


def test_shipped_proofs_spare_the_solver(monkeypatch):
    env = gym.make("IcelandTSP-v0", places="all").unwrapped
    env.reset(seed=0)
    monkeypatch.setattr(type(env._optima), "_solved", None)
    assert env.optimal_km() == pytest.approx(4977.8)
    winter = gym.make("IcelandTSP-v0", places="towns", season="winter").unwrapped
    winter.reset(seed=0)
    assert winter.optimal_km() == pytest.approx(3601.8)


def test_the_gap_is_told_when_the_optimum_is_known():
    known, unknown = make("names"), make("points")
    info = play(known, np.random.default_rng(0), seed=0)[-1][-1]
    assert info["gap"] == pytest.approx(info["tour_km"] / info["optimal_km"] - 1, abs=1e-12)
    assert info["gap"] >= 0
    info = play(unknown, np.random.default_rng(0), seed=0)[-1][-1]
    assert np.isnan(info["optimal_km"]) and np.isnan(info["gap"])
    unknown.reset(seed=0)
    asked = unknown.unwrapped.optimal_km()
    for place in np.flatnonzero(unknown.unwrapped.action_masks()).tolist():
        *_, info = unknown.step(place)
    assert info["optimal_km"] == asked
    assert info["gap"] == pytest.approx(info["tour_km"] / asked - 1)
    observation, _ = unknown.reset(seed=0)
    assert np.isinf(unknown.step(int(observation["start"]))[-1]["optimal_km"])


@pytest.mark.parametrize("case", CASES)
def test_a_copy_by_pickle_goes_on_alike_from_the_middle(case):
    env = make(case)
    env.reset(seed=0)
    twin = pickle.loads(pickle.dumps(env))
    for _ in range(2):
        one, other = (play(e, np.random.default_rng(2)) for e in (env, twin))
        assert repr(one) == repr(other)


def test_a_seed_repeats_episodes_and_actions():
    env = make("drawn")
    runs = []
    for _ in range(2):
        env.action_space.seed(4)
        episodes = [play(env, np.random.default_rng(0), **s) for s in ({"seed": 4}, {})]
        runs.append(repr((episodes, [env.action_space.sample() for _ in range(9)])))
    assert runs[0] == runs[1]
    assert repr(play(env, np.random.default_rng(0), seed=5)) not in runs[0]


def test_starts_are_drawn_or_fixed_as_asked():
    drawn = gym.make("IcelandTSP-v0", places=FOUR)
    drawn.reset(seed=0)
    assert {int(drawn.reset()[0]["start"]) for _ in range(60)} == {0, 1, 2, 3}
    fixed = gym.make("IcelandTSP-v0", places=FOUR, start="hofn")
    assert {int(fixed.reset()[0]["start"]) for _ in range(20)} == {2}
    some = gym.make("IcelandTSP-v0", places=5, start="Akureyri").unwrapped
    firsts, others = set(), set()
    for _ in range(100):
        assert some.reset()[0]["start"] == 0
        names = some.sampler.names(some.instance)
        assert len(set(names)) == 5
        firsts.add(names[0])
        others.update(names[1:])
    assert firsts == {"Akureyri"} and len(others) > 80 and "Akureyri" not in others


def test_given_instances_are_played():
    env = make("points")
    instances = UniformPoints().sample(np.random.default_rng(8), 1, 7)
    observation, _ = env.reset(options={"instances": instances, "start": 3})
    assert observation["start"] == observation["current"] == 3
    assert np.array_equal(observation["distances"], instances.distance[0].astype(np.float32))


def test_given_instances_need_not_lie_in_iceland_to_be_solved():
    env = gym.make("IcelandTSP-v0", places=5).unwrapped
    instances = UniformPoints().sample(np.random.default_rng(8), 1, 5)
    env.reset(options={"instances": instances})
    tours = np.array([(0, *order) for order in permutations(range(1, 5))])
    best = tour_length(instances.distance, tours[None]).min()
    assert env.optimal_km() == pytest.approx(best, rel=1e-6)


def test_given_instances_that_do_not_fit_are_refused():
    env = make("points")
    rng = np.random.default_rng(0)
    good = UniformPoints().sample(rng, 1, 7)
    far = Instances(good.coordinates, good.distance * 9)
    hole = Instances(good.coordinates, np.where(np.eye(7) > 0, np.nan, good.distance))
    for options, message in (
        ({"instances": UniformPoints().sample(rng, 2, 7)}, "instances must be 1 with 7 places"),
        ({"instances": UniformPoints().sample(rng, 1, 6)}, "got 1 with 6"),
        ({"instances": far}, "distances of instances must be in"),
        ({"instances": hole}, "distances of instances must be in"),
        ({"instances": good, "start": 7}, "start must be in 0..6, got 7"),
        ({"instances": good, "start": 0.5}, "start must be a whole number"),
    ):
        with pytest.raises(UserError, match=message):
            env.reset(options=options)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"places": 1}, "number of places must be in 2..94, got 1"),
        ({"places": 95}, "number of places must be in 2..94, got 95"),
        ({"places": 90, "season": "winter"}, "number of places must be in 2..82"),
        ({"places": 95, "start": "Akureyri"}, "number of places must be in 2..94"),
        ({"places": True}, "places must be a whole number or text or a list such as"),
        ({"start": 5}, "start must be text or None, got 5"),
        ({"round_trip": "x"}, "round_trip must be True or False, got 'x'"),
        ({"places": "cities"}, "cities"),
        ({"places": ["Reykjavík", "Reykjavik"]}, "twice"),
        ({"places": ["Reykjavík"]}, "at least 2"),
        ({"places": ["Reykjavík", "Atlantis"]}, "Atlantis"),
        ({"places": "lecture", "season": "winter"}, "Landmannalaugar"),
        ({"places": FOUR, "start": "Selfoss"}, "start must be one of the places, got Selfoss"),
        ({"season": "spring"}, "spring"),
        ({"distance": "train"}, "train"),
        ({"render_mode": "ansi"}, "render_mode must be None or one of human, rgb_array"),
    ],
)
def test_options_that_cannot_be_are_refused_in_one_line(options, message):
    with pytest.raises(UserError) as refused:
        gym.make("IcelandTSP-v0", **options)
    assert message in str(refused.value) and "\n" not in str(refused.value)


def test_other_environments_refuse_too():
    for env_id, options, message in (
        ("EuclideanTSP-v0", {"places": 1}, "at least 2"),
        ("EuclideanTSP-v0", {"places": True}, "a whole number, got True"),
        ("OwnTSP-v0", {}, "needs one of csv, matrix, tsplib .* or problem, got none"),
        ("OwnTSP-v0", {"problem": OWN, "start": "d"}, "one of the 3 places"),
    ):
        with pytest.raises(UserError, match=message):
            gym.make(env_id, **options)


def test_stepping_out_of_turn_is_refused():
    env = make("two").unwrapped
    for ask in (lambda: env.step(0), env.optimal_km, env.action_masks):
        with pytest.raises(gym.error.ResetNeeded):
            ask()
    env.reset(seed=0)
    for action in (-1, 2, np.int64(5)):
        with pytest.raises(gym.error.InvalidAction):
            env.step(action)
    env.step(1)
    with pytest.raises(gym.error.ResetNeeded):
        env.step(1)


def test_a_fresh_process_needs_only_the_id_and_no_torch():
    code = (
        "import sys, gymnasium as gym; env = gym.make('hringur:IcelandTSP-v0'); env.reset(seed=0);"
        "many = gym.make_vec('hringur:EuclideanTSP-v0', num_envs=3); many.reset(seed=0);"
        "print(type(many.unwrapped).__name__, [heavy for heavy in"
        " ('torch', 'matplotlib', 'pygame', 'ortools', 'pandas') if heavy in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "TourVectorEnv []"


def test_the_package_names_what_it_offers():
    assert hringur.__all__ == ["Reinforce", "TourAgent", "load", "from_pretrained"]
    with pytest.raises(AttributeError, match="no attribute 'TourAgents'"):
        hringur.TourAgents  # noqa: B018


def test_the_pool_of_a_number_is_all_places():
    env = gym.make("IcelandTSP-v0", places=94).unwrapped
    env.reset(seed=0)
    assert sorted(env.sampler.names(env.instance)) == sorted(place.name for place in places())
    assert isinstance(env.sampler, IcelandPlaces) and len(place_numbers()) == 94


@pytest.mark.parametrize(
    ("env_id", "options", "name"),
    [
        ("IcelandTSP-v0", {}, "iceland-20"),
        ("IcelandTSP-v0", {"places": 50, "compute_optimal": True}, "iceland-50"),
        ("IcelandTSP-v0", {"places": 30}, None),
        ("IcelandTSP-v0", {"season": "winter"}, None),
        ("IcelandTSP-v0", {"distance": "great_circle"}, None),
        ("IcelandTSP-v0", {"round_trip": False}, None),
        ("IcelandTSP-v0", {"start": "Vík"}, None),
        ("IcelandTSP-v0", {"places": [place.name for place in places()[:20]]}, None),
        ("EuclideanTSP-v0", {}, "euclidean-20"),
        ("EuclideanTSP-v0", {"places": 50}, "euclidean-50"),
        ("EuclideanTSP-v0", {"places": 100}, "euclidean-100"),
        ("EuclideanTSP-v0", {"places": 21}, None),
        ("EuclideanTSP-v0", {"round_trip": False}, None),
        ("OwnTSP-v0", {"problem": OWN}, None),
    ],
)
def test_the_held_out_set_is_of_just_these_instances(env_id, options, name):
    problem = gym.make(env_id, **options).unwrapped.problem
    assert problem.held_out == name
    assert gym.make_vec(env_id, 2, **options).unwrapped.problem.held_out == name
    if name is not None:
        assert held_out(name).n == problem.n_places and held_out(name).env_id == env_id


@pytest.mark.parametrize("env_id", ["IcelandTSP-v0", "EuclideanTSP-v0", "DirectedTSP-v0"])
@pytest.mark.parametrize("mask", [False, True])
def test_a_flat_observation_is_the_dictionary_in_a_row(env_id, mask):
    """Oracle: Gymnasium's own flattening."""
    env, flat = (
        gym.make(env_id, places=5, **more)
        for more in ({}, {"observation": "flat", "observe_mask": mask})
    )
    assert flat.observation_space.dtype == np.float32
    for seed in (3, 4):
        (seen, info), (row, other) = env.reset(seed=seed), flat.reset(seed=seed)
        while True:
            plain = gym.spaces.flatten(env.observation_space, seen).astype(np.float32)
            assert np.array_equal(row[: len(plain)], plain) and row in flat.observation_space
            assert np.array_equal(row[len(plain) :], info["action_mask"] if mask else [])
            action = int(other["action_mask"].argmax())
            (seen, *_, ended, _, info), (row, *_, other) = env.step(action), flat.step(action)
            assert info.keys() == other.keys()
            if ended:
                break


def test_infos_have_the_same_keys_and_kinds_at_every_step():
    env = gym.make("EuclideanTSP-v0", places=4)
    _, first = env.reset(seed=0)
    for place in (1, 2, 3):
        *_, info = env.step(place)
        assert info.keys() == first.keys()
        assert all(np.shape(info[key]) == np.shape(first[key]) for key in first)
    assert np.isfinite(info["tour_km"]) and np.isinf(first["tour_km"])


def test_a_file_is_enough_to_make_the_environment_again(tmp_path):
    (tmp_path / "d.csv").write_text("0,3,4\n3,0,5\n4,5,0\n")
    (tmp_path / "p.csv").write_text("name,lat,lon\na,64,-21\nb,65,-18\nc,63.5,-19\n")
    (tmp_path / "t.tsp").write_text(
        "NAME: t\nTYPE: TSP\nDIMENSION: 3\nEDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION\n"
        "1 0 0\n2 3 0\n3 0 4\nEOF\n"
    )
    for options in ({"matrix": "d.csv"}, {"csv": "p.csv"}, {"tsplib": "t.tsp"}):
        options = {key: str(tmp_path / name) for key, name in options.items()}
        env = gym.make("OwnTSP-v0", **options)
        again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
        seen, _ = env.reset(seed=0)
        assert np.array_equal(seen["distances"], again.reset(seed=0)[0]["distances"])
    with pytest.raises(UserError, match="got csv, matrix"):
        gym.make("OwnTSP-v0", csv="a.csv", matrix="b.csv")
    for options in ({"observation": "rows"}, {"observe_mask": True}):
        with pytest.raises(UserError, match="observation"):
            gym.make("EuclideanTSP-v0", places=4, **options)


def test_both_ids_are_the_same_environment():
    assert domain_of("hringur/IcelandTSP-v0", object) is domain_of("IcelandTSP-v0", object)
    envs = [gym.make(name, places=4) for name in ("IcelandTSP-v0", "hringur/IcelandTSP-v0")]
    one, other = (env.reset(seed=1)[0]["distances"] for env in envs)
    assert np.array_equal(one, other)
    assert isinstance(evaluator_for("hringur/IcelandTSP-v0", {"places": 20}), TourEvaluator)
