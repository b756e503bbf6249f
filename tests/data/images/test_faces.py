"""Faces: painted as the parts' own description says, edits exact, splits apart."""

import json
from importlib import resources

import numpy as np
import pytest

from hringur.data.images.faces import ATTRIBUTES, IDENTITY, changed, draw_faces, is_held_out
from hringur.data.images.images import load_images
from hringur.types import UserError


@pytest.fixture(scope="module")
def stored():
    with resources.files("hringur.data.images").joinpath("sprites/faces.npz").open("rb") as file:
        return dict(np.load(file))


@pytest.fixture(scope="module")
def faces():
    return draw_faces(300, seed=5, held_out=True)


def flipped(faces, attribute):
    return faces.edited(attribute, 1 - faces.attributes[:, list(ATTRIBUTES).index(attribute)])


def test_a_face_is_painted_as_the_parts_say(stored):
    """Oracle: one bald, plain face, layer after layer over whole pictures."""
    face = draw_faces(1, seed=0)
    face.identity[:] = [[2, 1, 0, 3, 4, 0, 5]]  # head3, fat 1, ear1, nose5, eyebrow9, bald, skin 5
    face.attributes[:] = 0
    about = json.loads(str(stored["meta"]))
    layers = ["body|body|0", "ear|ear1|1", "head|head3|1", "eye|eye8|0", "eyebrow|eyebrow9|0"]
    layers += ["mouth|side|0", "nose|nose5|0"]
    image = np.ones((64, 64, 3)) * (0.79, 0.86, 0.93)
    for key in layers:
        start, top, left, height, width = stored["index"][stored["keys"].tolist().index(key)]
        flat = stored["pixels"][start : start + 6 * height * width] / 255
        layer = np.zeros((6, 64, 64))
        layer[:, top : top + height, left : left + width] = flat.reshape(6, height, width)
        red_green_blue, alpha, skin, hair = layer[:3], layer[3], layer[4], layer[5]
        image = image * (1 - alpha[..., None]) + red_green_blue.transpose(1, 2, 0)
        image += skin[..., None] * about["skin_rgb"][5]
        image += hair[..., None] * about["hair_rgb"]["brown"]  # 5 % 4
    painted = face.images(64)[0].transpose(1, 2, 0)
    assert np.abs(painted - 255 * image).max() < 0.51
    small = image.reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
    assert np.abs(face.images(32)[0].transpose(1, 2, 0) / 255 - small).mean() < 0.01


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize(
    "attribute, parts",
    [("smile", ["mouth"]), ("narrow_eyes", ["eye"]), ("beard", ["facialHair"])]
    + [("age", ["eyeLine", "smileLine", "miscLine"]), ("glasses", ["glasses"])],
)
def test_an_edit_changes_its_own_part_of_the_picture_and_nothing_else(
    stored, faces, attribute, parts, size
):
    boxes = np.zeros((64, 64), dtype=bool)
    for key, (_, top, left, height, width) in zip(stored["keys"], stored["index"], strict=True):
        if key.split("|")[0] in parts:
            boxes[top : top + height, left : left + width] = True
    cell = 64 // size
    boxes = boxes.reshape(size, cell, size, cell).any(axis=(1, 3))
    region = changed(faces.images(size), flipped(faces, attribute).images(size))
    assert not region[:, ~boxes].any()
    assert region.any(axis=(1, 2)).all()


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_an_edit_made_and_unmade_is_none(faces, attribute):
    edited = flipped(faces, attribute)
    others = [i for i, name in enumerate(ATTRIBUTES) if name != attribute]
    assert (edited.identity == faces.identity).all()
    assert (edited.attributes[:, others] == faces.attributes[:, others]).all()
    before, after = faces.images(), flipped(edited, attribute).images()
    assert (before == after).all()
    assert (edited.images() != before).any()


def test_attributes_come_as_often_as_they_should_and_independently():
    drawn = draw_faces(20_000, seed=1).attributes
    chances = np.array(list(ATTRIBUTES.values()))
    assert np.abs(drawn.mean(axis=0) - chances).max() < 5 * 0.5 / 20_000**0.5
    correlation = np.corrcoef(drawn.T) - np.eye(len(chances))
    assert np.abs(correlation).max() < 5 / 20_000**0.5


def test_held_out_identities_are_never_trained_on():
    train, test = draw_faces(20_000, seed=0), draw_faces(2_000, seed=0, held_out=True)
    assert not {*map(tuple, train.identity)} & {*map(tuple, test.identity)}
    assert is_held_out(test.identity).all() and not is_held_out(train.identity).any()
    for column, count in enumerate(IDENTITY.values()):  # every part is in both
        assert len(set(train.identity[:, column])) == len(set(test.identity[:, column])) == count
    every = np.random.default_rng(0).integers(0, list(IDENTITY.values()), (50_000, 7))
    assert is_held_out(every).mean() == pytest.approx(0.1, abs=0.01)


def test_the_same_seed_draws_the_same_faces():
    one, again, other = (draw_faces(50, seed=seed) for seed in (3, 3, 4))
    assert (one.images() == again.images()).all() and (one.images() != other.images()).any()


def test_rows_of_faces_are_painted_alike_alone_and_together(faces):
    assert (faces[250:270].images(64) == faces.images(64)[250:270]).all()


def test_the_data_set_brings_its_attributes_and_both_sizes(monkeypatch):
    monkeypatch.setattr("hringur.data.images.faces.TRAINING", 500)
    small = load_images("faces")
    assert small.shape == (3, 32, 32) and small.attributes == tuple(ATTRIBUTES)
    assert small.train_attributes.shape == (len(small.train), 7)
    assert small.test_attributes.shape == (len(small.test), 7)
    again = draw_faces(len(small.test), seed=0, held_out=True)
    assert (small.test_attributes == again.attributes).all()
    assert (small.test[:9] == again[:9].images()).all()


@pytest.mark.parametrize(
    "call, told",
    [
        (lambda: draw_faces(0, seed=0), "count must be at least 1, got 0"),
        (lambda: draw_faces(1, seed=-1), "seed must be at least 0, got -1"),
        (lambda: draw_faces(1, seed=0).edited("wings", 1), "one of smile, .*, got 'wings'"),
        (lambda: draw_faces(1, seed=0).edited("smile", 2), r"smile \(1\) or not \(0\), got 2"),
        (lambda: draw_faces(1, seed=0).images(48), "32 or 64 pixels, got 48"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, told):
    with pytest.raises(UserError, match=told):
        call()
