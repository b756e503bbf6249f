"""The network of attend, infer, repeat: it finds objects one after the other, and paints them."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from hringur.data.images.scenes import MOST, SIDE
from hringur.generative.scenes.boxes import read, write

TEXELS = 20
"""Pixels along what is read from a box, and along what is painted into it."""

SHARES = (0.12, 0.56)
"""Least and most length of a box, as a share of the image's."""

PLACE = ((0.0, 1.5), (-0.4, 0.7))
"""Mean and standard deviation of a box's middle and of its length before their sigmoids."""

WIDER = 1.4
"""Length of the box that a first guess is corrected from, over the guess's own."""


class Explanation(NamedTuple):
    """What the network makes of a batch of scenes, with all objects that it can have."""

    light: Float[Tensor, "B K C side side"]
    """of each object"""

    rate: Float[Tensor, "B K"]
    """log q - log p of each object's box and code [nats], in expectation given those before"""

    logits: Float[Tensor, "B counts"]
    """log probability of each count"""


class SceneNetwork(nn.Module):
    """Finds objects one after the other, and paints them."""

    forward_methods = ("explain", "counter")

    def __init__(self, config: Any, channels: int, learned: nn.Module) -> None:
        super().__init__()
        self.config = config
        seen, patch, width = channels * (SIDE // 2) ** 2, channels * TEXELS**2, config.width
        self.look = nn.Sequential(
            nn.Linear(seen, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        )
        self.find = nn.Linear(width, 3)  # height, width, and whether it exists
        self.middle = nn.Sequential(
            nn.Conv2d(channels, 8, 7, padding=3), nn.ReLU(), nn.Conv2d(8, 1, 7, padding=3)
        )
        self.describe = nn.Sequential(
            nn.Linear(patch, width), nn.ReLU(), nn.Linear(width, 2 * config.latent)
        )
        self.paint = nn.Sequential(
            nn.Linear(config.latent, width), nn.ReLU(), nn.Linear(width, patch)
        )
        self.classify = nn.Linear(width, MOST + 1)
        self.of_estimator = learned
        last = nn.Linear(width, 8)
        self.refine = nn.Sequential(nn.Linear(patch, width), nn.ReLU(), last)
        with torch.no_grad():  # boxes begin in the middle, and certain enough to be read
            self.find.weight[:2] = 0
            last.weight.zero_()
            last.bias.copy_(torch.tensor([0.0] * 4 + [-1.5] * 4))

    def counter(self, image: Float[Tensor, "B C side side"]) -> Float[Tensor, "B counts"]:
        """Logits of the counts, of the supervised counter."""
        return self.classify(self.look(F.avg_pool2d(image, 2).flatten(1)))

    def explain(self, image: Float[Tensor, "B C side side"], random: bool = True) -> Explanation:
        """Boxes and codes drawn from q, or their means."""
        left, lights, rates, presences = image, [], [], []
        for _ in range(self.config.most_objects):
            small = F.avg_pool2d(left, 2)
            hidden = self.look(small.flatten(1))
            extent, presence = self.find(hidden).split([2, 1], dim=1)
            rough = torch.cat([choose(self.middle(small)), extent], dim=1)
            around = read(left, as_box(rough, WIDER), TEXELS)
            change, log_std = self.refine(around.flatten(1)).chunk(2, dim=1)
            mean = rough + change.tanh()
            place, far = self.normal(mean, log_std), self.place_prior(mean)
            raw = place.rsample() if random else mean
            box = as_box(raw)
            code_of = self.describe(read(left, box, TEXELS).flatten(1)).chunk(2, dim=1)
            code = self.normal(*code_of)
            what = code.rsample() if random else code.mean
            texture = (self.paint(what) - 2).sigmoid().unflatten(1, (-1, TEXELS, TEXELS))
            light = write(texture, box, SIDE)
            left = left - light
            own = Normal(torch.zeros_like(what), 1.0, validate_args=False)
            rates.append(kl_divergence(place, far).sum(1) + kl_divergence(code, own).sum(1))
            lights.append(light)
            presences.append(presence)
        presence = torch.cat(presences, dim=1)
        reached = F.pad(F.logsigmoid(presence).cumsum(dim=1), (1, 0))
        ended = F.pad(F.logsigmoid(-presence), (0, 1))
        return Explanation(torch.stack(lights, 1), torch.stack(rates, 1), reached + ended)

    def normal(self, mean: Tensor, log_std: Tensor) -> Normal:
        """A normal distribution whose standard deviation stays within reason."""
        return Normal(mean, log_std.clamp(-6, 2).exp(), validate_args=False)

    def place_prior(self, like: Tensor) -> Normal:
        """Prior of a box."""
        (middle, spread), (length, variety) = PLACE
        mean = like.new_tensor([middle, middle, length, length])
        return Normal(mean, like.new_tensor([spread, spread, variety, variety]))


def choose(score: Float[Tensor, "B 1 cells cells"]) -> Float[Tensor, "B 2"]:
    """Logit of the mean place down and across, in 0 .. 1, of a softmax over cells."""
    chance = score.flatten(1).softmax(dim=1).unflatten(1, score.shape[2:])
    grid = (torch.arange(score.shape[2], device=score.device) + 0.5) / score.shape[2]
    place = torch.stack([chance.sum(dim=2) @ grid, chance.sum(dim=1) @ grid], dim=1)
    return torch.logit(place, 1e-3)


def as_box(raw: Float[Tensor, "B 4"], wider: float = 1.0) -> Float[Tensor, "B 4"]:
    """Top, left, bottom, right [pixels] of a box from four numbers without bounds."""
    middle, share = raw.sigmoid().chunk(2, dim=1)
    least, most = SHARES
    half = 0.5 * wider * SIDE * (least + (most - least) * share)
    return torch.cat([SIDE * middle - half, SIDE * middle + half], dim=1)


def error(
    image: Float[Tensor, "B C side side"],
    found: Explanation,
    choice: Float[Tensor, "S B counts"],
    noise: float,
) -> Float[Tensor, "S B"]:
    """-log p(x|n, w), less a constant, and the rates of the objects that are there [nats]."""
    presence = choice.flip(2).cumsum(dim=2).flip(2)[:, :, 1:]  # S B K
    light = found.light.flatten(2)  # B K pixels
    made = torch.einsum("sbk,bkp->sbp", presence, light)
    squared = (made - image.flatten(1)).square().sum(dim=2)
    return squared / (2 * noise**2) + (presence * found.rate).sum(dim=2)
