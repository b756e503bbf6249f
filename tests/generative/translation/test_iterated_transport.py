"""Maps of patches: beside POT's plan, and where the answer is known."""

import ot
import pytest
import torch

from hringur.generative.networks import ImageShape
from hringur.generative.translation import iterated_transport
from hringur.generative.translation.iterated_transport import PatchTranslator, doubt


def patches(second, channels=1):
    return PatchTranslator(ImageShape(channels, *second.shape[-2:]), 4, second)


def of_bytes(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("power", [1.0, 0.5])
def test_the_map_is_the_mean_of_pots_plan(power, monkeypatch):
    """With one cost for all windows, and so many iterations that both have converged."""
    monkeypatch.setattr(iterated_transport, "SCALINGS", 1000)
    monkeypatch.setattr(iterated_transport, "WHOLE", 1e3)  # nothing else counts
    monkeypatch.setattr(iterated_transport, "BLUR", 0.2)
    second = of_bytes(7, 1, 8, 8)
    made = of_bytes(7, 1, 8, 8, seed=1).float() / 255
    model = patches(second)
    model.find_plans(made)
    x, y = made.flatten(1), second.flatten(1).float() / 255
    cost = 1e3 * torch.cdist(x, y).double().square() / 64
    epsilon = iterated_transport.BLUR * cost.min(dim=1).values.mean().item()
    uniform = torch.full((7,), 1 / 7, dtype=torch.float64)
    plan = ot.sinkhorn(uniform, uniform, cost, epsilon, method="sinkhorn_log").float() ** power
    expected = (plan @ y / plan.sum(dim=1, keepdim=True)).view_as(made)
    torch.testing.assert_close(model.transported(made, power), expected, atol=2e-2, rtol=0)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 10, 13)])
def test_images_of_the_second_set_are_mapped_to_themselves(shape):
    second = of_bytes(20, *shape)
    model = patches(second, shape[0])
    image = second.float() / 255
    assert torch.equal(model.translate(image), image)  # before the first round
    model.find_plans(image)
    torch.testing.assert_close(model.translate(image), image, atol=1e-4, rtol=0)


def test_doubt_compares_a_target_with_where_it_came_from():
    second = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1)
    image, target = (torch.tensor(it).view(3, 1, 1, 1) for it in ([0.5, 0.2, 0.4], [1.0, 0.6, 0.8]))
    expected = torch.tensor([0.0, (0.4 / 0.8) ** 2, (0.2 / 0.6) ** 2])
    torch.testing.assert_close(doubt(image, target, second), expected)


def test_every_pixel_is_in_a_window_at_any_size():
    for height, width in ((2, 2), (3, 7), (28, 28), (64, 64)):
        model = patches(torch.zeros(1, 1, height, width, dtype=torch.uint8))
        seen = torch.zeros(height, width)
        for rows, columns in model._windows():
            seen[rows, columns] += 1
        assert seen.min() >= 1 and seen.max() <= 9
