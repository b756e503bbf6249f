"""Contract: what every model of images of the registry keeps, whoever wrote it."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from hringur.registry import EXPERIMENTS, experiment, model_config
from hringur.training import checkpoint
from hringur.training.log import RunLog
from hringur.training.random_state import random_state, restore_random_state, seed_everything
from hringur.training.run_folder import RunFolder
from hringur.training.trainer import TrainerConfig, train
from hringur.types import Batches, Learner, UserError
from tests.generative.small_images import IMAGE_MODELS, bars

DOCUMENTED = Path(__file__).parents[2] / "docs" / "metrics.md"
# Small enough for seconds; a field that a configuration lacks is left out.
TINY = {
    "batch": 8,
    "channels": 4,
    "hidden": 16,
    "latent": 3,
    "encoder_pretraining": 1,
    "critic_width": 8,
    "draws": 2,
}


def tiny(name, **other):
    config_class = model_config(name)
    known = {field.name for field in dataclasses.fields(config_class)}
    return config_class(**{key: value for key, value in {**TINY, **other}.items() if key in known})


def build(name, seed=0, images=None, **settings):
    seed_everything(seed)
    config = tiny(name, **settings)
    model = config.model()(images or bars(), config, seed=seed, device="cpu")
    return model, model.batches()


def updates(learner, batches, count, first=0):
    return [learner.update(next(batches), (first + step) / 8) for step in range(count)]


every_model = pytest.mark.parametrize("name", IMAGE_MODELS)


@every_model
def test_settings_are_frozen_documented_and_keyword_only(name):
    config_class = model_config(name)
    config = config_class()
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config, dataclasses.fields(config)[0].name, 1)
    assert all(field.kw_only for field in dataclasses.fields(config_class))
    assert config_class.__doc__ and config_class.name == name
    assert config.model().settings is config_class


@every_model
def test_updates_are_finite_and_every_tag_is_documented(name):
    model, batches = build(name)
    assert isinstance(model, Learner) and isinstance(batches, Batches)
    assert len(next(batches)) == 8
    found = [*updates(model, batches, 3), model.evaluate()]
    assert model.headline in found[-1]
    documented = DOCUMENTED.read_text(encoding="utf-8")
    for metrics in found:
        assert metrics
        for tag, value in metrics.items():
            assert math.isfinite(value), tag
            assert f"`{tag}`" in documented, f"{tag} is not in docs/metrics.md"
    for tag in model.figures():
        assert f"`{tag}`" in documented, f"{tag} is not in docs/metrics.md"


@every_model
def test_same_seed_same_scalars_and_another_seed_others(name):
    def scalars(seed):
        model, batches = build(name, seed)
        return [*updates(model, batches, 3), model.evaluate()]

    first, again, other = scalars(3), scalars(3), scalars(4)
    assert first == again
    assert first != other


@every_model
def test_resumed_from_a_file_it_goes_on_to_the_very_same_weights(name, tmp_path):
    model, batches = build(name)
    updates(model, batches, 3)
    model.figures()
    path = tmp_path / "checkpoint.safetensors"
    state = {
        "learner": model.state_dict(),
        "batches": batches.state_dict(),
        "random": random_state(),
    }
    checkpoint.save(path, state)
    unbroken = updates(model, batches, 4, first=3)

    resumed, batches = build(name, seed=9)  # another seed: all must come from the file
    state = checkpoint.load(path)
    resumed.load_state_dict(state["learner"])
    batches.load_state_dict(state["batches"])
    restore_random_state(state["random"])
    assert updates(resumed, batches, 4, first=3) == unbroken
    for network, other in zip(model.networks.values(), resumed.networks.values(), strict=True):
        for kept, value in other.state_dict()["network"].items():
            assert torch.equal(value, network.state_dict()["network"][kept])
        assert str(network.optimizer.state_dict()) == str(other.optimizer.state_dict())
    assert len(resumed.film.frames) == 1


@every_model
def test_every_network_learns(name):
    """A detach in the wrong place would leave one of them as it was."""
    model, batches = build(name)
    before = {
        f"{role} {key}": value.clone()
        for role, network in model.networks.items()
        for key, value in network.module.named_parameters()
    }
    updates(model, batches, 4)
    for role, network in model.networks.items():
        for key, value in network.module.named_parameters():
            assert not torch.equal(before[f"{role} {key}"], value), f"{role} {key}"


@every_model
def test_samples_codes_and_pictures_have_the_shapes_they_promise(name):
    model, batches = build(name, images=bars(channels=3, size=10))
    updates(model, batches, 2)
    images = model.images.test[:4]
    code = model.encode(images)
    assert code.shape == (4, *model.prior(1, torch.Generator()).shape[1:])
    assert model.reconstruct(images).shape == (4, 3, 10, 10)
    assert model.interpolate(images[:2], images[2:], steps=3).shape == (2, 3, 3, 10, 10)
    ends = model.interpolate(images[:1], images[1:2], steps=5)[0, [0, -1]]
    torch.testing.assert_close(ends, model.decode(model.encode(images[:2])), atol=0.02, rtol=0)
    made = model.sample(5, seed=1)
    assert made.shape == (5, 3, 10, 10) and 0 <= made.min() and made.max() <= 1
    assert torch.equal(made, model.sample(5, seed=1))
    assert not torch.equal(model.sample(5), model.sample(5))
    as_array = np.asarray(images)
    torch.testing.assert_close(model.encode(as_array), code)


@every_model
def test_a_saved_model_samples_as_before(name, tmp_path):
    model, batches = build(name)
    updates(model, batches, 2)
    if model.encodes:
        model.sample(2, density="fitted")
    model.save(tmp_path / "model.safetensors")
    loaded = type(model).load(tmp_path / "model.safetensors", device="cpu")
    code = model.prior(3, torch.Generator().manual_seed(0))
    assert torch.equal(model.decode(code), loaded.decode(code))
    if model.encodes:  # the density was kept, although the images were not
        made = loaded.sample(3, density="fitted", seed=0)
        assert torch.equal(model.sample(3, density="fitted", seed=0), made)
    with pytest.raises(UserError, match="load with a data set"):
        loaded.evaluate()
    assert loaded.config == model.config


@every_model
def test_fit_trains_for_so_many_images(name):
    model = build(name)[0]
    assert model.fit(samples=24) is model
    assert sum(network.updates for network in model.networks.values()) >= 3


@pytest.mark.parametrize("name", ["gan", "wgan-gp"])
def test_a_game_that_diverges_stops_in_one_line_and_keeps_its_last_checkpoint(name, tmp_path):
    model, batches = build(name)
    updating = model.update

    def poisoned(batch, progress):
        if model.critic.updates == 5:
            with torch.no_grad():
                next(iter(model.critic.module.parameters())).fill_(torch.nan)
        return updating(batch, progress)

    model.update = poisoned
    folder = RunFolder.create(tmp_path / "run", {})
    config = TrainerConfig(steps=20, checkpoint_every_steps=2, evaluate_every_seconds=None)
    with pytest.raises(FloatingPointError, match=r"^step \d+: [^\n]*$"):
        train(model, batches, config, RunLog(folder))
    kept = checkpoint.load(folder.latest_checkpoint())
    fresh = build(name, seed=1)[0]
    fresh.load_state_dict(kept["learner"])
    weights = [
        tensor for network in fresh.networks.values() for tensor in network.module.parameters()
    ]
    assert all(bool(tensor.isfinite().all()) for tensor in weights)


@every_model
@pytest.mark.parametrize("field, value", [("latent", 0), ("batch", 1), ("lr", 0.0), ("beta1", 2.0)])
def test_a_setting_out_of_range_is_refused_by_name(name, field, value):
    with pytest.raises(UserError, match=rf"^{field} must be .*{value}"):
        model_config(name)(**{field: value})


def test_a_batch_larger_than_the_data_set_is_refused():
    with pytest.raises(UserError, match="batch must be at most 96 .* bars .* got 500"):
        build("vae", batch=500)


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    vae, wae = build("vae")[0], build("wae-mmd")[0]
    with pytest.raises(UserError, match="is of vae, not of wae-mmd"):
        wae.load_state_dict(vae.state_dict())
    vae.save(tmp_path / "vae.safetensors")
    with pytest.raises(UserError, match="'vae', not 'wae-mmd'"):
        type(wae).load(tmp_path / "vae.safetensors", device="cpu")


def test_the_eight_experiments_have_settings_that_their_models_take():
    assert list(EXPERIMENTS) == [f"exp{number}" for number in range(8)]
    for one in EXPERIMENTS.values():
        model_config(one.model)(**one.settings)
    with pytest.raises(UserError, match="'exp9'.*exp0.*exp7") as told:
        experiment("exp9")
    assert all(one.teaches in str(told.value) for one in EXPERIMENTS.values())
    with pytest.raises(UserError, match="'van'.*gan"):
        model_config("van")
