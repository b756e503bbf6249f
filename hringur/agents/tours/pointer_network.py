"""Pointer network: recurrent encoder and decoder, glimpse, clipped logits.

Vinyals et al. 2015, eq. 3, with the glimpse and the clipping of Bello et al. 2016, A.1:

    u_j = v . tanh(W_ref e_j + W_q q)    over the places j still open,

first as a glimpse (q becomes the mean of the e_j under softmax(u)), then as the pointer, whose
logits are clip * tanh(u_j). Road distances are no function of coordinates, so the distance from
the last place enters each logit with a learned weight.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hringur.agents.tours.attention_model import (
    DistanceBias,
    edge_features,
    place_features,
    take_rows,
)
from hringur.agents.tours.decoding import Scored
from hringur.agents.tours.settings import TourLearning
from hringur.checks import check_positive

CLOSED = -1e9  # logit of a place that has been visited


@dataclass(frozen=True, kw_only=True)
class PointerNetworkConfig(TourLearning):
    """Pointer network with the road distances as a bias of its logits."""

    name: ClassVar[str] = "pointer-network"

    width: int = 128
    """numbers in each recurrent state"""

    attention_width: int = 32
    """numbers over which the glimpse and the pointer compare a place with the decoder's state"""

    batch: int = 32
    tours: int | None = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "width", "attention_width")

    def network(self) -> "PointerNetwork":
        """A new network with random weights."""
        return PointerNetwork(self)


class Places(NamedTuple):
    """An encoded batch of instances."""

    state: Float[Tensor, "B N D"]  # of the encoder at each place
    glimpse_key: Float[Tensor, "B N A"]
    pointer_key: Float[Tensor, "B N A"]
    edge: Float[Tensor, "B N N"]  # bias of going from row to column
    hidden: Float[Tensor, "B D"]  # of the encoder after the last place
    cell: Float[Tensor, "B D"]


class Recurrent(NamedTuple):
    """State of the decoder."""

    hidden: Float[Tensor, "B P D"]
    cell: Float[Tensor, "B P D"]


class PointerNetwork(nn.Module):
    """The network; ``TourAgent`` trains it."""

    recurrent = True

    def __init__(self, config: PointerNetworkConfig) -> None:
        super().__init__()
        width, self.clip, self.frequencies = config.width, config.clip, config.frequencies
        self.place = nn.Linear(4 + 4 * config.frequencies, width)
        self.encoder = nn.LSTM(width, width, batch_first=True)
        self.decoder = nn.LSTM(width, width, batch_first=True)
        self.glimpse = Attention(width, config.attention_width)
        self.pointer = Attention(width, config.attention_width)
        self.edge_bias = DistanceBias(heads=1, slope=1.0)

    def encode(
        self, coordinates: Float[Tensor, "B N 2"], distance: Float[Tensor, "B N N"]
    ) -> Places:
        """Read the places one after the other, in the order in which they are given."""
        relative = distance / distance.mean(dim=(1, 2), keepdim=True).clamp(min=1e-12)
        embedding = self.place(place_features(coordinates, relative, self.frequencies))
        state, (hidden, cell) = self.encoder(embedding)
        edge = self.edge_bias(edge_features(relative))[:, 0]
        keys = self.glimpse.key(state), self.pointer.key(state)
        return Places(state, *keys, edge, hidden[0], cell[0])

    def begin(self, encoding: Places, start: Int[Tensor, "B P"]) -> Recurrent:
        """The decoder goes on where the encoder ended."""
        shape = (*start.shape, encoding.hidden.shape[-1])
        hidden, cell = (x[:, None].expand(shape) for x in (encoding.hidden, encoding.cell))
        return Recurrent(hidden, cell)

    def logits(
        self,
        encoding: Places,
        memory: Recurrent,
        last: Int[Tensor, "B P"],
        is_open: Bool[Tensor, "B P N"],
    ) -> tuple[Float[Tensor, "B P N"], Recurrent]:
        """Logits of the next place, and the decoder's state after reading the last."""
        state, memory = self._decode(encoding, last[..., None], memory)
        logits = self._point(encoding, state, last[..., None], is_open[:, :, None])
        return logits[:, :, 0], memory

    def score(self, encoding: Places, tour: Int[Tensor, "B P N"]) -> Scored:
        """Probability of given tours: the decoder reads each tour once."""
        n = tour.shape[-1]
        last, chosen = tour[..., :-1], tour[..., 1:]  # B P T
        state, _ = self._decode(encoding, last, self.begin(encoding, tour[..., 0]))
        time = torch.arange(n, device=tour.device)
        when = torch.zeros_like(tour).scatter_(2, tour, time.expand_as(tour))
        is_open = when[:, :, None, :] > time[:-1, None]  # B P T N
        logits = self._point(encoding, state, last, is_open)
        log_prob = logits.masked_fill(~is_open, CLOSED).log_softmax(dim=-1)
        entropy = -(log_prob.exp() * log_prob * is_open).sum(dim=(2, 3)) / (n - 1)
        return Scored(log_prob.gather(3, chosen[..., None]).sum(dim=(2, 3)), entropy)

    def _decode(
        self, encoding: Places, visited: Int[Tensor, "B P T"], memory: Recurrent
    ) -> tuple[Float[Tensor, "B P T D"], Recurrent]:
        """The decoder's states while it reads the encoded places that were visited."""
        batch, tours, time = visited.shape
        read = take_rows(encoding.state, visited.flatten(1)).view(batch * tours, time, -1)
        before = tuple(part.reshape(1, batch * tours, -1).contiguous() for part in memory)
        state, (hidden, cell) = self.decoder(read, before)
        shape = (batch, tours, -1)
        return state.view(batch, tours, time, -1), Recurrent(hidden.view(shape), cell.view(shape))

    def _point(
        self,
        encoding: Places,
        state: Float[Tensor, "B P T D"],
        last: Int[Tensor, "B P T"],
        is_open: Bool[Tensor, "B P T N"],
    ) -> Float[Tensor, "B P T N"]:
        """Glimpse, then pointer."""
        score = self.glimpse(encoding.glimpse_key, state)
        weight = score.masked_fill(~is_open, CLOSED).softmax(dim=-1)
        seen = (weight.flatten(1, 2) @ encoding.state).view_as(state)
        score = self.pointer(encoding.pointer_key, seen)
        edge = take_rows(encoding.edge, last.flatten(1)).view_as(score)
        return self.clip * torch.tanh(score + edge)


class Attention(nn.Module):
    """u_j = v . tanh(key_j + W q), Vinyals et al. 2015, eq. 3."""

    def __init__(self, width: int, attention_width: int) -> None:
        super().__init__()
        self.key = nn.Linear(width, attention_width)
        self.query = nn.Linear(width, attention_width, bias=False)
        self.score = nn.Linear(attention_width, 1, bias=False)

    def forward(
        self, key: Float[Tensor, "B N A"], state: Float[Tensor, "B P T D"]
    ) -> Float[Tensor, "B P T N"]:
        """The score u of each place for each state of the decoder."""
        query = self.query(state)[:, :, :, None]  # B P T 1 A
        return self.score(torch.tanh(key[:, None, None] + query))[..., 0]
