"""The attention model (Kool et al. 2019) with many starts (POMO, Kwon et al. 2020), on roads.

An encoder looks at all places at once; a decoder then names the next place from a glimpse of the
open ones, seen from the first and the last place. Road distances are no function of coordinates,
so they enter as learned biases: of every head of the encoder's attention, of the glimpse, and of
the pointer's logits, which are

    logits[l, j] = clip * tanh( (W_o glimpse + W_r h_l) . W_k h_j / sqrt(D) + bias(l, j) ).

The decoder is folded into tables (``Tables``) that are made once per instance, see glimpse.py.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hringur.agents.tours.decoding import Scored
from hringur.agents.tours.glimpse import SMALLEST, exponentiate, glimpse
from hringur.agents.tours.settings import TourLearning
from hringur.checks import check_positive
from hringur.types import UserError

N_EDGE_FEATURES = 6
TEMPERATURE, SINKHORN_ROUNDS = 0.05, 30  # of the assignment [mean distances]
FARTHEST = 30.0  # exp(20 * FARTHEST) is a number in double precision
USUAL_PLACES = 20  # the encoder's attention is as sharp among others as it is among these
SHORT, LONG = 0.15, 0.5  # ranges of the distance features, in mean distances of an instance


@dataclass(frozen=True, kw_only=True)
class AttentionModelConfig(TourLearning):
    """Attention model with the road distances as biases."""

    name: ClassVar[str] = "attention-model"

    width: int = 64
    """numbers that describe a place inside the network"""

    layers: int = 3
    """layers of the encoder"""

    heads: int = 8
    """heads of the encoder's attention"""

    decoder_heads: int = 4
    """heads of the glimpse"""

    feed_forward: int = 256
    """width of the encoder's hidden layers"""

    directed: bool = False
    """distances may differ by direction: the network also sees those back, and an assignment"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "width", "layers", "heads", "decoder_heads", "feed_forward")
        for name in ("heads", "decoder_heads"):
            if self.width % getattr(self, name):
                raise UserError(f"width {self.width} must be divisible by {name}")

    def network(self) -> "AttentionModel":
        """A new network with random weights."""
        return AttentionModel(self)


class Tables(NamedTuple):
    """All that the decoder needs of an instance; see glimpse.py for the first three."""

    first: Float[Tensor, "B N H N"]
    last: Float[Tensor, "B N H N"]
    mix: Float[Tensor, "B HN N"]
    edge: Float[Tensor, "B N N"]
    """the part of the logits that does not depend on what has been visited"""


class AttentionModel(nn.Module):
    """The network; ``TourAgent`` trains it."""

    recurrent = False

    def __init__(self, config: AttentionModelConfig) -> None:
        super().__init__()
        width = config.width
        self.heads, self.clip = config.decoder_heads, config.clip
        self.frequencies, self.directed = config.frequencies, config.directed
        features = N_EDGE_FEATURES if not self.directed else 2 * (N_EDGE_FEATURES + 2)
        self.place = nn.Linear(4 + 2 * self.directed + 4 * config.frequencies, width)
        self.layers = nn.ModuleList(
            EncoderLayer(width, config.heads, config.feed_forward, features)
            for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, 6 * width, bias=False)  # first, last, key, value, ...
        self.output = nn.Linear(width, width, bias=False)  # W_o of the glimpse
        self.first_bias = DistanceBias(self.heads, slope=0.0, features=features)
        self.last_bias = DistanceBias(self.heads, slope=2.0, features=features)
        self.edge_bias = DistanceBias(1, slope=1.0, features=features)

    def encode(
        self, coordinates: Float[Tensor, "B N 2"], distance: Float[Tensor, "B N N"]
    ) -> Tables:
        """Places and distances to the decoder's tables."""
        relative = distance / distance.mean(dim=(1, 2), keepdim=True).clamp(min=1e-12)
        edge = edge_features(relative)  # B N N F
        place = place_features(coordinates, relative, self.frequencies)
        if self.directed:  # the way back has features of its own
            edge = torch.cat([assignment(relative), edge], dim=-1)
            edge = torch.cat([edge, edge.transpose(1, 2)], dim=-1)
            place = torch.cat([place, reach(relative.transpose(1, 2))], dim=-1)
        embedding = self.place(place)  # B N D
        for layer in self.layers:
            embedding = layer(embedding, edge)
        return self.tables(self.norm(embedding), edge)

    def tables(self, embedding: Float[Tensor, "B N D"], edge: Float[Tensor, "B N N F"]) -> Tables:
        """Fold queries, keys, values and the two output projections into sums over places."""
        batch, n, width = embedding.shape
        per_head = width // self.heads
        first, last, key, value, pointer, residual = self.project(embedding).chunk(6, dim=2)

        def by_head(tensor: Tensor) -> Tensor:
            return tensor.view(batch, n, self.heads, per_head).transpose(1, 2)  # B H N D/H

        keys = by_head(key * per_head**-0.5).transpose(2, 3)  # B H D/H N
        first_score = (by_head(first) @ keys + self.first_bias(edge)).transpose(1, 2)  # B N H N
        last_score = (by_head(last) @ keys + self.last_bias(edge)).transpose(1, 2)
        pointer = pointer * width**-0.5
        heard = by_head(pointer @ self.output.weight).transpose(2, 3)  # W_o' W_k h_j, by head
        mix = (by_head(value) @ heard).reshape(batch, self.heads * n, n)
        from_last = residual @ pointer.transpose(1, 2) + self.edge_bias(edge)[:, 0]
        return Tables(exponentiate(first_score), exponentiate(last_score), mix, from_last)

    def begin(self, encoding: Tables, start: Int[Tensor, "B P"]) -> Float[Tensor, "B P H N"]:
        """The first place's share of every glimpse to come."""
        return take_rows(encoding.first, start)

    def logits(
        self,
        encoding: Tables,
        memory: Float[Tensor, "B P H N"],
        last: Int[Tensor, "B P"],
        is_open: Bool[Tensor, "B P N"],
    ) -> tuple[Float[Tensor, "B P N"], Float[Tensor, "B P H N"]]:
        """Logits of the next place; the memory stays as it is."""
        weight = take_rows(encoding.last, last) * memory  # B P H N
        weight = weight * is_open[:, :, None]
        weight = weight / weight.sum(dim=-1, keepdim=True).clamp(min=SMALLEST)
        seen = weight.flatten(2) @ encoding.mix  # B P N
        return self.clip * torch.tanh(seen + take_rows(encoding.edge, last)), memory

    def score(self, encoding: Tables, tour: Int[Tensor, "B P N"]) -> Scored:
        """Probability of given tours, without a loop over steps.

        A tour leaves every place once, so its decisions can be laid out by the place that is
        left instead of by time: then no table has to be gathered.
        """
        n = tour.shape[-1]
        time = torch.arange(n, device=tour.device).expand_as(tour)
        when = torch.zeros_like(tour).scatter_(2, tour, time)  # of the visit, by place
        is_open = when[:, :, None, :] > when[:, :, :, None]  # B P N N: visited later
        seen = glimpse(self.begin(encoding, tour[..., 0]), encoding.last, encoding.mix, is_open)
        logits = self.clip * torch.tanh(seen + encoding.edge[:, None])
        log_prob = logits.masked_fill(~is_open, -1e9).log_softmax(dim=-1)
        following = torch.zeros_like(tour).scatter_(2, tour, tour.roll(-1, dims=2))
        decides = when < n - 1  # the last place has no choice left
        chosen = log_prob.gather(3, following[..., None]).squeeze(3) * decides  # B P N
        entropy = -(log_prob.exp() * log_prob * is_open).sum(dim=(2, 3)) / (n - 1)
        return Scored(chosen.sum(dim=2), entropy)


class EncoderLayer(nn.Module):
    """Self-attention with distance biases, then a feed-forward network; norms come first."""

    def __init__(self, width: int, heads: int, feed_forward: int, features: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.attention = nn.Linear(width, 3 * width, bias=False)
        self.bias = DistanceBias(heads, slope=2.0, features=features)
        self.output = nn.Linear(width, width)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, feed_forward),
            nn.ReLU(),
            nn.Linear(feed_forward, width),
        )

    def forward(
        self, embedding: Float[Tensor, "B N D"], edge: Float[Tensor, "B N N F"]
    ) -> Float[Tensor, "B N D"]:
        """The embeddings after one more round of attention among the places."""
        batch, n, width = embedding.shape
        per_head = width // self.heads
        projected = self.attention(self.attention_norm(embedding))
        query, key, value = projected.view(batch, n, 3, self.heads, per_head).permute(2, 0, 3, 1, 4)
        score = (query * per_head**-0.5) @ key.transpose(2, 3) + self.bias(edge)  # B H N N
        traced = torch.onnx.is_in_onnx_export()  # then n must not become a constant
        amount = score.new_ones(n).sum().log() if traced else math.log(n)
        score = score * (amount / math.log(USUAL_PLACES))
        attended = (score.softmax(dim=-1) @ value).transpose(1, 2).reshape(batch, n, width)
        embedding = embedding + self.output(attended)
        return embedding + self.feed_forward(embedding)


class DistanceBias(nn.Module):
    """A linear map of the edge features to one bias for each head.

    It begins as minus the distance times 0 .. ``slope``, head by head: a bias that begins by
    preferring far places saturates the pointer's tanh and does not recover.
    """

    def __init__(self, heads: int, slope: float, features: int = N_EDGE_FEATURES) -> None:
        super().__init__()
        weight = torch.zeros(heads, features)
        weight[:, 0] = -torch.linspace(0, slope, heads) if heads > 1 else -slope
        self.weight = nn.Parameter(weight)

    def forward(self, edge: Float[Tensor, "B N N F"]) -> Float[Tensor, "B H N N"]:
        """The bias of each head, from row to column."""
        return F.linear(edge, self.weight).permute(0, 3, 1, 2)


def place_features(
    coordinates: Float[Tensor, "B N 2"], relative: Float[Tensor, "B N N"], frequencies: int
) -> Float[Tensor, "B N F"]:
    """Position, as it is and in sines, and the mean and least distance to other places."""
    frequency = math.pi * 2.0 ** torch.arange(frequencies, device=relative.device)
    angle = (coordinates[..., None] * frequency).flatten(2)
    return torch.cat([coordinates, angle.sin(), angle.cos(), reach(relative)], dim=2)


def reach(relative: Float[Tensor, "B N N"]) -> Float[Tensor, "B N 2"]:
    """The mean distance and the least one from each place to the others."""
    apart = relative + torch.eye(relative.shape[1], device=relative.device) * 10
    return torch.stack([relative.mean(dim=2), apart.amin(dim=2)], dim=2)


def edge_features(relative: Float[Tensor, "B N N"]) -> Float[Tensor, "B N N F"]:
    """The distance at two ranges, and how many places are on the way.

    The detour over a third place, d(i, k) + d(k, j) - d(i, j), shows what a road passes: its
    least value, and how many places are near the way, strictly and loosely.
    """
    same = torch.eye(relative.shape[1], device=relative.device) > 0
    apart = relative.masked_fill(same, 9.0)  # a place is not on the way from or to itself
    least = torch.minimum(relative + 9.0, _least_through(apart)) - relative
    near, passed = (_places_near(relative, same, rate) for rate in (4.0, 20.0))
    ranges = [torch.exp(-relative / SHORT), torch.exp(-relative / LONG)]
    return torch.stack([relative, *ranges, least, 0.2 * passed, 0.2 * near], dim=-1)


def _least_through(apart: Float[Tensor, "B N N"]) -> Float[Tensor, "B N N"]:
    """The shortest way from row to column over one other place."""
    if torch.onnx.is_in_onnx_export():  # a graph for any number of places has no loop over them
        return (apart[:, :, None, :] + apart.transpose(1, 2)[:, None]).amin(dim=3)
    least, through = torch.full_like(apart, torch.inf), torch.empty_like(apart)
    for k in range(apart.shape[1]):  # not one B N N N tensor: that is 4 GB at N = 1,000
        torch.add(apart[:, :, k, None], apart[:, None, k, :], out=through)
        torch.minimum(least, through, out=least)
    return least


def _places_near(
    relative: Float[Tensor, "B N N"], same: Bool[Tensor, "N N"], rate: float
) -> Float[Tensor, "B N N"]:
    """The sum over k of exp(-rate * detour), as one matrix product of exponentials."""
    far = relative.double().clamp(max=FARTHEST)
    leg = torch.exp(-rate * far).masked_fill(same, 0.0)
    return (torch.exp(rate * far) * (leg @ leg)).to(relative.dtype)


def assignment(relative: Float[Tensor, "B N N"]) -> Float[Tensor, "B N N 2"]:
    """Who follows whom if every place has one successor and one predecessor, never mind the tour.

    The doubly stochastic matrix of least distance minus ``TEMPERATURE`` times entropy (Sinkhorn
    1964; Cuturi 2013, eq. 2), after the reduced costs d(i, j) - u(i) - v(j) that lead to it.
    Distances without geometry say little by themselves: what counts is how much shorter a way is
    than the others from i and the others to j, all at once.
    """
    same = torch.eye(relative.shape[1], device=relative.device) > 0
    score = (-relative / TEMPERATURE).masked_fill(same, -1e4)
    for _ in range(SINKHORN_ROUNDS):
        score = score - score.logsumexp(dim=2, keepdim=True)
        score = score - score.logsumexp(dim=1, keepdim=True)
    reduced = (-TEMPERATURE * score).clamp(max=9.0)
    return torch.stack([reduced, score.exp()], dim=-1)


def take_rows(
    table: Float[Tensor, "B N *rest"], row: Int[Tensor, "B P"]
) -> Float[Tensor, "B P *rest"]:
    """``table[b, row[b, p]]``, by one copy of whole rows."""
    batch, n = table.shape[:2]
    flat = row + n * torch.arange(batch, device=row.device)[:, None]
    return table.flatten(0, 1).index_select(0, flat.flatten()).view(*row.shape, *table.shape[2:])
