"""Boxes on images: reading and painting through them, the box of an object, how right they are.

A box is top, left, bottom and right, in pixels.
"""

from itertools import permutations

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import ndimage
from torch import Tensor

from hringur.data.images.scenes import MOST
from hringur.generative.scenes.batches import SceneBatch
from hringur.types import Metrics

BRIGHT, LEAST_PIXELS = 0.25, 6
"""Light of a pixel of a connected region, and the pixels of the smallest one that is counted."""


def read(
    image: Float[Tensor, "B C side side"], box: Float[Tensor, "B 4"], texels: int
) -> Float[Tensor, "B C T T"]:
    """What is in each box, at ``texels`` squared: a spatial transformer without rotation.

    Bilinear interpolation (Jaderberg et al. 2015, eq. 5), which is differentiable in the box.
    """
    middle = (torch.arange(texels, device=box.device) + 0.5) / texels
    place = box[:, :2, None] + middle * (box[:, 2:] - box[:, :2])[:, :, None] - 0.5  # B 2 T
    weight = _hat(place, image.shape[-1])  # B 2 T side
    return weight[:, None, 0] @ image @ weight[:, None, 1].mT


def write(
    texture: Float[Tensor, "B C T T"], box: Float[Tensor, "B 4"], side: int
) -> Float[Tensor, "B C side side"]:
    """Each texture stretched to its box, on black: the inverse of ``read``."""
    texels = texture.shape[-1]
    middle = torch.arange(side, device=box.device) + 0.5
    extent = (box[:, 2:] - box[:, :2])[:, :, None]
    place = (middle - box[:, :2, None]) / extent * texels - 0.5  # B 2 side
    weight = _hat(place, texels)  # B 2 side T
    return weight[:, None, 0] @ texture @ weight[:, None, 1].mT


def _hat(place: Float[Tensor, "B 2 M"], cells: int) -> Float[Tensor, "B 2 M cells"]:
    """Weight of each cell in a bilinear interpolation at ``place``."""
    return (1 - (place[..., None] - torch.arange(cells, device=place.device)).abs()).relu()


def ink_box(light: Float[Tensor, "B K C side side"]) -> Float[Tensor, "B K 4"]:
    """The smallest box with every pixel that is at least half as bright as the brightest one."""
    bright = light.amax(dim=2)
    inside = bright >= 0.5 * bright.amax(dim=(2, 3), keepdim=True).clamp_min(1e-3)
    ends = []
    for axis in (3, 2):
        line = inside.any(dim=axis).float()  # B K side
        ends.append((line.argmax(dim=2), line.shape[2] - line.flip(2).argmax(dim=2)))
    (top, bottom), (left, right) = ends
    return torch.stack([top, left, bottom, right], dim=2).float()


def overlap(box: Float[Tensor, "*#batch 4"], other: Float[Tensor, "*#batch 4"]) -> Tensor:
    """Intersection over union of boxes (top, left, bottom, right)."""
    common = torch.minimum(box[..., 2:], other[..., 2:]) - torch.maximum(
        box[..., :2], other[..., :2]
    )
    both = common.clamp_min(0).prod(dim=-1)
    areas = (box[..., 2:] - box[..., :2]).prod(-1) + (other[..., 2:] - other[..., :2]).prod(-1)
    return both / (areas - both).clamp_min(1e-6)


def mean_overlap(
    box: Float[Tensor, "B K 4"], count: Int[Tensor, " B"], true: SceneBatch
) -> Float[Tensor, ""]:
    """Mean intersection over union of the true boxes, each matched to at most one found.

    The matching is the best one of a scene; a box that is not found counts 0.
    """
    slots = max(MOST, box.shape[1])
    found = torch.zeros(len(box), slots, 4, device=box.device)
    found[:, : box.shape[1]] = (
        box * (torch.arange(box.shape[1], device=box.device) < count[:, None])[..., None]
    )
    pairs = overlap(found[:, :, None], true.box[:, None])  # B slots MOST
    chosen = torch.arange(MOST)
    best = torch.stack(
        [pairs[:, list(order), chosen].sum(dim=1) for order in permutations(range(slots), MOST)]
    ).amax(dim=0)
    return best.sum() / true.count.sum().clamp_min(1)


def percent_right(count: Int[Tensor, " B"], true: SceneBatch) -> float:
    """Share of scenes whose count is right [%]."""
    return 100 * (count == true.count).double().mean().item()


def region_measures(ordinary: SceneBatch, full: SceneBatch) -> Metrics:
    """Figures of counting connected regions of bright pixels."""
    count, box = regions(ordinary)
    return {
        "evaluation/count_accuracy_percent": percent_right(count, ordinary),
        "evaluation/three_objects_percent": percent_right(regions(full)[0], full),
        "evaluation/box_overlap": mean_overlap(box, count.clamp(max=MOST), ordinary).item(),
    }


def regions(scenes: SceneBatch) -> tuple[Int[Tensor, " B"], Float[Tensor, "B most 4"]]:
    """Number of connected regions, and the boxes of the ``MOST`` largest ones."""
    bright = scenes.image.amax(dim=1).cpu().numpy() > BRIGHT
    counts, boxes = np.zeros(len(bright), np.int64), np.zeros((len(bright), MOST, 4), np.float32)
    for row, one in enumerate(bright):  # scipy labels one image at a time
        labels, _ = ndimage.label(one, np.ones((3, 3)))
        pixels = np.bincount(labels.ravel())[1:]
        large = np.argsort(-pixels, kind="stable")[: (pixels >= LEAST_PIXELS).sum()]
        counts[row], found = len(large), ndimage.find_objects(labels)
        for slot, region in enumerate(large[:MOST].tolist()):
            down, across = found[region]
            boxes[row, slot] = down.start, across.start, down.stop, across.stop
    device = scenes.image.device
    return torch.tensor(counts, device=device), torch.tensor(boxes, device=device)
