"""Transport of patches and a network in turn: each round trusts what the one before it made.

An image is seen through nine overlapping windows, half as wide and as high as itself. A round

1.  translates all images of the first set by the network, the identity at first;
2.  finds, in each window, Sinkhorn's plan (Cuturi 2013) between what is there and what the images
    of the second set show there. The cost is the squared difference in the window, and half that
    of the whole images;
3.  replaces each window by the mean of what the plan sends it to (the entropic map; Pooladian and
    Niles-Weed 2021), and joins the windows to an image;
4.  trusts the images so made that are near to some image of the second set, in comparison with how
    far that one is from where they came from, and
5.  trains the network by least squares to make these of their images of the first set.

As with the words of two languages (Artetxe et al. 2018), things that are alike in both sets are
found first, and what is learned of them finds others. A translation is the mean of what the network
makes and of the entropic map of step 3. Potentials of the plan are kept, so that the map is known
for new images.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from hringur.divergences.kernels import squared_distances
from hringur.generative.batches import Images
from hringur.generative.networks import ImageShape
from hringur.generative.translation.networks import Translator
from hringur.generative.translation.sides import Unpaired
from hringur.types import Metrics, State

Image = Float[Tensor, "B C H W"]
Window = tuple[slice, slice]
"""Rows and columns."""

WINDOWS = 3
"""Windows across an image, and as many down."""

WHOLE = 0.5
"""Weight of the squared difference of whole images in the cost of a window."""

BLUR = 0.1
"""Entropy of a window's plan, in units of the mean cost of what is nearest."""

SCALINGS = 3
"""Sinkhorn's iterations, each for the rows and for the columns."""

SOFTENED = 0.5
"""Power of the plan's entries for a translation: as with twice the entropy, and half as strict
about what is sent to each image of the second set. Fewer letters get an accent that is over."""

TRUSTED, TRUSTED_MORE, TRUSTED_MOST = 0.35, 0.05, 0.6
"""Share of the images that the first round trusts, that each further one adds, and the largest."""

SHIFT = 2
"""Most pixels that a batch is moved by, with its targets, to either side."""

PART = 500
"""Images that are mapped at once."""


class PatchTranslator(nn.Module):
    """The network, the images of the second set, and the potentials of each window's plan."""

    forward_methods = ("forth",)
    pixels: Tensor
    scaling: Tensor
    epsilon: Tensor
    share: Tensor

    def __init__(self, shape: ImageShape, channels: int, second: UInt8[Tensor, "M C H W"]) -> None:
        super().__init__()
        self.network = Translator(shape, channels)
        self.shape = shape
        windows = WINDOWS**2
        self.register_buffer("pixels", second.flatten(1))  # 2-D: processes share it in place
        self.register_buffer("scaling", torch.ones(windows, len(second)))
        self.register_buffer("epsilon", torch.ones(windows))
        self.register_buffer("share", torch.zeros(()))  # of the map; none before the first round

    @property
    def second(self) -> Image:
        """Images of the second set, pixels in 0 .. 1."""
        return self.pixels.unflatten(1, tuple(self.shape)).float() / 255

    def forth(self, image: Image) -> Image:
        """What the network makes."""
        return self.network(image)

    def translate(self, image: Image) -> Image:
        """The mean of what the network makes and of the map of what lies midway to it."""
        made = self.network(image).clamp(0, 1)
        if not self.share:
            return made
        mapped = self.transported((image + made) / 2, SOFTENED)
        return made + self.share * (mapped - made)

    def transported(self, made: Image, power: float = 1.0) -> Image:
        """The entropic map in each window, of the plan's entries to this power, joined."""
        return torch.cat([self._joined(part, power) for part in made.split(PART)])

    def find_plans(self, made: Image) -> None:
        """Keep the potentials of the plans from these images."""
        for number, (_, cost) in enumerate(self._costs(made)):
            self.epsilon[number], self.scaling[number] = plan_to(cost, BLUR, SCALINGS)
        self.share.fill_(0.5)

    def _joined(self, made: Image, power: float) -> Image:
        """Means of the plan in each window, weighted by how near to its middle a pixel is."""
        second = self.second
        total, weight = torch.zeros_like(made), torch.zeros_like(made[:1, :1])
        for number, ((rows, columns), cost) in enumerate(self._costs(made)):
            nearest = cost.min(dim=1, keepdim=True).values
            plan = torch.exp((nearest - cost) / self.epsilon[number]) * self.scaling[number]
            plan = plan**power
            plan = plan / plan.sum(dim=1, keepdim=True)
            here = second[..., rows, columns]
            middle = _middle(*here.shape[-2:]).to(made.device)
            mean = (plan @ here.flatten(1)).unflatten(1, here.shape[1:])
            total[..., rows, columns] += middle * mean
            weight[..., rows, columns] += middle
        return total / weight

    def _costs(self, made: Image) -> Iterator[tuple[Window, Float[Tensor, "N M"]]]:
        """Each window, with squared differences of a pixel, there and in the whole image."""
        second = self.second
        whole = WHOLE * squared_distances(made.flatten(1), second.flatten(1)) / made[0].numel()
        for rows, columns in self._windows():
            here, there = made[..., rows, columns], second[..., rows, columns]
            middle = _middle(*here.shape[-2:]).to(made.device)
            part = squared_distances(
                *((image * middle.sqrt()).flatten(1) for image in (here, there))
            )
            yield (rows, columns), part / (middle.sum() * self.shape.channels) + whole

    def _windows(self) -> Iterator[Window]:
        """All windows, row by row."""
        return product(_along(self.shape.height), _along(self.shape.width))


class IteratedTransport:
    """The network, and what the last round has it learn from."""

    def __init__(self, model: Any) -> None:
        self.config, self.sides = model.config, model.sides
        kept = torch.zeros(self.config.targets, *model.shape, dtype=torch.uint8)
        if len(self.sides.second.train):
            kept = chosen_images(self.sides.second, self.config.targets, model.seed)
        body = PatchTranslator(model.shape, self.config.channels, kept)
        self.translator = model.add_network("translator", body)
        self.rounds = 0
        self.learned: dict[str, Tensor] = {}

    def translate(self, image: Image) -> Image:
        """By the averaged network, and the map of the last round."""
        return self.translator.average.translate(image)

    def update(self, batch: Unpaired, factor: float) -> Metrics:
        """One step of the network; before every so many, a round."""
        if self.translator.updates % self.config.match_every == 0:
            self._begin_round()
        given, wanted = drawn_targets(self.learned, len(batch))
        loss = (self.translator.network.forth(given) - wanted).square().mean()
        norm = self.translator.step(loss, factor)
        return {"train/loss": loss.item(), "model/grad_norm": norm}

    @torch.no_grad()
    def _begin_round(self) -> None:
        """Find the plans of present translations, and keep what can be trusted of the targets."""
        every = self.sides.first.train
        rows = torch.randperm(len(every))[: self.config.targets].to(every.device)
        average = self.translator.average
        image = every[rows].float() / 255
        made = torch.cat([average.forth(part).clamp(0, 1) for part in image.split(PART)])
        module = self.translator.module
        module.find_plans(made)
        target = module.transported(made)
        share = min(TRUSTED_MOST, TRUSTED + TRUSTED_MORE * self.rounds)
        trusted = doubt(image, target, module.second).argsort()
        trusted = trusted[: max(1, round(share * len(trusted)))]
        self.learned = {
            "image": every[rows[trusted]],
            "target": (255 * target[trusted]).round().to(torch.uint8),
        }
        self.rounds += 1

    def state_dict(self) -> State:
        """Rounds, and what the last one has the network learn from."""
        return {"rounds": self.rounds, "learned": dict(self.learned)}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        self.rounds, self.learned = state["rounds"], dict(state["learned"])


def plan_to(
    cost: Float[Tensor, "N M"], blur: float, iterations: int
) -> tuple[Float[Tensor, ""], Float[Tensor, " M"]]:
    """Entropy, ``blur`` times the mean least cost, and Sinkhorn's scaling of the columns."""
    nearest = cost.min(dim=1, keepdim=True).values
    epsilon = (blur * nearest.mean()).clamp(min=1e-6)
    kernel = torch.exp((nearest - cost) / epsilon).clamp(min=1e-30)
    row = kernel.new_ones(len(kernel))
    for _ in range(iterations):
        column = 1 / (kernel.T @ row)
        row = 1 / (kernel @ column)
    return epsilon, column / column.mean()


def chosen_images(side: Images, count: int, seed: int) -> UInt8[Tensor, "M C H W"]:
    """So many training images, some twice where there are fewer."""
    order = torch.randperm(len(side.train), generator=torch.Generator().manual_seed(seed))
    return side.train[order[torch.arange(count) % len(order)].to(side.train.device)]


def drawn_targets(learned: dict[str, Tensor], count: int) -> tuple[Image, Image]:
    """So many images that a network learns from, and their targets, moved a little together."""
    image = learned["image"]
    rows = torch.randint(len(image), (count,), device=image.device)
    by = torch.randint(-SHIFT, SHIFT + 1, (2,)).tolist()
    given, wanted = (
        torch.roll(learned[side][rows].float() / 255, by, dims=(2, 3))
        for side in ("image", "target")
    )
    return given, wanted


def doubt(image: Image, target: Image, second: Float[Tensor, "M C H W"]) -> Float[Tensor, " B"]:
    """|t - y|^2 / |x - y|^2 for image x and target t, with the image y of the second set next to t.

    It is 0 where the target is such an image.
    """
    distance, nearest = squared_distances(target.flatten(1), second.flatten(1)).min(dim=1)
    before = (image - second[nearest]).flatten(1).square().sum(dim=1)
    return distance / before.clamp(min=1e-3)


def _along(side: int) -> list[slice]:
    """Equally spaced windows of half the side, or one pixel more."""
    length = -(-side // 2)
    starts = [round(step * (side - length) / (WINDOWS - 1)) for step in range(WINDOWS)]
    return [slice(start, start + length) for start in starts]


def _middle(height: int, width: int) -> Float[Tensor, "h w"]:
    """A Gaussian weight about the middle of a window, its spread three tenths of the sides."""

    def along(side: int) -> Tensor:
        place = torch.arange(side) - (side - 1) / 2
        return torch.exp(-0.5 * (place / (0.3 * side)).square())

    return along(height)[:, None] * along(width)
