"""Scores of edits: known for doing nothing, for the truth, and for known damages of it."""

import pytest
import torch

from tests.scripts.loading import load_script

edits = load_script("measure_edits")


@pytest.fixture(scope="module")
def held_out():
    return edits.HeldOut.draw(30, seed=0)


def oracle(held_out):
    """A judge that knows every face: by the nearest of all pictures that can come."""
    images, known = [held_out.image], [held_out.has]
    for number, name in enumerate(edits.NAMES):
        has = held_out.has.clone()
        has[:, number] = 1 - has[:, number]
        images.append(held_out.truth[name])
        known.append(has)
    images, known = torch.cat(images).flatten(1), torch.cat(known)
    return lambda image: 2 * known[torch.cdist(image.flatten(1), images).argmin(dim=1)] - 1


def test_doing_nothing_is_the_floor_and_the_truth_the_best(held_out):
    judge = oracle(held_out)
    nothing = edits.score(lambda image, *_: image, held_out, judge)

    def true(image, has, number, value):
        rows = held_out.has[:, number] != value
        return held_out.truth[edits.NAMES[number]][rows]

    perfect = edits.score(true, held_out, judge)
    for name in edits.NAMES:
        assert nothing[name]["inside"] == pytest.approx(1) and nothing[name]["outside"] == 0
        assert nothing[name]["recognised_percent"] == 0
        assert nothing[name]["others_percent"] == 100
        assert perfect[name]["inside"] == perfect[name]["outside"] == 0
        assert perfect[name]["recognised_percent"] == perfect[name]["others_percent"] == 100
        assert perfect[name]["identity_percent"] == 100


def test_half_of_an_edit_leaves_a_quarter_of_the_error(held_out):
    def half(image, has, number, value):
        rows = held_out.has[:, number] != value
        return (image + held_out.truth[edits.NAMES[number]][rows]) / 2

    found = edits.score(half, held_out, oracle(held_out))
    for name in edits.NAMES:
        for figure in ("inside", "inside_given", "inside_taken"):
            assert found[name][figure] == pytest.approx(0.25, abs=1e-4)
        assert found[name]["outside"] == pytest.approx(0, abs=1e-9)


def test_noise_outside_is_seen_there(held_out):
    generator = torch.Generator().manual_seed(0)
    variance = held_out.image.var(dim=0).mean().item()

    def noisy(image, has, number, value):
        rows = held_out.has[:, number] != value
        truth = held_out.truth[edits.NAMES[number]][rows]
        return truth + 0.02 * torch.randn(truth.shape, generator=generator)

    found = edits.score(noisy, held_out, oracle(held_out))
    for name in edits.NAMES:
        assert found[name]["outside"] == pytest.approx(0.02**2 / variance, rel=0.05)


def test_the_shipped_model_is_small_and_its_edits_are_near_the_truth(held_out):
    from hringur.generative.applications.attributes import Editor
    from hringur.trained import load
    from hringur.weights.shipped import FACES

    assert FACES.stat().st_size < 4_000_000
    edit = edits.by_editor(Editor(load("faces", device="cpu")))
    found = edits.score(edit, held_out, oracle(held_out))
    for name in edits.LECTURE:
        assert found[name]["inside"] < 0.25 and found[name]["outside"] < 0.01, name
