"""Transport between silhouettes: what lies on a ground is painted like what has its outline.

Pixels of a horse and of its zebra differ, and grounds decide which pictures are alike. What stays
is the silhouette, which is found without labels:

1.  a pixel belongs to the object if few pixels at the left and right border, at about its height,
    have its colour (boundary prior; Zhu et al. 2014);
2.  a silhouette is seen in a frame of its own, about its centre and in units of its spread, so that
    place and size do not matter; of one set also turned, and in the mirror;
3.  Sinkhorn's plan (Cuturi 2013) is found between silhouettes of both sets, at the cost of one less
    the cosine between them in the best of these views, and
4.  the target of an image has its ground, and on it the mean of the objects that the plan sends it
    to (the entropic map; Pooladian and Niles-Weed 2021), each turned as in that view, and moved to
    the image's frame.

A network learns the targets by least squares. A translation is the target where an image's cost is
as low as that of what the network learned from, and else what the network makes: it has seen others
like it whose silhouettes were found. The potential of the plan is kept for new images.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from hringur.generative.networks import ImageShape
from hringur.generative.translation.iterated_transport import chosen_images, drawn_targets, plan_to
from hringur.generative.translation.networks import Translator
from hringur.generative.translation.sides import Unpaired
from hringur.types import Metrics, State

Image = Float[Tensor, "B C H W"]
Shade = Float[Tensor, "B H W"]

REACH = 2.0
"""Rows over which the border is looked at to either side, the spread of a Gaussian weight."""

COLOUR, SELDOM = 0.05, 0.1
"""Spread of a colour, and the share of the border with it from which a pixel is ground."""

TURNS, MOST_TURN = 13, 0.72
"""Angles at which one set is seen, and the largest [radian]."""

VIEW, ACROSS = 24, 4.8
"""Pixels to a side of a view, and spreads that it is wide."""

BLUR, SCALINGS = 1.0, 3
"""Entropy of the plan in units of the mean cost of what is nearest; Sinkhorn's iterations."""

PARTNERS = 12
"""Objects of the second set, those of most mass, that are averaged in a target."""

TRUSTED = 0.85
"""Share of the targets that the network learns, those of least cost."""

PART = 250
"""Images that are painted at once."""


@dataclass(frozen=True, eq=False)
class Frame:
    """Where silhouettes lie."""

    centre: Float[Tensor, "B 2"]
    """across and down, from the middle of the image [pixels]"""

    spread: Float[Tensor, " B"]
    """root mean squared distance from the centre along an axis [pixels]"""


class ObjectTranslator(nn.Module):
    """The network, the second set with its silhouettes, and the potential of the plan to it."""

    forward_methods = ("forth",)
    pixels: Tensor
    scaling: Tensor
    epsilon: Tensor
    dearest: Tensor

    def __init__(self, shape: ImageShape, channels: int, second: UInt8[Tensor, "M C H W"]) -> None:
        super().__init__()
        self.network = Translator(shape, channels)
        self.shape = (shape.channels + 1, shape.height, shape.width)
        opacity = silhouettes(second.float() / 255)[:, None]
        objects = torch.cat([second, _bytes(opacity)], dim=1)
        self.register_buffer("pixels", objects.flatten(1))  # 2-D: processes share it in place
        self.register_buffer("scaling", torch.ones(len(second)))
        self.register_buffer("epsilon", torch.ones(()))
        self.register_buffer("dearest", -torch.ones(()))  # cost that is trusted; none at first

    def forth(self, image: Image) -> Image:
        """What the network makes."""
        return self.network(image)

    def translate(self, image: Image) -> Image:
        """The map where silhouettes are alike, and else what the network makes."""
        made = self.network(image).clamp(0, 1)
        if self.dearest < 0:
            return made
        target, cost = self.painted(image)
        return torch.where((cost <= self.dearest)[:, None, None, None], target, made)

    def find_plan(self, image: Image) -> tuple[Image, Float[Tensor, " B"]]:
        """Keep the potential of the plan from these images; the targets, and their costs."""
        objects = self._objects()
        _, _, cost, _ = self._seen(image, objects[:, -1])
        self.epsilon[...], self.scaling[...] = plan_to(cost, BLUR, SCALINGS)
        target, cost = self.painted(image)
        self.dearest.copy_(cost.quantile(TRUSTED))
        return target, cost

    def painted(self, image: Image) -> tuple[Image, Float[Tensor, " B"]]:
        """Images with the objects that the plan sends theirs to, and the mean cost of these."""
        objects = self._objects()
        found = [self._joined(part, objects) for part in image.split(PART)]
        return torch.cat([it for it, _ in found]), torch.cat([it for _, it in found])

    def _joined(self, image: Image, objects: Tensor) -> tuple[Image, Float[Tensor, " B"]]:
        """The ground of each image, and on it the mean of its partners in its own frame."""
        frame, frames, cost, view = self._seen(image, objects[:, -1])
        nearest = cost.min(dim=1, keepdim=True).values
        plan = torch.exp((nearest - cost) / self.epsilon) * self.scaling
        share, partner = plan.topk(min(PARTNERS, len(objects)), dim=1)
        share = share / share.sum(dim=1, keepdim=True)
        turn = turns(image.device)[view.gather(1, partner).long()]
        mean = torch.zeros_like(image[:, :1])
        for which, chosen in enumerate(partner.T):
            where = Frame(frames.centre[chosen], frames.spread[chosen])
            seen = objects[chosen].float() / 255
            seen = torch.cat([seen[:, :-1] * seen[:, -1:], seen[:, -1:]], dim=1)
            moved = moved_to(seen, where, frame, turn[:, which])
            mean = mean + share[:, which, None, None, None] * moved
        target = image * (1 - mean[:, -1:]) + mean[:, :-1]
        return target.clamp(0, 1), (share * cost.gather(1, partner)).sum(dim=1)

    def _seen(
        self, image: Image, opacity: UInt8[Tensor, "M H W"]
    ) -> tuple[Frame, Frame, Float[Tensor, "B M"], Tensor]:
        """Frames of both sides, costs, and the number of the view in which each is least."""
        shade, other = silhouettes(image), opacity.float() / 255
        frame, frames = frame_of(shade), frame_of(other)
        return frame, frames, *nearest_views(shade, frame, other, frames)

    def _objects(self) -> UInt8[Tensor, "M K H W"]:
        """Colours of the second set, and the silhouette as the last channel."""
        return self.pixels.unflatten(1, self.shape)


class ObjectTransport:
    """The network, and the targets that it learns from."""

    def __init__(self, model: Any) -> None:
        self.config, self.sides, self.seed = model.config, model.sides, model.seed
        kept = torch.zeros(self.config.targets, *model.shape, dtype=torch.uint8)
        if len(self.sides.second.train):
            kept = chosen_images(self.sides.second, self.config.targets, self.seed)
        body = ObjectTranslator(model.shape, self.config.channels, kept)
        self.translator = model.add_network("translator", body)
        self.learned: dict[str, Tensor] = {}

    def translate(self, image: Image) -> Image:
        """By the averaged network, and the map."""
        return self.translator.average.translate(image)

    def update(self, batch: Unpaired, factor: float) -> Metrics:
        """One step of the network; before the first, the plan is found."""
        if not self.learned:
            self._find_targets()
        given, wanted = drawn_targets(self.learned, len(batch))
        loss = (self.translator.network.forth(given) - wanted).square().mean()
        norm = self.translator.step(loss, factor)
        return {"train/loss": loss.item(), "model/grad_norm": norm}

    @torch.no_grad()
    def _find_targets(self) -> None:
        """The images of the first set whose targets are trusted, with these."""
        image = chosen_images(self.sides.first, self.config.targets, self.seed)
        module = self.translator.module
        target, cost = module.find_plan(image.float() / 255)
        trusted = cost <= module.dearest
        self.learned = {"image": image[trusted], "target": _bytes(target[trusted])}

    def state_dict(self) -> State:
        """What the network learns from."""
        return {"learned": dict(self.learned)}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        self.learned = dict(state["learned"])


def silhouettes(image: Image) -> Shade:
    """1 where the border left and right has nothing of a pixel's colour, 0 where it often has."""
    row = torch.arange(image.shape[2], device=image.device)
    like, total = torch.zeros_like(image[:, 0]), 0.0
    for border in (image[..., :1], image[..., -1:]):
        for by in range(-round(2 * REACH), round(2 * REACH) + 1):
            weight = math.exp(-0.5 * (by / REACH) ** 2)
            there = border[:, :, (row + by).clamp(0, len(row) - 1)]
            away = (image - there).square().sum(dim=1)
            like += weight * torch.exp(-away / (2 * COLOUR**2))
            total += weight
    return (1 - like / (SELDOM * total)).clamp(0, 1)


def frame_of(shade: Shade) -> Frame:
    """Centres and spreads; of an empty silhouette the middle, and one pixel."""
    mass = shade.sum(dim=(1, 2)).clamp(min=1e-6)
    down, across = (_from_middle(side, shade.device) for side in shade.shape[1:])
    along = [(shade.sum(dim=1), across), (shade.sum(dim=2), down)]
    centre = torch.stack([(share * place).sum(dim=1) / mass for share, place in along], dim=1)
    square = torch.stack([(share * place**2).sum(dim=1) / mass for share, place in along], dim=1)
    variance = (square - centre**2).sum(dim=1) / 2
    return Frame(centre, variance.clamp(min=1).sqrt())


def turns(device: torch.device) -> Float[Tensor, "V 2 2"]:
    """Rotations, and after them the same of what is seen in the mirror."""
    angle = torch.linspace(-MOST_TURN, MOST_TURN, TURNS, device=device)
    cos, sin = angle.cos(), angle.sin()
    turn = torch.stack([torch.stack([cos, -sin], dim=1), torch.stack([sin, cos], dim=1)], dim=1)
    return torch.cat([turn, turn * torch.tensor([-1.0, 1.0], device=device)])


def nearest_views(
    shade: Shade, frame: Frame, other: Float[Tensor, "M H W"], frames: Frame
) -> tuple[Float[Tensor, "B M"], Tensor]:
    """One less the cosine of silhouettes in the best of ``turns``, and its number."""

    def flat(shade: Tensor, frame: Frame, turn: Tensor) -> Float[Tensor, "N P"]:
        smooth = F.avg_pool2d(shade[:, None], 3, 1, 1)
        grid = turn * (frame.spread * ACROSS / VIEW)[:, None, None]
        return F.normalize(sampled(smooth, grid, frame.centre, (VIEW, VIEW)).flatten(1))

    still = flat(other, frames, torch.eye(2, device=shade.device)).T
    best = shade.new_full((len(shade), len(other)), -1.0)
    number = torch.zeros(best.shape, dtype=torch.uint8, device=best.device)
    for which, turn in enumerate(turns(shade.device)):  # it is the other that is turned
        cosine = flat(shade, frame, turn.T) @ still
        number.masked_fill_(cosine > best, which)
        best = torch.maximum(best, cosine)
    return 1 - best, number


def moved_to(
    image: Image, from_frame: Frame, to_frame: Frame, turn: Float[Tensor, "B 2 2"]
) -> Image:
    """Images, turned, with what lies in one frame in the other; 0 from outside."""
    matrix = turn * (from_frame.spread / to_frame.spread)[:, None, None]
    start = from_frame.centre - (matrix @ to_frame.centre[..., None])[..., 0]
    return sampled(image, matrix, start, tuple(image.shape[2:]))


def sampled(
    image: Image, matrix: Float[Tensor, "B 2 2"], start: Float[Tensor, "B 2"], size: tuple[int, ...]
) -> Float[Tensor, "B C h w"]:
    """What is at matrix p + start, for the pixels p of a picture of this size; 0 outside.

    Places are across and down from the middle, in pixels.
    """
    down, across = (_from_middle(side, image.device) for side in size)
    place = torch.cartesian_prod(down, across).flip(1)  # P 2
    found = place @ matrix.mT + start[:, None]
    unit = torch.tensor([2 / image.shape[3], 2 / image.shape[2]], device=image.device)
    return F.grid_sample(image, (found * unit).unflatten(1, size), align_corners=False)


def _from_middle(side: int, device: torch.device) -> Float[Tensor, " P"]:
    return torch.arange(side, device=device) - (side - 1) / 2


def _bytes(share: Tensor) -> Tensor:
    return (255 * share).round().to(torch.uint8)
