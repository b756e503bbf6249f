"""A code for an image where no encoder was trained: the one that the generator rebuilds best.

    z*(x) = argmin_z |x - G(z)|^2 + |z|^2 * pull

by gradient from several beginnings; the last term keeps codes where the prior draws them. (The
generator's inverse need not exist: what it cannot draw, it rebuilds badly.)
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

STARTS = 4
STEPS = 60
PULL = 0.01
STEP_SIZE = 0.1


def invert(
    draw: Callable[[Tensor], Tensor],
    image: Float[Tensor, "B C H W"],
    latent: int,
    steps: int = STEPS,
) -> Float[Tensor, "B Z"]:
    """Codes that ``draw`` makes the images of, as nearly as a descent from 4 beginnings finds."""
    generator = torch.Generator().manual_seed(0)
    starts = torch.randn(STARTS, latent, generator=generator)  # the same for every image
    begin = starts.repeat_interleave(len(image), dim=0).to(image.device)
    wanted = image.repeat(STARTS, 1, 1, 1)
    with torch.enable_grad():
        code = begin.requires_grad_()
        optimizer = torch.optim.Adam([code], lr=STEP_SIZE)
        for _ in range(steps):
            optimizer.zero_grad()
            (_error(draw, code, wanted) + PULL * code.square().sum(dim=1)).sum().backward()
            optimizer.step()
    with torch.no_grad():
        error = _error(draw, code, wanted).view(STARTS, -1)
        best = error.argmin(dim=0)
        return code.view(STARTS, len(image), latent)[best, torch.arange(len(image))].detach()


def _error(draw: Callable[[Tensor], Tensor], code: Tensor, image: Tensor) -> Tensor:
    return (draw(code) - image).square().sum(dim=(1, 2, 3))
