"""CycleGAN (Zhu et al. 2017): a translator each way, and a critic of each side.

With the least-squares losses (Mao et al. 2017), where a critic D wants 1 of its own images and 0 of
translations,

    critics     minimise  E (D(y) - 1)^2 + E D(G(x))^2
    translators minimise  E (D(G(x)) - 1)^2 + lambda E |F(G(x)) - x| + lambda i E |G(y) - y|

and the same the other way round, F with x. The cycle's weight is lambda and that of the identity i;
a critic sees translations of a pool of past ones (Shrivastava et al. 2017). Absolute differences
are means over pixels.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hringur.generative.networks import ImageShape
from hringur.generative.translation.networks import PatchCritic, Translator
from hringur.generative.translation.sides import Unpaired
from hringur.types import Metrics, State

Image = Float[Tensor, "B C H W"]


class ImagePool:
    """Past translations, of which a critic sees some instead of present ones."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.kept: Tensor | None = None

    def exchange(self, made: Image) -> Image:
        """Half of ``made`` exchanged for images of the pool, once it is full."""
        if not self.size:
            return made
        if self.kept is None or len(self.kept) < self.size:
            before = made[:0] if self.kept is None else self.kept
            self.kept = torch.cat([before, made.detach()])[: self.size]
            return made
        rows = (torch.rand(len(made), device=made.device) < 0.5).nonzero()[:, 0]
        rows = rows[torch.randperm(len(rows), device=made.device)][: self.size]
        places = torch.randperm(self.size, device=made.device)[: len(rows)]
        shown = made.clone()
        shown[rows] = self.kept[places]
        self.kept[places] = made[rows]
        return shown


class BothWays(nn.Module):
    """A translator from the first set to the second, and one back, trained by one optimiser."""

    forward_methods = ("forth", "back")

    def __init__(self, shape: ImageShape, channels: int) -> None:
        super().__init__()
        self.to_second = Translator(shape, channels)
        self.to_first = Translator(shape, channels)

    def forth(self, image: Image) -> Image:
        """Images of the first set as of the second."""
        return self.to_second(image)

    def back(self, image: Image) -> Image:
        """Images of the second set as of the first."""
        return self.to_first(image)


class CycleGAN:
    """Both translators and both critics."""

    def __init__(self, model: Any) -> None:
        config, shape = model.config, model.shape
        self.config = config
        self.ways = model.add_network("translator", BothWays(shape, config.channels))
        self.critics, self.pools = [], [ImagePool(config.pool), ImagePool(config.pool)]
        for name in ("critic", "critic_of_first"):
            body = PatchCritic(shape, config.critic_channels)
            self.critics.append(model.add_network(name, body, config.critic_lr))

    def translate(self, image: Image) -> Image:
        """By the averaged translator."""
        return self.ways.average.forth(image)

    def update(self, batch: Unpaired, factor: float) -> Metrics:
        """One step of both critics, and one of both translators."""
        ways, real = self.ways.network, (batch.second, batch.first)
        made = ways.forth(batch.first), ways.back(batch.second)
        critic_loss, fooling = 0.0, made[0].new_zeros(())
        for critic, pool, own, other in zip(self.critics, self.pools, real, made, strict=True):
            both = torch.cat([own, pool.exchange(other.detach())])
            loss = least_squares(*critic.network(both).chunk(2))
            critic.step(loss, factor)
            critic_loss += loss.item() / 2
            with critic.frozen() as frozen:
                fooling = fooling + (frozen(other) - 1).square().mean()
        again = ways.back(made[0]), ways.forth(made[1])
        same = ways.forth(batch.second), ways.back(batch.first)
        cycle = _difference(again[0], batch.first) + _difference(again[1], batch.second)
        identity = _difference(same[0], batch.second) + _difference(same[1], batch.first)
        weight = self.config.cycle_weight
        loss = fooling + weight * (cycle + self.config.identity_weight * identity)
        norm = self.ways.step(loss, factor)
        return {
            "train/loss": loss.item(),
            "critic/loss": critic_loss,
            "model/cycle_error": cycle.item() / 2,
            "model/grad_norm": norm,
        }

    def state_dict(self) -> State:
        """Both pools; the networks are the model's."""
        return {"pools": [pool.kept for pool in self.pools]}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        for pool, kept in zip(self.pools, state["pools"], strict=True):
            pool.kept = kept


def least_squares(real: Float[Tensor, "B P"], made: Float[Tensor, "B P"]) -> Float[Tensor, ""]:
    """E (D(y) - 1)^2 + E D(G(x))^2, what a critic minimises."""
    return (real - 1).square().mean() + made.square().mean()


def _difference(image: Image, other: Image) -> Float[Tensor, ""]:
    return (image - other).abs().mean()
