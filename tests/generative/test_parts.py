"""Networks, batches, densities, inversion and pictures."""

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.mixture import GaussianMixture
from torch.distributions import (
    Bernoulli,
    Categorical,
    Independent,
    MixtureSameFamily,
    MultivariateNormal,
)

from hringur.generative.adversarial import invert
from hringur.generative.batches import ImageBatches, Images, as_floats
from hringur.generative.fitted_density import Mixture, fit_bernoullis, fit_gaussians
from hringur.generative.models.vae import VAE, VAEConfig
from hringur.generative.networks import Architecture, Decoder, Encoder, ImageShape
from hringur.generative.pictures import FILM_FRAMES, Film, between, tile, write_pictures
from tests.generative.small_images import bars

SHAPES = [(1, 28, 28), (3, 64, 64), (3, 32, 32), (1, 8, 8), (1, 9, 13), (3, 1, 5), (2, 100, 37)]


def of(network, stride=4, depth=1):
    return Architecture(network, 16, 64, stride, depth)


@pytest.mark.parametrize("network", ["convolutional", "dense"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_one_network_serves_every_size(shape, network):
    shape = ImageShape(*shape)
    encoder, decoder = Encoder(shape, 5, of(network)), Decoder(5, shape, of(network))
    image = torch.rand(2, *shape)
    assert encoder(image).shape == (2, 5)
    assert decoder(torch.randn(2, 5)).shape == image.shape


@pytest.mark.parametrize("network", ["convolutional", "dense"])
def test_signals_keep_their_size_and_samples_do_not_mix(network):
    shape = ImageShape(1, 28, 28)
    encoder, decoder = Encoder(shape, 16, of(network)), Decoder(16, shape, of(network))
    image = torch.rand(64, *shape).round()
    code = encoder(image)
    assert 0.1 < code.std() < 10
    assert 0.1 < decoder(torch.randn(64, 16)).std() < 10
    torch.testing.assert_close(encoder(image[:3]), code[:3], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_a_deeper_decoder_has_more_dense_layers_and_keeps_the_signal(depth):
    decoder = Decoder(16, ImageShape(1, 28, 28), of("dense", depth=depth))
    dense = [layer for layer in decoder.modules() if isinstance(layer, torch.nn.Linear)]
    assert [layer.out_features for layer in dense] == [64] * depth + [784]
    assert 0.1 < decoder(torch.randn(64, 16)).std() < 10


def test_every_pixel_reaches_the_code_and_every_code_every_pixel():
    shape = ImageShape(1, 30, 22)
    image = torch.rand(1, *shape, requires_grad=True)
    Encoder(shape, 4, of("convolutional"))(image).sum().backward()
    assert image.grad is not None and (image.grad != 0).all()
    code = torch.randn(1, 4)
    decoder = Decoder(4, shape, of("convolutional"))
    assert (decoder(code) != decoder(code + 1)).all()


def images():
    return Images.on_device(bars(), torch.device("cpu"))


def test_an_epoch_sees_every_image_once():
    source = images()
    batches = ImageBatches(source, batch=24, seed=0)
    epoch = torch.cat([next(batches).image for _ in range(4)])
    seen = {tuple(image.flatten().tolist()) for image in epoch}
    assert seen == {tuple(image.flatten().tolist()) for image in as_floats(source.train)}
    again = torch.cat([next(batches).image for _ in range(4)])
    assert not torch.equal(epoch, again)


def test_labels_stay_with_their_images():
    source = images()
    of = {
        image.tobytes(): label
        for image, label in zip(bars().train, bars().train_labels, strict=True)
    }
    batch = next(ImageBatches(source, batch=10, seed=3))
    for image, label in zip(batch.image, batch.label, strict=True):
        assert of[(image * 255).round().byte().numpy().tobytes()] == label


def test_batches_go_on_in_the_middle_of_an_epoch():
    batches = ImageBatches(images(), batch=20, seed=0)
    for _ in range(6):  # into the second epoch
        next(batches)
    state = batches.state_dict()
    unbroken = [next(batches).image for _ in range(8)]
    fresh = ImageBatches(images(), batch=20, seed=7)
    fresh.load_state_dict(state)
    assert all(torch.equal(next(fresh).image, image) for image in unbroken)


def test_processes_share_one_large_batch():
    whole = ImageBatches(images(), batch=16, seed=5)
    shares = [ImageBatches(images(), 8, 5, rank, processes=2) for rank in (0, 1)]
    for _ in range(9):
        together = torch.cat([next(share).image for share in shares])
        assert torch.equal(together, next(whole).image)


def log_likelihood(mixture: Mixture, codes: torch.Tensor) -> torch.Tensor:
    """Of each code [nats], by torch's own mixture."""
    if mixture.cholesky is None:
        each = Independent(Bernoulli(mixture.mean), 1)
    else:
        each = MultivariateNormal(mixture.mean, scale_tril=mixture.cholesky)
    return MixtureSameFamily(Categorical(mixture.weight), each).log_prob(codes)


def test_the_gaussian_mixture_is_scikit_learns():
    rng = np.random.default_rng(0)
    codes = np.concatenate([rng.normal(-3, 0.5, (300, 2)), rng.normal(3, 1, (300, 2))])
    tensor = torch.tensor(codes, dtype=torch.float32)
    mixture = fit_gaussians(tensor, components=2, seed=0)
    theirs = GaussianMixture(2, max_iter=40, reg_covar=1e-4, random_state=0).fit(codes)
    ours = log_likelihood(mixture, tensor).numpy()
    np.testing.assert_allclose(ours, theirs.score_samples(codes), atol=1e-2)
    drawn = mixture.sample(20_000, torch.Generator().manual_seed(0))
    np.testing.assert_allclose(drawn.mean(0), codes.mean(0), atol=0.1)
    np.testing.assert_allclose(np.cov(drawn.numpy().T), np.cov(codes.T), atol=0.3)


def test_the_mixture_of_bits_finds_two_kinds_of_codes():
    kinds = torch.tensor([[0.95, 0.95, 0.05, 0.05], [0.05, 0.05, 0.95, 0.95]])
    bits = torch.bernoulli(kinds[torch.arange(2000) % 2])
    mixture = fit_bernoullis(bits, components=2)
    found = mixture.mean[mixture.mean[:, 0].argsort(descending=True)]
    torch.testing.assert_close(found, kinds, atol=0.05, rtol=0)
    torch.testing.assert_close(mixture.weight, torch.tensor([0.5, 0.5]), atol=0.05, rtol=0)
    drawn = mixture.sample(4000, torch.Generator().manual_seed(0))
    assert ((drawn[:, 0] == drawn[:, 1]).float().mean() - 0.905).abs() < 0.03
    every = torch.tensor(
        [[a, b, c, d] for a in (0, 1) for b in (0, 1) for c in (0, 1) for d in (0, 1)]
    )
    assert log_likelihood(mixture, every.float()).exp().sum().item() == pytest.approx(1, abs=1e-4)


def test_inversion_finds_a_code_of_the_image():
    weight = torch.randn(3, 16)

    def draw(code):
        return (code @ weight).sigmoid().view(-1, 1, 4, 4)

    wanted = draw(torch.randn(5, 3))
    found = invert(draw, wanted, 3, steps=300)
    assert (draw(found) - wanted).square().sum(dim=(1, 2, 3)).max() < 0.05


def test_tiles_hold_the_images_in_reading_order():
    pictures = torch.stack([torch.full((1, 2, 2), value) for value in (0.0, 1.0, 0.2)])
    sheet = tile(pictures, columns=2)
    assert sheet.shape == (7, 7, 3)
    assert sheet[1, 1].tolist() == [0] * 3 and sheet[1, 4].tolist() == [255] * 3
    assert sheet[4, 1].tolist() == [51] * 3 and sheet[4, 4].tolist() == [96] * 3


def test_the_path_between_codes_keeps_their_length():
    codes = torch.nn.functional.normalize(torch.randn(4, 200), dim=1)
    path = between(codes, steps=5).view(2, 5, 200)
    torch.testing.assert_close(path[:, 0], codes[:2])
    torch.testing.assert_close(path[:, -1], codes[2:])
    assert ((path.norm(dim=-1) - 1).abs() < 0.2).all()


def test_a_film_stays_short_and_is_written_as_a_gif(tmp_path):
    film = Film()
    for _ in range(FILM_FRAMES + 5):
        film.add(torch.rand(4, 1, 8, 8))
    assert FILM_FRAMES / 2 <= len(film.frames) <= FILM_FRAMES
    film.write(tmp_path / "film.gif")
    with Image.open(tmp_path / "film.gif") as opened:
        assert getattr(opened, "n_frames", 1) == len(film.frames)


def test_pictures_are_written_and_two_dimensions_have_a_plane(tmp_path):
    model = VAE(bars(), VAEConfig(batch=8, channels=4, hidden=16, latent=2), device="cpu")
    model.figures()
    names = {path.name for path in write_pictures(model, tmp_path / "pictures")}
    assert names == {
        "prior.png",
        "fitted.png",
        "reconstruction.png",
        "interpolation.png",
        "traversal.png",
        "plane.png",
        "transport_plan.png",
        "training.gif",
    }
