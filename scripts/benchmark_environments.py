"""Steps per second of the native vector environments, with random valid actions.

One step is one place chosen in one environment; masks and observations are included. An episode
of n places has n - 1 steps. Three figures, medians over ``repeats`` episodes of all environments:

step               the environment's step() alone, actions drawn before
step and action    the same, each action drawn from the mask of the step before
whole episode      reset included, actions a random permutation drawn within the time

Run on a quiet machine: ``python scripts/benchmark_environments.py``.
"""

import json
import time
from dataclasses import asdict, dataclass
from statistics import median

import gymnasium as gym
import numpy as np
import tyro

import hringur  # noqa: F401  (registers the environments)


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Millions of steps per second."""

    env_id: str
    step: float
    step_and_action: float
    whole_episode: float
    reset_ms: float
    """milliseconds for a reset of all environments"""


def random_tours(rng: np.random.Generator, start: np.ndarray, n_places: int) -> list[np.ndarray]:
    """A random order of all places but the start for each environment, step by step.

    To choose uniformly among the places left, at every step, gives each order the same chance. So
    does one sort of random numbers whose lowest bits are the place.
    """
    lowest = np.uint32(2 ** n_places.bit_length() - 1)
    keys = rng.integers(2**32, size=(len(start), n_places), dtype=np.uint32)
    keys = (keys & ~lowest) | np.arange(n_places, dtype=np.uint32)
    keys[np.arange(len(start)), start] = 0  # comes first and is left out
    keys.sort(axis=1)
    return list((keys.T[1:] & lowest).astype(np.int64, order="C"))


def measure(env_id: str, num_envs: int, places: int, repeats: int, seed: int) -> Speed:
    """Play ``repeats`` episodes each way."""
    mode = "vector_entry_point"
    env = gym.make_vec(env_id, num_envs=num_envs, vectorization_mode=mode, places=places)
    rng = np.random.default_rng(seed)
    env.reset(seed=seed)
    reset_s, step_s, masked_s, whole_s = [], [], [], []
    for _ in range(repeats):
        began = time.perf_counter()
        observation, _ = env.reset()
        reset_s.append(time.perf_counter() - began)
        tours = random_tours(rng, observation["start"], places)
        stepping = time.perf_counter()
        for actions in tours:
            *_, terminated, _, info = env.step(actions)
        ended = time.perf_counter()
        step_s.append(ended - stepping)
        whole_s.append(ended - began)
        if not (terminated.all() and np.isfinite(info["tour_km"]).all()):
            raise AssertionError("every environment must end in a valid tour")
        mask = env.reset()[1]["action_mask"]
        began = time.perf_counter()
        for _ in range(places - 1):
            keys = rng.random(mask.shape, dtype=np.float32)
            mask = env.step((keys * mask).argmax(axis=1))[-1]["action_mask"]
        masked_s.append(time.perf_counter() - began)
    steps = num_envs * (places - 1)
    return Speed(
        env_id=env_id,
        step=steps / median(step_s) / 1e6,
        step_and_action=steps / median(masked_s) / 1e6,
        whole_episode=steps / median(whole_s) / 1e6,
        reset_ms=1e3 * median(reset_s),
    )


def main(
    num_envs: int = 1024,
    places: int = 20,
    repeats: int = 60,
    seed: int = 0,
    as_json: bool = False,
) -> None:
    """Print the speed of IcelandTSP-v0 and EuclideanTSP-v0.

    Args:
        num_envs: environments side by side
        places: places of each instance
        repeats: episodes of which the median is taken
        seed: of instances and actions
        as_json: one JSON line instead of a table
    """
    speeds = [
        measure(env_id, num_envs, places, repeats, seed)
        for env_id in ("IcelandTSP-v0", "EuclideanTSP-v0")
    ]
    if as_json:
        print(json.dumps([asdict(speed) for speed in speeds]))
        return
    print(f"{num_envs} environments of {places} places, millions of steps per second")
    print(f"{'':16}{'step':>10}{'step and action':>18}{'whole episode':>16}{'reset':>12}")
    for speed in speeds:
        print(
            f"{speed.env_id:16}{speed.step:>10.1f}{speed.step_and_action:>18.1f}"
            f"{speed.whole_episode:>16.1f}{speed.reset_ms:>9.2f} ms"
        )


if __name__ == "__main__":
    tyro.cli(main)
