"""Translation without pairs: networks, sides, pools, and each method beside a known truth."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hringur.data.images.domains import load_domains
from hringur.data.images.image_set import ImageSet
from hringur.generative import Translation, TranslationConfig, measures
from hringur.generative.batches import Images
from hringur.generative.networks import ImageShape
from hringur.generative.translation.cyclegan import ImagePool, least_squares
from hringur.generative.translation.model import METHODS
from hringur.generative.translation.networks import PatchCritic, Translator
from hringur.generative.translation.sides import two_sides
from hringur.registry import TRANSLATIONS
from hringur.training.random_state import random_state, restore_random_state, seed_everything
from hringur.types import UserError
from tests.generative.small_images import bars

SMALL = {"batch": 8, "channels": 4, "critic_channels": 4, "latent": 8, "hidden": 32, "parts": 4,
         "targets": 64, "match_every": 20}  # fmt: skip
every_method = pytest.mark.parametrize("method", METHODS)


def dimmed() -> ImageSet:
    """Bars of two random halves; those of the second at half the light. Held out: pairs."""
    plain = bars(train=400, test=40)
    test = np.concatenate([plain.test, plain.test // 2 + 127])
    train = np.concatenate([plain.train[:200], plain.train[200:] // 2 + 127])
    train_labels, test_labels = np.repeat([0, 1], 200), np.repeat([0, 1], 40)
    return replace(
        plain, name="coats", train=train, test=test, train_labels=train_labels,
        test_labels=test_labels, classes=("full", "dim"),
    )  # fmt: skip


def small(method: str, images: ImageSet | None = None, seed: int = 0, **other) -> Translation:
    seed_everything(seed)
    config = TranslationConfig(method=method, **{**SMALL, **other})
    return Translation(images or dimmed(), config, seed=seed, device="cpu")


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 10, 13), (3, 64, 64)])
def test_a_translator_begins_as_the_identity_at_any_size(shape):
    image = torch.rand(2, *shape)
    network = Translator(ImageShape(*shape), 4)
    assert torch.equal(network(image), image)
    with torch.no_grad():
        network.last.bias.fill_(1.0)
    torch.testing.assert_close(network(image), image + 1)


def test_each_scale_of_a_critic_has_the_same_weight():
    critic = PatchCritic(ImageShape(1, 32, 32), 4)
    with torch.no_grad():
        for head, value in zip(critic.head, (1.0, 2.0, 6.0), strict=True):
            head.weight.zero_()
            head.bias.fill_(value)
    found = critic(torch.rand(2, 1, 32, 32))
    torch.testing.assert_close(found.mean(dim=1), torch.full((2,), 3.0))
    assert PatchCritic(ImageShape(1, 32, 32), 4, constant=False).head[0].bias is None


def test_sides_are_the_classes_and_held_out_images_pairs():
    domains = load_domains("glyphs")
    images = Images.on_device(domains.image_set(), torch.device("cpu"))
    sides, back = two_sides(images), two_sides(images, reverse=True)
    for side, train, test in (
        (sides.first, domains.first, domains.held_out_first),
        (back.first, domains.second, domains.held_out_second),
    ):
        assert np.array_equal(side.train.numpy(), train)
        assert np.array_equal(side.test.numpy(), test)
    assert sides.paired and not two_sides(replace(images, name="own")).paired


def test_images_without_two_classes_or_with_an_empty_one_are_refused():
    alone = replace(bars(), train_labels=None, test_labels=None, classes=())
    with pytest.raises(UserError, match="needs images of two sets, bars has no classes: give gly"):
        small("cyclegan", alone)
    empty = replace(bars(), train_labels=np.zeros(96, dtype=np.int64))
    with pytest.raises(UserError, match="bars: lying needs more images"):
        small("cyclegan", empty)


@pytest.mark.parametrize(
    "field, value", [("method", "magic"), ("cost", "none"), ("epsilon", 1e-300), ("pool", -1)]
)
def test_settings_out_of_range_are_refused(field, value):
    with pytest.raises(UserError, match=f"^{field} must be "):
        TranslationConfig(**{field: value})


def test_a_pool_keeps_all_images_until_they_are_shown():
    torch.manual_seed(0)
    pool, given, shown = ImagePool(4), [], []
    for first in range(0, 20, 2):
        made = torch.arange(first, first + 2).view(2, 1, 1, 1).float()
        given += made.flatten().tolist()
        shown += pool.exchange(made).flatten().tolist()
    assert shown[:4] == given[:4] and shown != given
    assert sorted(shown[4:] + pool.kept.flatten().tolist()) == given  # the first four came twice
    assert torch.equal(ImagePool(0).exchange(made), made)


def test_least_squares_want_one_of_real_and_nothing_of_made():
    real, made = torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 1.0]])
    assert least_squares(real, made).item() == pytest.approx(2.0 + 0.5)


def test_partners_are_counted_in_rows():
    truth = torch.rand(4, 1, 4, 4)
    found = measures.partners(truth[[1, 0, 2, 3]], truth)
    error = 2 * (truth[0] - truth[1]).square().mean().item() / 4
    assert found["evaluation/translation_error"] == pytest.approx(error)
    assert found["evaluation/partner_in_pixels_percent"] == 50


@pytest.mark.parametrize(
    "method, updates, lr", [("cyclegan", 40, 0.01), ("neural-transport", 40, 0.01),
                            ("light-bridge", 60, 0.01), ("iterated-transport", 40, 0.01)]
)  # fmt: skip
def test_a_method_learns_what_no_pair_tells(method, updates, lr):
    """Half the light: the error falls to three quarters or less of doing nothing."""
    model = small(method, lr=lr, critic_lr=lr, lr_warm_up=5, average_decay=0.8, cost="pixels")
    image, truth = model.sides.first.test, model.images.test
    nothing = measures.partners(model.pixels(image), model.pixels(truth))
    model.fit(samples=8 * updates)
    found = model.own_measures()
    ratio = found["evaluation/translation_error"] / nothing["evaluation/translation_error"]
    print(method, ratio)
    assert ratio < 0.75


@every_method
def test_every_method_resumes_to_the_very_same_weights(method):
    def go_on(model, batches):
        return [model.update(next(batches), 0.5) for _ in range(3)]

    model = small(method, pool=4, match_every=2)
    batches = model.batches()
    go_on(model, batches)
    state = {"learner": model.state_dict(), "batches": batches.state_dict()}
    kept = torch.utils._pytree.tree_map(
        lambda value: value.clone() if isinstance(value, torch.Tensor) else value, state
    )
    random = random_state()
    unbroken = go_on(model, batches)
    other = small(method, seed=5, pool=4, match_every=2)
    others = other.batches()
    other.load_state_dict(kept["learner"])
    others.load_state_dict(kept["batches"])
    restore_random_state(random)
    assert go_on(other, others) == unbroken


@every_method
def test_a_method_is_an_experiment_and_saves(method, tmp_path):
    assert TRANSLATIONS[method].settings == {"method": method}
    model = small(method)
    model.save(tmp_path / "model.safetensors")
    loaded = Translation.load(tmp_path / "model.safetensors", device="cpu")
    image = model.sides.first.test[:3]
    assert torch.equal(loaded.translate(image), model.translate(image))
    with pytest.raises(UserError, match="samples are translations of images"):
        loaded.sample(2)
