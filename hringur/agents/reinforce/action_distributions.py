"""Distributions over actions: from a row of logits to a choice, its log probability and entropy.

Each says how many logits it needs (``n_logits``), how many flags a mask has (``mask_size``) and the
``shape`` of the numbers that encode one decision.

An action mask holds one flag for each logit of a Discrete or MultiDiscrete space, one after the
other, and two for each bit of a MultiBinary space ("may be 0, may be 1"), as in sb3-contrib. What
is not allowed has the probability zero, exactly, in the choice and in the gradient (Huang &
Ontañón 2022).
"""

from collections.abc import Iterable

import numpy as np
import torch
from gymnasium import spaces
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from hringur.types import UserError

FORBIDDEN = -1e8  # a logit whose probability is zero in float32, and finite: 0 * FORBIDDEN is 0
LEAST = 1e-30  # smallest exponential number: its logarithm stays far from FORBIDDEN
SUPPORTED = "Discrete, MultiDiscrete and MultiBinary"

Mask = Bool[Tensor, "*batch M"] | None


class OneOf:
    """One of n actions (Discrete): a categorical distribution."""

    def __init__(self, n: int, start: int = 0) -> None:
        self.n_logits = self.mask_size = n
        self.sizes = [n]
        self.start = start
        self.shape: tuple[int, ...] = ()

    def sample(
        self, logits: Float[Tensor, "B A"], mask: Mask, generator: torch.Generator
    ) -> Int[Tensor, " B"]:
        """The largest logit after adding Gumbel noise, -log of an exponential number."""
        noise = torch.empty_like(logits).exponential_(generator=generator)
        return (_allowed(logits, mask) - noise.clamp_min_(LEAST).log_()).argmax(dim=-1)

    def likeliest(self, logits: Float[Tensor, "B A"], mask: Mask) -> Int[Tensor, " B"]:
        """The largest allowed logit."""
        return _allowed(logits, mask).argmax(dim=-1)

    def log_prob_and_entropy(
        self, logits: Float[Tensor, "B A"], mask: Mask, decision: Int[Tensor, " B"]
    ) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"]]:
        """The logarithm of the softmax, and -sum p log p."""
        log_prob = F.log_softmax(_allowed(logits, mask), dim=-1)
        entropy = -(log_prob.exp() * log_prob).sum(dim=-1)
        return log_prob.gather(-1, decision[..., None])[..., 0], entropy

    def actions(self, decision: Int[Tensor, " B"]) -> np.ndarray:
        """Numbered from the space's own start."""
        return decision.numpy() + self.start if self.start else decision.numpy()


class SeveralOf:
    """Several choices at once (MultiDiscrete): independent categorical distributions."""

    def __init__(self, space: spaces.MultiDiscrete) -> None:
        self.sizes = [int(size) for size in space.nvec.flat]
        self.parts = [OneOf(size) for size in self.sizes]
        self.n_logits = self.mask_size = sum(self.sizes)
        self.start, self.space_shape = space.start, space.shape
        self.shape: tuple[int, ...] = (len(self.sizes),)

    def sample(
        self, logits: Float[Tensor, "B A"], mask: Mask, generator: torch.Generator
    ) -> Int[Tensor, "B K"]:
        """Each choice on its own."""
        each = self._split(logits, mask)
        return torch.stack([part.sample(own, may, generator) for part, own, may in each], dim=-1)

    def likeliest(self, logits: Float[Tensor, "B A"], mask: Mask) -> Int[Tensor, "B K"]:
        """The likeliest of each choice."""
        each = self._split(logits, mask)
        return torch.stack([part.likeliest(own, may) for part, own, may in each], dim=-1)

    def log_prob_and_entropy(
        self, logits: Float[Tensor, "B A"], mask: Mask, decision: Int[Tensor, "B K"]
    ) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"]]:
        """Sums over the choices."""
        columns = zip(self._split(logits, mask), decision.unbind(-1), strict=True)
        found = [
            part.log_prob_and_entropy(own, may, chosen) for (part, own, may), chosen in columns
        ]
        log_probs, entropies = zip(*found, strict=True)
        return torch.stack(log_probs).sum(dim=0), torch.stack(entropies).sum(dim=0)

    def actions(self, decision: Int[Tensor, "B K"]) -> np.ndarray:
        """In the space's own shape, each choice numbered from its own start."""
        return decision.numpy().reshape(-1, *self.space_shape) + self.start

    def _split(self, logits: Tensor, mask: Mask) -> list[tuple[OneOf, Tensor, Tensor | None]]:
        """Each choice with its own logits and flags."""
        flags: Iterable[Tensor | None] = [None] * len(self.sizes)
        if mask is not None:
            flags = mask.split(self.sizes, dim=-1)
        return list(zip(self.parts, logits.split(self.sizes, dim=-1), flags, strict=True))


class Bits:
    """Yes or no, several times (MultiBinary): independent Bernoulli distributions."""

    def __init__(self, space: spaces.MultiBinary) -> None:
        self.n_logits = int(np.prod(space.shape))
        self.sizes: list[int] = []  # bits have no neighbours
        self.mask_size = 2 * self.n_logits
        self.space_shape = space.shape
        self.shape: tuple[int, ...] = (self.n_logits,)

    def sample(
        self, logits: Float[Tensor, "B A"], mask: Mask, generator: torch.Generator
    ) -> Int[Tensor, "B A"]:
        """1 with the probability sigmoid(logit)."""
        uniform = torch.empty_like(logits).uniform_(generator=generator)
        return (uniform < self._allowed(logits, mask).sigmoid()).long()

    def likeliest(self, logits: Float[Tensor, "B A"], mask: Mask) -> Int[Tensor, "B A"]:
        """1 where that is likelier than 0."""
        return (self._allowed(logits, mask) > 0).long()

    def log_prob_and_entropy(
        self, logits: Float[Tensor, "B A"], mask: Mask, decision: Int[Tensor, "B A"]
    ) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"]]:
        """Sums over the bits."""
        logits = self._allowed(logits, mask)
        costs = F.binary_cross_entropy_with_logits
        log_prob = -costs(logits, decision.to(logits.dtype), reduction="none").sum(dim=-1)
        return log_prob, costs(logits, logits.sigmoid(), reduction="none").sum(dim=-1)

    def actions(self, decision: Int[Tensor, "B A"]) -> np.ndarray:
        """In the space's own shape."""
        return decision.numpy().astype(np.int8).reshape(-1, *self.space_shape)

    def _allowed(self, logits: Tensor, mask: Tensor | None) -> Tensor:
        if mask is None:
            return logits
        may_be = mask.unflatten(-1, (self.n_logits, 2))
        return logits.masked_fill(~may_be[..., 1], FORBIDDEN).masked_fill(
            ~may_be[..., 0], -FORBIDDEN
        )


def _allowed(logits: Tensor, mask: Tensor | None) -> Tensor:
    return logits if mask is None else logits.masked_fill(~mask, FORBIDDEN)


ActionDistribution = OneOf | SeveralOf | Bits


def distribution_for(space: spaces.Space, where: str) -> ActionDistribution:
    """The distribution over an action space; ``where`` names the environment in a refusal."""
    if isinstance(space, spaces.Discrete):
        return OneOf(int(space.n), int(space.start))
    if isinstance(space, spaces.MultiDiscrete):
        return SeveralOf(space)
    if isinstance(space, spaces.MultiBinary):
        return Bits(space)
    kind = "continuous actions" if isinstance(space, spaces.Box) else "actions"
    raise UserError(f"{where} has {kind} {space}; supported are {SUPPORTED}")
