"""The script that times WAE-MMD: what it prints is of what it did."""

import json

import numpy as np
import pytest

from hringur.data.images.images import load_images
from hringur.generative.models.wae_mmd import WAEMMDConfig
from hringur.types import UserError
from tests.scripts.loading import load_script

script = load_script("benchmark_generative")


def printed(capsys, options) -> dict:
    script.main(options)
    return json.loads(capsys.readouterr().out)


def test_a_rate_is_of_all_rounds(capsys):
    found = printed(capsys, script.Rate(network="dense", batch=50, updates=2, rounds=3))
    slow, middle, fast = (found[f"images_per_s_{name}"] for name in ("worst", "median", "best"))
    assert 0 < slow <= middle <= fast and found["batch"] == 50 and found["network"] == "dense"


def test_it_stops_where_the_error_is_reached_and_says_so_if_it_is_not(capsys):
    found = printed(capsys, script.Reach(error=1000.0, every=2))
    assert 0 < found["reached"] <= 1000 and found["images"] == 2 * WAEMMDConfig().batch
    with pytest.raises(UserError, match="no reconstruction of 0.1 in 0.01 s"):
        script.main(script.Reach(error=0.1, every=1, seconds=0.01))


def test_held_out_digits_are_nearer_to_their_like_than_noise(tmp_path, capsys):
    rng, test = np.random.default_rng(0), load_images("mnist").test
    distances = []
    for name, made in {
        "digits": test[:300],
        "noise": rng.integers(256, size=(300, 1, 28, 28)),
    }.items():
        np.savez(tmp_path / name, gen=made.astype(np.uint8))
        options = script.Distance(samples=tmp_path / f"{name}.npz", count=300)
        distances.append(printed(capsys, options)["evaluation/frechet_distance"])
    assert distances[0] < 0.1 * distances[1]
