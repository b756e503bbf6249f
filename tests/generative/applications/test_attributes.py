"""Editing attributes: each route on a case whose answer is known, and what is refused."""

import numpy as np
import pytest
import torch

from hringur.data.images.image_set import ImageSet
from hringur.generative import AttributeAutoencoder, AttributeAutoencoderConfig
from hringur.generative.applications.attributes import ROUTES, Editor, gaussian_map
from hringur.generative.batches import Images
from hringur.generative.model import ImageModel
from hringur.types import UserError
from tests.generative.small_images import stripes


class Pixels:
    """A model whose code is the image itself, as logits: every route is then linear algebra."""

    name = "pixels"

    def __init__(self, images):
        self.images, self.config = Images.on_device(images, torch.device("cpu")), self

    def pixels(self, image):
        return image.float() / (255 if image.dtype == torch.uint8 else 1)

    def encode(self, image):
        return torch.logit(self.pixels(image).flatten(1), 1e-4)

    def decode(self, code):
        return code.sigmoid().unflatten(1, (1, 2, 2))


def correlated(count=4000):
    """Pixel 0 is brighter with "bright", pixel 3 with "low", and the two come together."""
    rng = np.random.default_rng(0)
    bright = rng.random(count) < 0.5
    low = rng.random(count) < np.where(bright, 0.9, 0.1)
    logits = rng.normal(0, 0.05, (count, 4))
    logits[:, 0] += np.where(bright, 1.0, -1.0)
    logits[:, 3] += np.where(low, 0.5, -0.5)
    images = np.rint(255 / (1 + np.exp(-logits))).astype(np.uint8).reshape(count, 1, 2, 2)
    known = np.column_stack([bright, low]).astype(np.uint8)
    names = ("bright", "low")
    return ImageSet("pairs", images, images[:9], None, None, (), known, known[:9], names)


@pytest.mark.parametrize("route", ["directions", "transport"])
def test_an_attribute_is_changed_and_the_one_it_comes_with_is_not(route):
    editor = Editor(Pixels(correlated()), route)
    plain = torch.full((1, 1, 2, 2), 0.5)
    plain[0, 0, 0, 0] = torch.tensor(-1.0).sigmoid()
    edited = torch.logit(editor.edit(plain, {"bright": 1.0})).flatten()
    torch.testing.assert_close(edited, torch.tensor([1.0, 0, 0, 0]), atol=0.06, rtol=0)
    back = torch.logit(editor.edit(editor.edit(plain, {"bright": 1.0}), {"bright": -1.0}))
    torch.testing.assert_close(back, torch.logit(plain), atol=0.06, rtol=0)
    both = torch.logit(editor.edit(plain, {"bright": 1.0, "low": -1.0})).flatten()
    torch.testing.assert_close(both, torch.tensor([1.0, 0, 0, -1.0]), atol=0.06, rtol=0)


def test_the_map_between_normal_laws_carries_one_covariance_to_the_other():
    torch.manual_seed(0)
    start, end = (torch.randn(9, 5).double() for _ in range(2))
    start, end = start.T @ start, end.T @ end
    matrix = gaussian_map(start, end)
    torch.testing.assert_close(matrix @ start @ matrix, end)
    torch.testing.assert_close(matrix, matrix.T)
    assert (torch.linalg.eigvalsh(matrix) > 0).all()  # the gradient of something convex: optimal


def spots(train=600, test=60):
    """Noise whose level is the identity; "spot": a square as bright as the level says."""
    rng = np.random.default_rng(0)
    level = rng.choice([60, 110, 160], train + test)
    plain = level[:, None, None, None] // 4 + rng.integers(0, 6, (train + test, 1, 8, 8))
    spotted = plain.copy()
    spotted[:, :, 2:5, 3:6] = (level + 60)[:, None, None, None]
    has = rng.integers(0, 2, train + test).astype(np.uint8)
    images = np.where(has[:, None, None, None] == 1, spotted, plain).astype(np.uint8)
    known = has[:, None]
    found = ImageSet(
        "spots", images[:train], images[train:], None, None, (), known[:train], known[train:],
        ("spot",),
    )  # fmt: skip
    truth = np.where(has[:, None, None, None] == 1, plain, spotted)[train:]
    return found, torch.tensor(truth).float() / 255


@pytest.fixture(scope="module")
def trained():
    images, truth = spots()
    config = AttributeAutoencoderConfig(
        latent=4, channels=8, hidden=32, batch=32, completion_channels=24, completion_depth=3
    )
    return AttributeAutoencoder(images, config, device="cpu").fit(samples=16_000), truth


def test_completion_learns_without_pairs_what_the_edited_image_is(trained):
    model, truth = trained
    images = model.pixels(model.images.test)
    has = model.images.test_attributes[:, 0]
    editor = Editor(model)
    edited = torch.where(
        (has == 1)[:, None, None, None],
        editor.edit(images, {"spot": -1.0}),
        editor.edit(images, {"spot": 1.0}),
    )
    region = ((truth - images).abs() > 0.1).float()
    nothing = ((truth - images).square() * region).sum()
    assert ((truth - edited).square() * region).sum() / nothing < 0.05
    assert ((truth - edited).square() * (1 - region)).mean() < 1e-3
    assert (model.has(edited)[:, 0] != has).float().mean() > 0.95
    same = editor.edit(images, {"spot": 0.0})
    assert torch.equal(same, images)
    half = editor.edit(images, {"spot": 0.5})
    torch.testing.assert_close(half, (images + editor.edit(images, {"spot": 1.0})) / 2)


def test_a_conditional_edit_changes_one_number_of_the_code(trained):
    model, _ = trained
    image = model.pixels(model.images.test[:5])
    code = model.encode(image)
    assert set(code[:, -1].tolist()) <= {-1.0, 1.0} and code.shape == (5, 5)
    other = code.clone()
    other[:, -1] = 1
    expected = (image + model.decode(other) - model.decode(code)).clamp(0, 1)
    torch.testing.assert_close(Editor(model, "conditional").edit(image, {"spot": 1.0}), expected)


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_keeps_pixels_between_black_and_white(trained, route):
    model, _ = trained
    edited = Editor(model, route).edit(model.images.test[:7], {"spot": 2.0})
    assert edited.shape == (7, 1, 8, 8) and 0 <= edited.min() <= edited.max() <= 1


def test_classes_are_attributes_where_there_are_no_others():
    from tests.generative.small_images import bars

    config = AttributeAutoencoderConfig(batch=8, channels=4, hidden=8, completion_channels=4)
    model = AttributeAutoencoder(bars(), config, device="cpu")
    assert Editor(model).attributes == ("upright", "lying")


def test_a_loaded_model_edits_as_before(trained, tmp_path):
    model, _ = trained
    model.save(tmp_path / "model.safetensors")
    loaded = ImageModel.load(tmp_path / "model.safetensors", device="cpu")
    image = model.images.test[:4]
    edited = Editor(loaded).edit(image, {"spot": 1.0})
    assert torch.equal(edited, Editor(model).edit(image, {"spot": 1.0}))
    with pytest.raises(UserError, match="loaded without any"):
        Editor(loaded, "directions")


def test_what_cannot_be_edited_is_refused(trained):
    model, _ = trained
    image = model.images.test[:1]
    with pytest.raises(UserError, match="attribute must be one of spot, got 'beard'"):
        Editor(model).edit(image, {"beard": 1.0})
    with pytest.raises(UserError, match=r"spot must be in -2..2, got 3"):
        Editor(model).edit(image, {"spot": 3.0})
    with pytest.raises(UserError, match="route must be one of directions, .*, got 'magic'"):
        Editor(model, "magic")
    with pytest.raises(UserError, match="completion needs a model attribute-autoencoder"):
        Editor(Pixels(correlated(50)), "completion")
    with pytest.raises(UserError, match="stripes have no attributes"):
        AttributeAutoencoder(stripes(), device="cpu")
    with pytest.raises(UserError, match="images must be B x 1 x 8 x 8"):
        Editor(model).edit(torch.zeros(1, 3, 8, 8), {"spot": 1.0})
