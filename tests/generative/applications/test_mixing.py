"""Mixing: each path on a model whose images are known, and the measures on paths made by hand."""

import pytest
import torch

from hringur.data.images.image_set import ImageSet
from hringur.evaluators.images import ImageEvaluator
from hringur.generative import VAE, VAEConfig
from hringur.generative.applications import mixing
from hringur.generative.applications.mixing import geodesic, grid, line, measure_mixing, mix, sphere
from hringur.types import UserError
from tests.generative.small_images import bars


@pytest.fixture(scope="module")
def model():
    return VAE(bars(), VAEConfig(latent=3, channels=4, hidden=16), device="cpu")


class Bent:
    """Codes of two numbers whose image is steep in one region: a straight line is not shortest."""

    def logits(self, latent):
        hill = 6 * torch.exp(-8 * latent.square().sum(dim=1))
        return torch.stack([latent[:, 0], latent[:, 1], hill], dim=1)[:, None, None]


def test_the_sphere_is_evenly_spaced_in_angle_and_length():
    start, end = torch.tensor([[3.0, 0.0], [1.0, 0]]), torch.tensor([[0.0, 1.0], [2.0, 0]])
    codes = sphere(start, end, 5)
    angle = torch.atan2(codes[0, :, 1], codes[0, :, 0])
    torch.testing.assert_close(angle, torch.linspace(0, torch.pi / 2, 5))
    torch.testing.assert_close(codes[0].norm(dim=1), torch.linspace(3, 1, 5))
    torch.testing.assert_close(codes[1], line(start, end, 5)[1])  # one direction: no circle


def test_a_geodesic_goes_around_a_hill_and_keeps_its_ends():
    model, start, end = Bent(), torch.tensor([[-1.0, 0.05]]), torch.tensor([[1.0, 0.05]])

    def energy(codes):
        images = model.logits(codes[0]).sigmoid()
        return (images[1:] - images[:-1]).square().sum()

    straight, bent = line(start, end, 9), geodesic(model, start, end, 9)
    assert torch.equal(bent[:, 0], start) and torch.equal(bent[:, -1], end)
    assert energy(bent) < 0.7 * energy(straight)
    assert bent[0, 4, 1] > 0.3  # around


@pytest.mark.parametrize("path", ["line", "sphere", "geodesic"])
def test_a_path_begins_and_ends_with_the_reconstructions(model, path):
    left, right = model.images.test[:2], model.images.test[2:4]
    made = mix(model, left, right, 5, path)
    assert made.shape == (2, 5, 1, 8, 8)
    torch.testing.assert_close(made[:, 0], model.reconstruct(left))
    torch.testing.assert_close(made[:, -1], model.reconstruct(right))


def test_pixels_are_mixed_as_they_are(model):
    left, right = model.pixels(model.images.test[:1]), model.pixels(model.images.test[1:2])
    made = mix(model, left, right, 3, "pixels")[0]
    torch.testing.assert_close(made, torch.cat([left, (left + right) / 2, right]))


@pytest.mark.parametrize("path", ["line", "sphere", "pixels"])
def test_a_grid_has_its_four_images_at_the_corners(model, path):
    corners = model.pixels(model.images.test[:4])
    made = grid(model, corners, 4, path)
    expected = corners if path == "pixels" else model.reconstruct(corners)
    found = torch.stack([made[0, 0], made[0, -1], made[-1, 0], made[-1, -1]])
    torch.testing.assert_close(found, expected)


def test_smoothness_is_one_for_even_steps_and_more_for_a_jump(model, monkeypatch):
    """Oracle: features that are the pixels' mean, paths written by hand."""

    class Means:
        def features(self, images):
            return images.float().mean(dim=(1, 2, 3))[:, None] * torch.ones(1, 4)

    evaluator = ImageEvaluator(bars(train=96, test=40))
    evaluator.classifier = Means()
    evaluator.features = Means().features(evaluator.held_out.float() / 255)
    for levels, expected in (([0, 1, 2, 3], 1.0), ([0, 0, 3, 3], 3.0), ([0, 2, 2, 3], 2.0)):
        path = torch.tensor(levels).float().view(1, 4, 1, 1, 1) / 10 + torch.zeros(10, 4, 1, 8, 8)
        monkeypatch.setattr(mixing, "mix", lambda *_, path=path: path)
        found = measure_mixing(model, evaluator, 10, 4, "line")
        assert found["smoothness"] == pytest.approx(expected, rel=1e-4)
        assert 0 <= found["precision"] <= 1


def test_a_gan_mixes_by_inversion():
    from hringur.generative import GAN, GANConfig

    images = bars()
    few = ImageSet("few", images.train, images.test[:4], None, None, ())
    gan = GAN(few, GANConfig(latent=2, channels=4, hidden=8, critic_channels=4), device="cpu")
    assert mix(gan, few.test[:1], few.test[1:2], 3, "sphere").shape == (1, 3, 1, 8, 8)


@pytest.mark.parametrize(
    "call, told",
    [
        (lambda m, x: mix(m, x, x, 5, "arc"), "path must be one of line, .*, got 'arc'"),
        (lambda m, x: mix(m, x, x, 2, "line"), "steps must be at least 3, got 2"),
        (lambda m, x: mix(m, x[:, :, :5], x, 5, "line"), "images must be B x 1 x 8 x 8"),
        (lambda m, x: grid(m, x, 5, "geodesic"), "for four images, got 'geodesic'"),
    ],
)
def test_what_cannot_be_mixed_is_refused(model, call, told):
    with pytest.raises(UserError, match=told):
        call(model, model.images.test[:4])
