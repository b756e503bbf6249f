"""What all models have from their base: samples compared while training, saved and loaded runs."""

import numpy as np
import pytest
import torch
from PIL import Image

from hringur.evaluators.digit_classifier import shipped_classifier
from hringur.evaluators.images import ImageEvaluator
from hringur.generative.model import ImageModel
from hringur.generative.models.gan import GAN, GANConfig
from hringur.generative.models.vae import VAE, VAEConfig
from hringur.training import checkpoint
from hringur.training.log import NoLog, RunLog
from hringur.training.run_folder import RunFolder
from hringur.training.trainer import TrainerConfig, make_fabric, train
from hringur.types import UserError
from tests.generative.small_images import stripes

TINY = {"batch": 8, "latent": 2, "channels": 4, "hidden": 16, "network": "dense"}


def vae(**more):
    return VAE(stripes(), VAEConfig(**TINY), device="cpu", **more)


def test_the_untrained_model_is_the_one_that_was_begun_with():
    model, other = vae(seed=3), vae(seed=3)
    batches = model.batches()
    for _ in range(3):
        model.update(next(batches), 0.5)
    fresh = model.untrained()
    assert torch.equal(fresh.sample(5, seed=1), other.sample(5, seed=1))
    assert not torch.equal(fresh.sample(5, seed=1), model.sample(5, seed=1))


def test_training_compares_samples_with_both_references_beside_them():
    model = vae()
    model.compare_samples()
    assert model.headline == "evaluation/frechet_distance"
    evaluator = model.evaluator()
    fresh = evaluator.measure(model.sample(evaluator.count, seed=0))
    outcome = train(model, model.batches(), TrainerConfig(steps=2, device="cpu"), NoLog())
    assert outcome.metrics.keys() > {"evaluation/coverage", "evaluation/elbo_nats"}
    for tag, value in evaluator.halves.items():
        assert outcome.metrics[tag.replace("evaluation", "floor")] == value
    for tag, value in fresh.items():
        assert outcome.metrics[tag.replace("evaluation", "untrained")] == value
    assert outcome.metrics["evaluation/frechet_distance"] != fresh["evaluation/frechet_distance"]


def test_samples_are_compared_where_there_are_images_enough():
    few = GAN(stripes(test=9), GANConfig(**TINY), device="cpu")
    few.compare_samples()
    found = few.evaluate()
    assert few.headline in found and not any("frechet" in tag for tag in found)


def test_fitting_measures_no_samples_and_a_run_does_so_at_its_first_evaluation(monkeypatch):
    made = []

    class Noted(ImageEvaluator):
        def __init__(self, *arguments):
            made.append(len(arguments[0].test))
            super().__init__(*arguments)

    monkeypatch.setattr("hringur.generative.model.ImageEvaluator", Noted)
    vae().fit(samples=16)
    assert made == []
    fabric = make_fabric(TrainerConfig(device="cpu"))
    model, _ = VAEConfig(**TINY).build("digits", {}, 0, fabric)
    assert made == []
    first, second = model.evaluate(), model.evaluate()
    assert made == [359] and first == second


def test_a_run_draws_the_same_numbers_whatever_the_process_did_before():
    """The classifier draws weights of its own before it reads them."""
    fabric = make_fabric(TrainerConfig(device="cpu"))
    drawn = []
    for _ in range(2):
        torch.manual_seed(0)
        VAEConfig(**TINY).build("digits", {}, 0, fabric)
        drawn.append(torch.randn(4))
        shipped_classifier()
    assert torch.equal(*drawn)


def test_the_evaluator_of_a_model_is_that_of_its_images():
    expected = ImageEvaluator(stripes(), 20)
    assert torch.equal(vae().evaluator(20).features, expected.features)


@pytest.fixture
def run(tmp_path):
    """A run folder, and the model that was trained there."""
    model = vae()
    folder = RunFolder.create(tmp_path / "run", {})
    config = TrainerConfig(steps=3, device="cpu", evaluate_every_seconds=None)
    train(model, model.batches(), config, RunLog(folder))
    return folder, model


@pytest.mark.parametrize("owner", [VAE, ImageModel])
def test_a_class_loads_a_run_folder_as_well_as_a_saved_file(run, tmp_path, owner):
    folder, model = run
    loaded = owner.load(folder.path, device="cpu")
    assert type(loaded) is VAE and loaded.config == model.config
    assert torch.equal(loaded.sample(3, seed=0), model.sample(3, seed=0))
    further = owner.load(str(folder.path), device="cpu", dataset=stripes())
    batch = next(model.batches())
    torch.manual_seed(0)
    expected = model.update(batch, 0.5)
    torch.manual_seed(0)
    assert further.update(batch, 0.5) == expected  # optimiser and schedule go on, too
    model.save(tmp_path / "model.safetensors")
    saved = owner.load(tmp_path / "model.safetensors", device="cpu")
    assert torch.equal(saved.sample(3, seed=0), model.sample(3, seed=0))


def test_a_folder_that_is_no_such_run_is_refused(run, tmp_path):
    folder, _ = run
    with pytest.raises(UserError, match="holds a model 'vae', not 'gan'"):
        GAN.load(folder.path)
    with pytest.raises(UserError, match="is no run folder"):
        VAE.load(tmp_path)
    checkpoint.save(folder.latest_checkpoint(), {"learner": {"policy": {}}})
    with pytest.raises(UserError, match="not one that a model of images wrote"):
        VAE.load(folder.path)
    folder.latest_checkpoint().unlink()
    with pytest.raises(UserError, match="has no checkpoint yet"):
        VAE.load(folder.path)


def test_checkpoints_of_before_still_load():
    """Under the names that networks and the monitor had before 0.2."""
    model, fresh = (GAN(stripes(), GANConfig(**TINY), device="cpu", seed=s) for s in (0, 1))
    model.update(next(model.batches()), 0.0)
    state = model.state_dict()
    state["players"] = state.pop("networks")
    state["watch"] = {"alike": 3, "sure": 4}
    del state["monitor"]
    fresh.load_state_dict(state)
    assert torch.equal(fresh.sample(2, seed=0), model.sample(2, seed=0))
    assert (fresh.monitor.constant, fresh.monitor.separated) == (3, 4)


def test_images_in_memory_stand_in_place_of_a_data_sets_name():
    pixels, labels = stripes().train[:, 0], np.arange(80) % 2
    models = [
        VAE(given, VAEConfig(**TINY), labels=labels, device="cpu")
        for given in (pixels, torch.tensor(pixels / 255), [Image.fromarray(one) for one in pixels])
    ]
    for model in models:
        assert (len(model.images.train), len(model.images.test)) == (72, 8)
        assert torch.equal(model.images.train, models[0].images.train)
        assert torch.equal(model.images.train_labels, models[0].images.train_labels)
        assert model.images.classes == ("0", "1")
    assert VAE(pixels, VAEConfig(**TINY), size=12, device="cpu").shape == (1, 12, 12)
    with pytest.raises(UserError, match="labels are for images in memory"):
        VAE("digits", VAEConfig(**TINY), labels=labels, device="cpu")


def test_floats_outside_0_to_1_are_no_images():
    image = stripes().test[:2]
    model = vae()
    torch.testing.assert_close(model.encode(image / 255), model.encode(image))
    with pytest.raises(UserError, match=r"floats in 0\.\.1, got float64 in 0\.\."):
        model.encode(image / 1.0)
    with pytest.raises(UserError, match="bytes .* got int64"):
        model.encode(image.astype(np.int64))
