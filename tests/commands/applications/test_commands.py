"""``hringur mix`` and ``hringur edit``: pictures written, bad input told of in one line."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from hringur import cli
from hringur.commands.applications import mix
from hringur.commands.applications.edit import attribute_options
from hringur.data.images import draw_faces
from hringur.data.images.image_set import ImageSet
from hringur.generative import VAE, AttributeAutoencoder, AttributeAutoencoderConfig, VAEConfig
from tests.generative.small_images import bars


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A model of faces that has hardly learned, one of bars, and image files."""
    folder = tmp_path_factory.mktemp("models")
    train, test = draw_faces(64, seed=0), draw_faces(8, seed=0, held_out=True)
    names = ("smile", "age", "narrow_eyes", "blonde", "beard", "glasses", "long_hair")
    images = ImageSet(
        "faces", train.images(), test.images(), None, None, (), train.attributes, test.attributes,
        names,
    )  # fmt: skip
    config = AttributeAutoencoderConfig(batch=8, channels=4, hidden=8, completion_channels=4)
    AttributeAutoencoder(images, config, device="cpu").save(folder / "faces.safetensors")
    VAE(bars(), VAEConfig(latent=2, channels=4, hidden=8), device="cpu").save(folder / "vae")
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(folder / "black.png")
    Image.fromarray(np.zeros((30, 32), np.uint8)).save(folder / "grey.png")
    (folder / "text.png").write_text("no image")
    return folder


def run(saved, *arguments):
    model = [] if "--model" in arguments else ["--model", str(saved / "faces.safetensors")]
    output = ["--output", str(saved / "out.png")]
    words = [str(saved / word) if word.endswith(".png") else word for word in arguments]
    return cli.main([*words, *model, *output])


def test_two_images_are_mixed_along_every_path(saved):
    assert run(saved, "mix", "face:1", "black.png", "--steps", "4") == 0
    with Image.open(saved / "out.png") as picture:
        assert picture.size[0] > picture.size[1] > 100


def test_four_images_make_a_grid(saved):
    faces = ["face:1", "face:2", "face:3", "face:4"]
    assert run(saved, "mix", *faces, "--path", "line", "--steps", "3") == 0


@pytest.mark.parametrize("more", [[], ["--route", "conditional"], ["--sweep"]])
def test_attributes_are_edited(saved, more, capsys):
    edits = ["--smile=1"] if more == ["--sweep"] else ["--smile", "1", "--narrow-eyes", "-0.5"]
    assert run(saved, "edit", "face:1", "face:2", *edits, *more) == 0
    assert "wrote" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["edit", "--smile", "1"], "name at least one image to edit"),
        (["edit", "face:1"], "name at least one attribute"),
        (["edit", "face:1", "--wings", "1"], "one of smile, age, .*, got 'wings'"),
        (["edit", "face:1", "--smile", "much"], "--smile must be a strength .* got 'much'"),
        (["edit", "face:1", "--smile"], "--smile must be a strength .* got '--model'"),
        (["edit", "face:1", "--smile", "3"], "smile must be in -2..2, got 3"),
        (["edit", "face:1", "--smile", "nan"], "smile must be in -2..2, got nan"),
        (["edit", "face:x", "--smile", "1"], "a drawn face is face:NUMBER, got 'face:x'"),
        (["edit", "grey.png", "--smile", "1"], "is 32 x 30 in grey, the model takes 32 x 32 in c"),
        (["edit", "text.png", "--smile", "1"], "cannot read .*text.png"),
        (["edit", "none.png", "--smile", "1"], "cannot read .*none.png: No such file"),
        (["edit", "face:1", "--smile", "1", "--age", "1", "--sweep"], "a sweep is of one"),
        (["edit", "face:1", "--smile", "1", "--route", "x"], "route must be one of .* got 'x'"),
        (["edit", "face:1", "--smile", "1", "--model", "nowhere"], "nothing is there"),
        (["mix", "face:1"], "two images are mixed, or four on a grid; got 1"),
        (["mix", "face:1", "face:2", "--path", "arc"], "path must be one of .* got 'arc'"),
        (["mix", "face:1", "face:2", "--steps", "2"], "steps must be in 3..100, got 2"),
        (["mix", "face:1", "face:2", "--model", "attention-model"], "no model of images"),
        (["mix", "face:1", "face:2", "face:3", "face:4", "--path", "geodesic"], "four images"),
    ],
)
def test_bad_input_is_told_of_in_one_line(saved, arguments, told, capsys):
    (saved / "out.png").unlink(missing_ok=True)
    assert run(saved, *arguments) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and not (saved / "out.png").exists()
    assert re.search(told, message), message


def test_no_more_paths_are_measured_than_there_are_pairs(saved, capsys, monkeypatch):
    evaluator = SimpleNamespace(held_out=np.zeros((41, 3)), images=SimpleNamespace(name="faces"))
    model = SimpleNamespace(evaluator=lambda: evaluator)
    monkeypatch.setattr(mix, "with_data", lambda *_: model)
    (saved / "out.png").unlink(missing_ok=True)
    assert run(saved, "mix", "face:1", "face:2", "--measure", "21") == 2
    assert "measure must be in 10..20, as 40 images of faces" in capsys.readouterr().err
    assert not (saved / "out.png").exists()


@pytest.mark.parametrize("command", [["mix", "face:1", "face:2"], ["edit", "face:1", "--smile=1"]])
def test_a_picture_is_a_png(saved, command, capsys):
    assert cli.main([*command, "--output", str(saved / "out.xyz")]) == 2
    assert "--output must name a .png, .svg or .pdf file" in capsys.readouterr().err


def test_a_model_without_attributes_says_so(saved, capsys):
    assert cli.main(["edit", "face:1", "--smile", "1", "--model", str(saved / "vae")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_attributes_are_told_from_options():
    words = ["a.png", "--smile", "-1", "--output", "x.png", "--long-hair=0.5"]
    rest, strengths = attribute_options(words)
    assert rest == ["a.png", "--output", "x.png"]
    assert strengths == {"smile": -1.0, "long_hair": 0.5}
