import numpy as np

import hringur  # noqa: F401  registers the environments
from hringur.data.tours.length import tour_length
from hringur.evaluators.environments import make_vector
from hringur.evaluators.tours import play, replay


def problem(count=6, places=8):
    env = make_vector("IcelandTSP-v0", count, places=places)
    instances = env.unwrapped.sampler.sample(np.random.default_rng(0), count, places)
    rng = np.random.default_rng(1)
    return env, instances, np.stack([rng.permutation(places) for _ in range(count)])


def test_replayed_tours_are_the_planned_ones():
    """Oracle: the length of each tour directly; the reward is minus that, over the scale."""
    env, instances, tours = problem()
    played = replay(env, instances, tours)
    length = tour_length(instances.distance, tours)
    np.testing.assert_array_equal(played.tour, tours)  # begun where they were planned to begin
    np.testing.assert_allclose(played.length, length)
    np.testing.assert_allclose(played.reward, -length / 100.0, rtol=1e-5)
    assert played.valid.all()


def test_open_paths_are_played_as_such():
    env = make_vector("IcelandTSP-v0", 6, places=8, round_trip=False)
    _, instances, tours = problem()
    played = replay(env, instances, tours)
    length = tour_length(instances.distance, tours, round_trip=False)
    np.testing.assert_allclose(played.length, length)


def test_who_fails_early_is_not_played_again():
    """Half of them stay where they are at once; the others go on to the end."""
    env, instances, tours = problem()
    tours[::2, 1] = tours[::2, 0]
    played = replay(env, instances, tours)
    np.testing.assert_array_equal(played.valid, [False, True] * 3)
    assert (played.tour[::2] == -1).all()
    np.testing.assert_array_equal(played.tour[1::2], tours[1::2])
    largest = instances.distance[::2].max(axis=(1, 2)) / 100.0
    assert (played.reward[::2] < -8 * largest).all()  # the price, and nothing of a second episode
    assert (played.reward[::2] > -8 * largest - 1.5).all()


def test_a_policy_sees_the_instances_from_their_first_places():
    env, instances, _ = problem()
    seen = []

    def first_open(observation):
        seen.append(observation)
        return observation["visited"].argmin(axis=1)

    played = play(env, instances, first_open)
    np.testing.assert_array_equal(played.tour, [list(range(8))] * 6)
    assert len(seen) == 7 and not seen[0]["start"].any()
    np.testing.assert_allclose(seen[0]["distances"], instances.distance / 100.0, rtol=1e-5)


def test_a_policy_may_be_started_elsewhere():
    env, instances, _ = problem()
    start = np.array([3, 1, 4, 1, 5, 7])
    played = play(env, instances, lambda o: o["visited"].argmin(axis=1), start)
    np.testing.assert_array_equal(played.tour[:, 0], start)
