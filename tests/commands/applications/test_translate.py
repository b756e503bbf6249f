"""``hringur translate``: pictures of files and of held-out images, bad input in one line."""

import re

import numpy as np
import pytest
from PIL import Image

from hringur import cli
from hringur.generative import VAE, Translation, TranslationConfig, VAEConfig
from tests.generative.small_images import bars


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run on glyphs that has learned nothing, a saved model of bars, and image files."""
    folder = tmp_path_factory.mktemp("translation")
    tiny = ["--batch=2", "--channels=2", "--critic-channels=2", "--steps=1", "--targets=8"]
    run = ["--folder", str(folder / "run"), "--json"]  # glyphs, as nothing is named
    assert cli.main(["train", "translation", *run, *tiny]) == 0
    config = TranslationConfig(batch=2, channels=2, critic_channels=2, targets=8)
    Translation(bars(), config, device="cpu").save(folder / "bars")
    VAE(bars(), VAEConfig(latent=2, channels=4, hidden=8), device="cpu").save(folder / "vae")
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(folder / "black.png")
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / "colour.png")
    return folder


def translate(folder, model, *images):
    words = [str(folder / image) if image.endswith(".png") else image for image in images]
    output = ["--output", str(folder / "out.png")]
    return cli.main(["translate", *words, "--model", str(folder / model), *output])


def test_a_file_and_a_held_out_image_beside_its_truth(folder, capsys):
    assert translate(folder, "run", "black.png", "held-out:3") == 0
    with Image.open(folder / "out.png") as both:
        width = both.size[0]
    assert translate(folder, "run", "black.png") == 0
    with Image.open(folder / "out.png") as alone:
        assert alone.size[0] < width  # no truth, no column of it
    assert (folder / "run" / "pictures" / "translation.png").stat().st_size > 1000


@pytest.mark.parametrize(
    "model, images, told",
    [
        ("run", [], "name at least one image to translate"),
        ("run", ["held-out:2000"], "held-out:0 to held-out:1868, got 'held-out:2000'"),
        ("run", ["held-out:x"], "held-out:0 to held-out:1868, got 'held-out:x'"),
        ("run", ["colour.png"], "is 8 x 8 in colour, the model takes 32 x 32 in grey"),
        ("run", ["none.png"], "cannot read .*none.png: No such file"),
        ("vae", ["black.png"], "is of vae: images are translated by a model that train transl"),
        ("bars", ["held-out:0"], "there is neither a set nor a file named 'bars'"),
    ],
)
def test_bad_input_is_told_of_in_one_line(folder, model, images, told, capsys):
    (folder / "out.png").unlink(missing_ok=True)
    assert translate(folder, model, *images) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and not (folder / "out.png").exists()
    assert re.search(told, message), message


@pytest.mark.parametrize(
    "dataset, told", [("mnist", "has 10 classes"), ("faces", "has no classes")]
)
def test_images_that_are_not_two_sets_are_refused(dataset, told, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("hringur.data.images.faces.TRAINING", 500)
    run = ["train", "translation", "--dataset", dataset, "--folder", str(tmp_path / "run")]
    assert cli.main([*run, "--steps=1"]) == 2
    assert f"needs images of two sets, {dataset} {told}" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
