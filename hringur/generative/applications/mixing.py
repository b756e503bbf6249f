"""Two images mixed into one: paths between their codes, and how smooth and how real they are.

========== ==================================================================================
path       from the code of the first image to that of the second
========== ==================================================================================
line       the straight line, as ``interpolate`` has it
sphere     along the great circle (Shoemake 1985), the length growing evenly: a line passes nearer
           the middle, where a normal prior has no mass
geodesic   the shortest path of images: codes whose decoded images have the least energy,
           the sum of squared steps (Arvanitidis et al. 2018), by gradient descent from the line
pixels     no code at all: the pixels are mixed; what every path must beat
========== ==================================================================================

A GAN has no encoder; its codes are found by inversion (``hringur/generative/adversarial.py``).
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hringur.divergences.features import neighbourhoods
from hringur.evaluators.images import ImageEvaluator
from hringur.generative.model import ImageModel
from hringur.types import Metrics, UserError

AT_ONCE = 100
"""Paths that are measured together; each has its own images in memory."""

DESCENT_STEPS, DESCENT_RATE = 60, 0.05
"""Updates of Adam that shorten a geodesic, and their learning rate."""

Path = Float[Tensor, "B S C H W"]
Codes = Float[Tensor, "B S Z"]


def mix(model: ImageModel, left: Any, right: Any, steps: int = 9, path: str = "sphere") -> Path:
    """From each left image to its right one in ``steps`` images, both ends decoded, in 0 .. 1.

    Raises:
        UserError: the path is unknown, there are fewer than 3 steps, or sizes differ.
    """
    if path not in PATHS:
        raise UserError(f"path must be one of {', '.join(PATHS)}, got {path!r}")
    if steps < 3:
        raise UserError(f"steps must be at least 3, got {steps}")
    if path == "pixels":
        return line(model.pixels(left).flatten(1), model.pixels(right).flatten(1), steps).unflatten(
            2, tuple(model.shape)
        )
    start, end = model.encode(left), model.encode(right)
    codes = (
        geodesic(model, start, end, steps) if path == "geodesic" else PATHS[path](start, end, steps)
    )
    return model.decode(codes.flatten(0, 1)).unflatten(0, codes.shape[:2])


def line(start: Float[Tensor, "B Z"], end: Float[Tensor, "B Z"], steps: int) -> Codes:
    """Evenly spaced on the straight line."""
    share = torch.linspace(0, 1, steps, device=start.device)[:, None]
    return start[:, None] + share * (end - start)[:, None]


def sphere(start: Float[Tensor, "B Z"], end: Float[Tensor, "B Z"], steps: int) -> Codes:
    """Evenly spaced in angle about the origin and in distance from it."""
    lengths = (start.norm(dim=1), end.norm(dim=1))
    one, other = (
        code / length.clamp_min(1e-12)[:, None]
        for code, length in zip((start, end), lengths, strict=True)
    )
    angle = (one * other).sum(dim=1).clamp(-1, 1).acos()[:, None, None]
    share = torch.linspace(0, 1, steps, device=start.device)[:, None]
    sine = angle.sin()
    along = torch.where(
        sine > 1e-4,  # else the great circle is a point, or there are many
        (((1 - share) * angle).sin() * one[:, None] + (share * angle).sin() * other[:, None])
        / sine.clamp_min(1e-4),
        (1 - share) * one[:, None] + share * other[:, None],
    )
    return along * line(lengths[0][:, None], lengths[1][:, None], steps)


def geodesic(
    model: Any, start: Float[Tensor, "B Z"], end: Float[Tensor, "B Z"], steps: int
) -> Codes:
    """Codes from one to the other whose images take the smallest steps, in squared pixels."""
    begun = line(start, end, steps)
    inner = begun[:, 1:-1].detach().clone().requires_grad_()
    optimizer = torch.optim.Adam([inner], lr=DESCENT_RATE)
    with torch.enable_grad():
        for _ in range(DESCENT_STEPS):
            codes = torch.cat([begun[:, :1], inner, begun[:, -1:]], dim=1)
            images = model.logits(codes.flatten(0, 1)).sigmoid().unflatten(0, codes.shape[:2])
            energy = (images[:, 1:] - images[:, :-1]).square().sum()
            optimizer.zero_grad()
            energy.backward()
            optimizer.step()
    return torch.cat([begun[:, :1], inner.detach(), begun[:, -1:]], dim=1)


PATHS: dict[str, Callable[..., Codes]] = {
    "line": line,
    "sphere": sphere,
    "geodesic": geodesic,
    "pixels": line,
}
"""Where the codes between two codes are taken."""


def grid(model: ImageModel, corners: Any, steps: int = 7, path: str = "sphere") -> Path:
    """Between four images (upper left, upper right, lower left, lower right): rows of images."""
    if path == "geodesic":
        raise UserError("path must be line, sphere or pixels for four images, got 'geodesic'")
    if path == "pixels":
        sides = mix(model, corners[::2], corners[1::2], steps, path)
        rows = line(sides[0].flatten(1), sides[1].flatten(1), steps).transpose(0, 1)
        return rows.unflatten(2, tuple(model.shape))
    codes = model.encode(corners)
    across = PATHS[path](codes[::2], codes[1::2], steps)  # 2 S Z
    rows = PATHS[path](across[0], across[1], steps).transpose(0, 1)
    return model.decode(rows.flatten(0, 1)).unflatten(0, (steps, steps))


def measure_mixing(
    model: ImageModel, evaluator: ImageEvaluator, pairs: int, steps: int, path: str
) -> Metrics:
    """Smoothness and realism of paths between held-out images, in the classifier's features.

    Smoothness is the largest step over the mean step of a path, 1 at best, averaged over the
    paths. Realism is the precision of the images between the ends (Kynkaanniemi et al. 2019).
    """
    held_out = evaluator.held_out[: 2 * pairs]
    ends = zip(held_out[::2].split(AT_ONCE), held_out[1::2].split(AT_ONCE), strict=True)
    made = (mix(model, left, right, steps, path) for left, right in ends)
    features = torch.cat(
        [evaluator.classifier.features(m.flatten(0, 1)).unflatten(0, m.shape[:2]) for m in made]
    )
    step = (features[:, 1:] - features[:, :-1]).norm(dim=2)  # B S-1
    smoothness = step.amax(dim=1) / step.mean(dim=1).clamp_min(1e-12)
    between = neighbourhoods(evaluator.features, features[:, 1:-1].flatten(0, 1))
    return {"smoothness": smoothness.mean().item(), "precision": between.precision}
