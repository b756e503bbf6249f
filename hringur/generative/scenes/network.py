"""The network of attend, infer, repeat: it finds objects one after the other, and paints them."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
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

REFINING_RATE = 0.1
"""Learning rate of Adam on the places and codes of one scene."""


class Explanation(NamedTuple):
    """What the network makes of a batch of scenes, with all objects that it can have."""

    light: Float[Tensor, "B K C side side"]
    """of each object"""

    rate: Float[Tensor, "B K"]
    """log q - log p of each object's box and code [nats], in expectation given those before"""

    logits: Float[Tensor, "B counts"]
    """log probability of each count"""

    place: Float[Tensor, "B K 4"]
    """numbers behind the boxes, as ``as_box`` takes them"""

    code: Float[Tensor, "B K Z"]

    def of(self, chosen: Int[Tensor, "B n"]) -> "Explanation":
        """With the chosen objects of each scene alone."""
        rows = torch.arange(len(chosen), device=chosen.device)[:, None]
        parts = (part[rows, chosen] for part in (self.light, self.rate, self.place, self.code))
        light, rate, place, code = parts
        return Explanation(light, rate, self.logits, place, code)


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
        left, presences = image, []
        made: tuple[list[Tensor], ...] = ([], [], [], [])  # light, rate, place, code
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
            light = self.painted(box, what)
            left = left - light
            own = Normal(torch.zeros_like(what), 1.0, validate_args=False)
            rate = kl_divergence(place, far).sum(1) + kl_divergence(code, own).sum(1)
            for part, every in zip((light, rate, raw, what), made, strict=True):
                every.append(part)
            presences.append(presence)
        presence = torch.cat(presences, dim=1)
        reached = F.pad(F.logsigmoid(presence).cumsum(dim=1), (1, 0))
        ended = F.pad(F.logsigmoid(-presence), (0, 1))
        lights, rates, places, codes = (torch.stack(part, dim=1) for part in made)
        return Explanation(lights, rates, reached + ended, places, codes)

    def painted(
        self, box: Float[Tensor, "B 4"], code: Float[Tensor, "B Z"]
    ) -> Float[Tensor, "B C side side"]:
        """What a code looks like in its box."""
        texture = (self.paint(code) - 2).sigmoid().unflatten(1, (-1, TEXELS, TEXELS))
        return write(texture, box, SIDE)

    def surprise(
        self, place: Float[Tensor, "B K 4"], code: Float[Tensor, "B K Z"]
    ) -> Float[Tensor, "B K"]:
        """-log p of places and codes, less a constant [nats]."""
        far = self.place_prior(place)
        away = ((place - far.mean) / far.stddev).square().sum(dim=2)
        return 0.5 * (away + code.square().sum(dim=2))

    def refined(
        self, image: Float[Tensor, "B C side side"], found: Explanation, steps: int
    ) -> tuple[Float[Tensor, " B"], Float[Tensor, "B K C side side"]]:
        """The best cost [nats] and its light on a climb of the bound from objects that are there.

        Means of places and codes move; how certain they are stays what it was.
        """
        spread = found.rate - self.surprise(found.place, found.code)
        place, code = (part.clone().requires_grad_() for part in (found.place, found.code))
        optimizer = torch.optim.Adam([place, code], lr=REFINING_RATE)
        least, light = error_of_all(image, found, self.config.noise), found.light
        for _ in range(steps if found.rate.shape[1] else 0):
            with torch.enable_grad():
                flat = self.painted(as_box(place.flatten(0, 1)), code.flatten(0, 1))
                now = found._replace(
                    light=flat.unflatten(0, place.shape[:2]),
                    rate=spread + self.surprise(place, code),
                )
                cost = error_of_all(image, now, self.config.noise)
                place.grad, code.grad = torch.autograd.grad(cost.sum(), [place, code])
            better = cost.detach() < least
            least = torch.where(better, cost.detach(), least)
            light = torch.where(better[:, None, None, None, None], now.light.detach(), light)
            optimizer.step()
        return least, light

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


def error_of_all(
    image: Float[Tensor, "B C side side"], found: Explanation, noise: float
) -> Float[Tensor, " B"]:
    """The same of all objects of ``found`` [nats]."""
    choice = image.new_zeros(1, *found.rate.shape)
    return error(image, found, F.pad(choice, (0, 1), value=1.0), noise)[0]
