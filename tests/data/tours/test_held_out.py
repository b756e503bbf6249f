import numpy as np
import pytest

from hringur.data.tours import held_out as module
from hringur.data.tours.held_out import HELD_OUT, held_out, held_out_instances
from hringur.data.tours.length import tour_length
from hringur.types import UserError
from tests.scripts.loading import load_script

make_held_out = load_script("make_held_out")
save_held_out, held_out_generator = make_held_out.save_held_out, make_held_out.held_out_generator


@pytest.fixture
def shipped_from(tmp_path, monkeypatch):
    """Lets the loader look into a temporary package folder."""
    (tmp_path / "held_out").mkdir()
    monkeypatch.setattr(module.resources, "files", lambda package: tmp_path)
    held_out.cache_clear()
    yield tmp_path / "held_out"
    held_out.cache_clear()


def drawn(name, count=5):
    return make_held_out.draw(name, held_out_generator(name), count)


@pytest.mark.parametrize("name", HELD_OUT)
def test_round_trip(name, shipped_from):
    instances, n = drawn(name), int(name.split("-")[1])
    tour = np.stack([np.random.default_rng(k).permutation(n) for k in range(5)])
    save_held_out(shipped_from, name, instances, tour)
    read = held_out(name)
    expected = held_out_instances(name, instances)
    assert (read.name, read.n, len(read)) == (name, n, 5)
    assert read.env_id == ("IcelandTSP-v0" if "iceland" in name else "EuclideanTSP-v0")
    assert np.array_equal(read.instances.distance, expected.distance)
    assert np.array_equal(read.instances.coordinates, expected.coordinates)
    assert np.array_equal(read.tour, tour) and read.tour.dtype == np.int64
    assert np.array_equal(read.optimal, tour_length(expected.distance, tour))
    assert len(read.first(2)) == 2 and np.array_equal(read.first(2).tour, tour[:2])


def test_sets_differ_from_each_other_and_from_every_training_stream():
    streams = [held_out_generator(name).random(4) for name in HELD_OUT]
    streams += [np.random.default_rng(seed).random(4) for seed in (0, 1, 2, 3, 874, 2**64 - 1)]
    assert len({tuple(stream) for stream in streams}) == len(streams)


def test_what_the_writer_refuses(tmp_path):
    numbers, tour = drawn("iceland-20"), np.tile(np.arange(20), (5, 1))
    with pytest.raises(ValueError, match="has 50 places"):
        save_held_out(tmp_path, "iceland-50", numbers, tour)
    with pytest.raises(ValueError, match="each of the 20 places once"):
        save_held_out(tmp_path, "iceland-20", numbers, np.zeros_like(tour))
    with pytest.raises(ValueError, match="round the points to float32"):
        points = np.random.default_rng(0).random((5, 20, 2))
        save_held_out(tmp_path, "euclidean-20", points, tour)
    assert not list(tmp_path.iterdir())


def test_what_the_loader_refuses(shipped_from):
    with pytest.raises(UserError, match="one of iceland-20.*got 'iceland-7'"):
        held_out("iceland-7")
    with pytest.raises(UserError, match="cannot read .*iceland-20"):
        held_out("iceland-20")
    save_held_out(shipped_from, "iceland-20", drawn("iceland-20"), np.tile(np.arange(20), (5, 1)))
    whole = (shipped_from / "iceland-20.npz").read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"not a zip"):
        (shipped_from / "iceland-20.npz").write_bytes(damaged)
        with pytest.raises(UserError, match="cannot read .*iceland-20"):
            held_out("iceland-20")
