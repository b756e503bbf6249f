"""Encoders and decoder of sequences, which know the place of a token from the start.

The encoder adds up one vector for each token at each place and passes the sum through two dense
layers. The decoder is a gated recurrent unit (Cho et al. 2014) that sees, at each place, the token
before and a plan of this place: a linear map of the code, another one at each place. So the code
need not be remembered by the recurrence, which can be small.
"""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence


class SequenceSizes(NamedTuple):
    """Sizes of the networks."""

    tokens: int
    """kinds of tokens"""

    longest: int
    """tokens of the longest sequence"""

    latent: int
    hidden: int
    """units of the recurrence"""

    encoder_hidden: int
    plan: int
    """numbers that the code says of each place"""

    embedding: int
    styles: int = 0
    """styles of which the decoder is told one, as numbers beside the code"""


class SequenceEncoder(nn.Module):
    """From sequences of few kinds of tokens to ``outputs`` numbers each."""

    def __init__(self, sizes: SequenceSizes, outputs: int) -> None:
        super().__init__()
        self.tokens, width = sizes.tokens, sizes.encoder_hidden
        self.vectors = nn.Embedding(sizes.longest * sizes.tokens, width)
        self.layers = nn.Sequential(
            nn.LayerNorm(width), nn.GELU(), nn.Linear(width, width), nn.GELU()
        )
        self.last = nn.Linear(width, outputs)

    def forward(self, tokens: Int[Tensor, "B T"]) -> Float[Tensor, "B O"]:
        """``tokens`` are ended by -1; those below zero count as absent."""
        present = tokens >= 0
        place = torch.arange(tokens.shape[1], device=tokens.device)
        index = tokens.clamp(min=0) + self.tokens * place
        flat = index[present]  # no work for what is absent
        count = present.sum(dim=1)
        offsets = torch.cat([count.new_zeros(1), count.cumsum(0)[:-1]])
        summed = F.embedding_bag(flat, self.vectors.weight, offsets, mode="sum")
        return self.last(self.layers(summed))


class WordEncoder(nn.Module):
    """The same where kinds of tokens are many: one vector for each, and a recurrence both ways.

    Absent tokens are left out, wherever they stand, as if the sequence were shorter.
    """

    def __init__(self, sizes: SequenceSizes, outputs: int) -> None:
        super().__init__()
        width = sizes.encoder_hidden
        self.vectors = nn.Embedding(sizes.tokens + 1, width)  # the last: all are absent
        self.recurrence = nn.GRU(width, width, batch_first=True, bidirectional=True)
        self.last = nn.Linear(2 * width, outputs)

    def forward(self, tokens: Int[Tensor, "B T"]) -> Float[Tensor, "B O"]:
        """``tokens`` below zero count as absent."""
        absent = (tokens < 0).long()
        moved = tokens.gather(1, absent.argsort(dim=1, stable=True))
        known = torch.where(moved < 0, self.vectors.num_embeddings - 1, moved)
        length = (absent == 0).sum(dim=1).clamp(min=1).cpu()
        packed = pack_padded_sequence(self.vectors(known), length, True, enforce_sorted=False)
        last = self.recurrence(packed)[1]  # 2 B W
        return self.last(torch.cat([last[0], last[1]], dim=1))


class SequenceDecoder(nn.Module):
    """From codes to sequences, one token after the other."""

    def __init__(self, sizes: SequenceSizes) -> None:
        super().__init__()
        self.sizes, seen = sizes, sizes.latent + sizes.styles
        self.before = nn.Embedding(sizes.tokens + 1, sizes.embedding)  # the last: none, or hidden
        self.plan = nn.Linear(seen, sizes.longest * sizes.plan)
        self.first = nn.Linear(seen, sizes.hidden)
        self.recurrence = nn.GRU(sizes.embedding + sizes.plan, sizes.hidden, batch_first=True)
        self.last = nn.Linear(sizes.hidden + sizes.plan, sizes.tokens)

    def start(
        self, latent: Float[Tensor, "B Z"], width: int
    ) -> tuple[Float[Tensor, "1 B D"], Float[Tensor, "B T P"]]:
        """First state of the recurrence, and the plan of the first ``width`` places."""
        rows = width * self.sizes.plan
        plan = F.linear(latent, self.plan.weight[:rows], self.plan.bias[:rows])
        return torch.tanh(self.first(latent))[None], plan.unflatten(1, (width, self.sizes.plan))

    def forward(
        self, latent: Float[Tensor, "B Z"], before: Int[Tensor, "B T"]
    ) -> Float[Tensor, "B T R"]:
        """Logits of each token, given those before; below zero: none, or hidden."""
        state, plan = self.start(latent, before.shape[1])
        return self.advance(before, plan, state)[0]

    def advance(
        self,
        before: Int[Tensor, "B T"],
        plan: Float[Tensor, "B T P"],
        state: Float[Tensor, "1 B D"],
    ) -> tuple[Float[Tensor, "B T R"], Float[Tensor, "1 B D"]]:
        """The same from any place on, and the state that is reached."""
        token = torch.where(before < 0, self.sizes.tokens, before)
        seen, state = self.recurrence(torch.cat([self.before(token), plan], dim=2), state)
        return self.last(torch.cat([seen, plan], dim=2)), state


class SequenceAutoencoder(nn.Module):
    """Encoder and decoder, trained by one optimiser."""

    forward_methods = ("encode", "cost")

    def __init__(
        self, sizes: SequenceSizes, gaussian: bool, encoder: Any = SequenceEncoder
    ) -> None:
        """Codes are normed to length sqrt(Z), or with ``gaussian`` have a mean and a scale."""
        super().__init__()
        self.gaussian = gaussian
        self.encoder = encoder(sizes, sizes.latent * (2 if gaussian else 1))
        self.decoder = SequenceDecoder(sizes)

    def encode(
        self, tokens: Int[Tensor, "B T"]
    ) -> tuple[Float[Tensor, "B Z"], Float[Tensor, "B Z"] | None]:
        """The code of each sequence; with ``gaussian`` its mean, and its standard deviation."""
        found = self.encoder(tokens)
        if not self.gaussian:
            return F.layer_norm(found, found.shape[1:]), None
        mean, log_variance = found.chunk(2, dim=1)
        return mean, torch.exp(0.5 * log_variance)

    def cost(
        self, latent: Float[Tensor, "B Z"], before: Int[Tensor, "B T"], tokens: Int[Tensor, "B T"]
    ) -> Float[Tensor, " B"]:
        """-log p(x|z) of each sequence [nats]."""
        logits = self.decoder(latent, before)
        cost = F.cross_entropy(
            logits.flatten(0, 1), tokens.flatten(), ignore_index=-1, reduction="none"
        )
        return cost.view(tokens.shape).sum(dim=1)


def shifted(tokens: Int[Tensor, "B T"]) -> Int[Tensor, "B T"]:
    """The token before each; -1 before the first."""
    return F.pad(tokens[:, :-1], (1, 0), value=-1)
