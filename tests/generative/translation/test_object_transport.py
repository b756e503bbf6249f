"""Silhouettes, their frames and views, and objects whose true looks are known."""

import math

import ot
import pytest
import torch

from hringur.generative.networks import ImageShape
from hringur.generative.translation import object_transport
from hringur.generative.translation.object_transport import (
    Frame,
    ObjectTranslator,
    frame_of,
    moved_to,
    silhouettes,
    turns,
)

SIDE = 32
BENT = ((-8, 8, -6, 0), (2, 8, -6, 9))
CROSS = ((-9, 9, -2, 2), (-7, -2, -8, 8))
"""Rectangles, top, bottom, left and right of an object's middle [pixels]."""


def shaped(rectangles, turn=0.0, scale=1.0, centre=(0.0, 0.0), mirror=1.0):
    """Where an object is, and what is on its right hand as it sees it."""
    down, across = torch.meshgrid(*[torch.arange(SIDE) - (SIDE - 1) / 2] * 2, indexing="ij")
    x, y = (across - centre[0]) / scale, (down - centre[1]) / scale
    cos, sin = math.cos(turn), math.sin(turn)
    x, y = mirror * (cos * x + sin * y), cos * y - sin * x
    inside = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    for top, bottom, left, right in rectangles:
        inside |= (y >= top) & (y <= bottom) & (x >= left) & (x <= right)
    return inside, inside & (x > 0)


def coloured(rectangles, painted, seed, **pose):
    """An object in grey, or red with a blue right half, on two stripes of random colours."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(3, 2, 1, generator=generator).repeat_interleave(SIDE // 2, dim=1)
    image = image.expand(3, SIDE, SIDE).clone()
    inside, right = shaped(rectangles, **pose)
    image[:, inside] = 0.5
    if painted:
        image[:, inside] = torch.tensor([0.9, 0.1, 0.1])[:, None]
        image[:, right] = torch.tensor([0.1, 0.1, 0.9])[:, None]
    return image


def poses(count, seed):
    generator = torch.Generator().manual_seed(seed)
    for draw in torch.rand(count, 5, generator=generator).tolist():
        yield {
            "turn": 0.6 * (draw[0] - 0.5),
            "scale": 0.8 + 0.3 * draw[1],
            "centre": (4 * draw[2] - 2, 4 * draw[3] - 2),
            "mirror": 1.0 if draw[4] < 0.5 else -1.0,
        }


def test_a_silhouette_is_what_the_ground_at_its_height_is_not():
    image = coloured(CROSS, True, seed=0)
    expected, _ = shaped(CROSS)
    assert torch.equal(silhouettes(image[None])[0], expected.float())
    grey = image[:1] * 0 + torch.linspace(0, 1, SIDE)[:, None]  # a ground and nothing on it
    assert silhouettes(grey[None]).max() < 0.2


def test_a_frame_has_the_moments_of_a_rectangle():
    shade = torch.zeros(2, 20, 30)
    shade[0, 4:10, 3:13] = 0.7
    frame = frame_of(shade)
    torch.testing.assert_close(frame.centre[0], torch.tensor([7.5 - 14.5, 6.5 - 9.5]))
    expected = math.sqrt(((6**2 - 1) / 12 + (10**2 - 1) / 12) / 2)
    assert frame.spread[0].item() == pytest.approx(expected, abs=1e-4)
    assert frame.centre[1].tolist() == [0, 0] and frame.spread[1] == 1  # nothing there


def test_what_is_moved_lies_where_the_other_frame_is():
    image = torch.rand(1, 2, 9, 9)
    middle = Frame(torch.zeros(1, 2), torch.full((1,), 2.0))
    straight, mirrored = turns(image.device).chunk(2)
    assert torch.allclose(straight[len(straight) // 2], torch.eye(2), atol=1e-6)
    quarter = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    for turn, expected in (
        (straight[len(straight) // 2], image),
        (mirrored[len(mirrored) // 2], image.flip(3)),
        (quarter, torch.rot90(image, 1, dims=(2, 3))),
    ):
        moved = moved_to(image, middle, middle, turn[None])
        torch.testing.assert_close(moved, expected, atol=1e-5, rtol=0)
    right = Frame(torch.tensor([[3.0, -1.0]]), torch.full((1,), 2.0))
    moved = moved_to(image, middle, right, torch.eye(2)[None])
    torch.testing.assert_close(moved[..., :8, 3:], image[..., 1:, :6], atol=1e-5, rtol=0)
    assert moved[..., 8, :].abs().max() == 0 and moved[..., :3].abs().max() == 0
    twice = Frame(torch.zeros(1, 2), torch.full((1,), 4.0))
    moved = moved_to(image, middle, twice, torch.eye(2)[None])
    torch.testing.assert_close(moved[..., ::2, ::2], image[..., 2:7, 2:7], atol=1e-5, rtol=0)


def translator(second):
    pixels = (255 * second).round().to(torch.uint8)
    return ObjectTranslator(ImageShape(*second.shape[1:]), 4, pixels)


def test_the_map_is_the_mean_of_pots_plan(monkeypatch):
    """All is ground and in one frame, so that a target is the mean of what is painted."""
    monkeypatch.setattr(object_transport, "SCALINGS", 1000)
    monkeypatch.setattr(object_transport, "PARTNERS", 6)
    cost = torch.rand(6, 6, generator=torch.Generator().manual_seed(0))
    second = torch.rand(6, 1, 9, 9, generator=torch.Generator().manual_seed(1))
    model = translator(second)
    frame = Frame(torch.zeros(6, 2), torch.ones(6))
    straight = torch.full((6, 6), object_transport.TURNS // 2)
    monkeypatch.setattr(model, "_seen", lambda *given: (frame, frame, cost, straight))
    model.pixels.view(6, 2, 81)[:, 1] = 255  # everything is object
    target, mean_cost = model.find_plan(torch.zeros(6, 1, 9, 9))
    epsilon = object_transport.BLUR * cost.min(dim=1).values.mean().item()
    uniform = torch.full((6,), 1 / 6, dtype=torch.float64)
    plan = 6 * ot.sinkhorn(uniform, uniform, cost.double(), epsilon, method="sinkhorn_log").float()
    expected = torch.einsum("ij,jkhw->ikhw", plan, second)
    torch.testing.assert_close(target, expected, atol=5e-3, rtol=0)
    torch.testing.assert_close(mean_cost, (plan * cost).sum(dim=1), atol=1e-3, rtol=0)


def test_objects_are_painted_like_their_own_kind():
    """Grey objects of two kinds; the true looks of each follow from its kind and its pose."""
    kinds = [(kind, pose) for kind in (BENT, CROSS) for pose in poses(12, seed=len(kind[0]))]
    image, truth = (
        torch.stack([coloured(kind, side, number, **pose) for number, (kind, pose) in
                     enumerate(kinds)]) for side in (False, True)
    )  # fmt: skip
    others = [(kind, pose) for kind in (BENT, CROSS) for pose in poses(40, seed=9)]
    second = torch.stack(
        [coloured(kind, True, 500 + number, **pose) for number, (kind, pose) in enumerate(others)]
    )
    model = translator(second)
    target, cost = model.find_plan(image)
    error, nothing = ((it - truth).square().mean() for it in (target, image))
    assert error < 0.5 * nothing and cost.shape == (24,)
    trusted = cost <= model.dearest
    assert trusted.float().mean().item() == pytest.approx(object_transport.TRUSTED, abs=0.05)
    translated = torch.where(trusted[:, None, None, None], target, image)  # a network at its start
    torch.testing.assert_close(model.translate(image), translated)
    alone, _ = translator(second[40:]).find_plan(image[:12])  # crosses only: none is bent
    assert (alone - truth[:12]).square().mean() > 1.5 * (target - truth)[:12].square().mean()
