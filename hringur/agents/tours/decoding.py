"""From a policy to tours: greedy, from every start, sampled, beam search, eight symmetries.

``TourPolicy`` is what every network provides that builds a tour place by place.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hringur.checks import check_not_negative
from hringur.data.tours.length import tour_length
from hringur.types import UserError

Method = Literal["greedy", "all-starts", "sampling", "beam"]
Choose = Callable[[Float[Tensor, "B P N"], Bool[Tensor, "B P N"]], Int[Tensor, "B P"]]
"""From logits, and which places are open, to the next place."""

DECISIONS_AT_ONCE = 2**22  # P * N of all instances of a slice: bounds the memory of decoding


class Scored(NamedTuple):
    """How likely a policy is to build given tours, each from its first place on [nats]."""

    log_prob: Float[Tensor, "B P"]
    entropy: Float[Tensor, "B P"]
    """entropy of a decision, averaged over the tour"""


@runtime_checkable
class TourPolicy(Protocol):
    """A network over B instances of N places that builds P tours of each at once.

    Encoding and memory are tensors or NamedTuples of tensors, of any content, with the batch first.
    """

    recurrent: bool
    """whether the memory depends on the order in which places were visited"""

    def encode(self, coordinates: Float[Tensor, "B N 2"], distance: Float[Tensor, "B N N"]) -> Any:
        """Whatever does not change while tours are built: one pass over the instances."""

    def begin(self, encoding: Any, start: Int[Tensor, "B P"]) -> Any:
        """The memory of tours that consist of their first places."""

    def logits(
        self,
        encoding: Any,
        memory: Any,
        last: Int[Tensor, "B P"],
        is_open: Bool[Tensor, "B P N"],
    ) -> tuple[Float[Tensor, "B P N"], Any]:
        """Unnormalised log probabilities of the next place, and the memory after this step.

        Those of places that are not open mean nothing; the caller masks them.
        """

    def score(self, encoding: Any, tour: Int[Tensor, "B P N"]) -> Scored:
        """The probability of given tours, all decisions at once."""


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """How tours are taken from a policy."""

    method: Method = "greedy"
    """greedy; greedy from all starts; the best of some samples; or beam search"""

    samples: int = 128
    """tours drawn for each instance (sampling)"""

    beam_width: int = 16
    """tours kept after each step (beam search)"""

    symmetries: Literal[1, 8] = 1
    """8: also decide on the seven mirrored and turned maps, and keep the best"""

    reconstructions: int = 0
    """rounds in which the network builds stretches of the tour anew; always shown apart"""

    two_opt: bool = False
    """improve the tour by 2-opt afterwards; always shown apart"""

    def __post_init__(self) -> None:
        for name in ("samples", "beam_width"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, got {getattr(self, name)}")
        check_not_negative(self, "reconstructions")

    @property
    def label(self) -> str:
        """The method as tables name it."""
        words = {
            "greedy": "greedy",
            "all-starts": "greedy from all starts",
            "sampling": f"best of {self.samples} samples",
            "beam": f"beam of {self.beam_width}",
        }
        parts = [words[self.method]]
        parts += ["8 symmetries"] if self.symmetries == 8 else []
        parts += [f"{self.reconstructions} reconstructions"] if self.reconstructions else []
        parts += ["2-opt"] if self.two_opt else []
        return " + ".join(parts)


@torch.no_grad()
def decode(
    policy: TourPolicy,
    coordinates: Float[Tensor, "B N 2"],
    distance: Float[Tensor, "B N N"],
    start: Int[Tensor, " B"],
    decoding: Decoding,
    round_trip: bool = True,
) -> Int[Tensor, "B N"]:
    """The shortest tour found for each instance, begun at ``start``."""
    if decoding.method == "all-starts" and not round_trip:
        raise UserError("all-starts needs a round trip: an open path begins where it must")
    best, shortest = None, None
    for view in views(coordinates, decoding.symmetries):
        tour = _shortest(policy, view, distance, start, decoding, round_trip)
        length = tour_length(distance, tour, round_trip)
        if best is None or shortest is None:
            best, shortest = tour, length
        else:
            better = length < shortest
            best = torch.where(better[:, None], tour, best)
            shortest = torch.where(better, length, shortest)
    assert best is not None
    return best


def _shortest(
    policy: TourPolicy,
    coordinates: Float[Tensor, "B N 2"],
    distance: Float[Tensor, "B N N"],
    start: Int[Tensor, " B"],
    decoding: Decoding,
    round_trip: bool,
) -> Int[Tensor, "B N"]:
    """The best of the tours that one encoding of each instance leads to, slice by slice."""
    batch, n = coordinates.shape[:2]
    side_by_side = {"greedy": 1, "all-starts": n, "sampling": decoding.samples}
    tours = side_by_side.get(decoding.method, decoding.beam_width)
    step = max(1, DECISIONS_AT_ONCE // (tours * n * 8))
    found = []
    for begin in range(0, batch, step):
        rows = slice(begin, begin + step)
        encoding = policy.encode(coordinates[rows], distance[rows])
        starts = start[rows, None].expand(-1, tours)
        if decoding.method == "all-starts":
            starts = torch.arange(n, device=start.device).expand(len(starts), n)
        if decoding.method == "beam":
            built = beam_search(policy, encoding, start[rows], tours, n)
        else:
            choose = _finite(sample if decoding.method == "sampling" else greedy)
            built = build_tours(policy, encoding, starts, n, choose)
        found.append(best_tour(built, tour_length(distance[rows], built, round_trip)))
    tour = torch.cat(found)
    return turn_to(tour, start) if round_trip else tour


def build_tours(
    policy: Any,
    encoding: object,
    start: Int[Tensor, "B P"],
    n: int,
    choose: Choose,
    end: Int[Tensor, "B P"] | None = None,
) -> Int[Tensor, "B P N"]:
    """P tours of each instance, place by place, all at once; or ways from ``start`` to ``end``.

    To the network such a way is a round trip that began at ``end`` and has come to ``start``.
    The policy may be Fabric's wrapper of a ``TourPolicy``, whose methods isinstance does not see.
    """
    memory, last = policy.begin(encoding, start if end is None else end), start
    is_open = torch.ones(*start.shape, n, dtype=torch.bool, device=start.device)
    if end is not None:
        is_open.scatter_(2, end[..., None], False)
    tour = [start]
    for _ in range(n - 1 if end is None else n - 2):
        is_open.scatter_(2, last[..., None], False)
        logits, memory = policy.logits(encoding, memory, last, is_open)
        last = choose(logits, is_open)
        tour.append(last)
    return torch.stack(tour if end is None else [*tour, end], dim=2)


def _finite(choose: Choose) -> Choose:
    """``choose``, which raises FloatingPointError where logits are not finite.

    Any tour could follow from those, and 2-opt would make it look good.
    """

    def checked(logits: Tensor, is_open: Tensor) -> Tensor:
        check_finite(logits)
        return choose(logits, is_open)

    return checked


def check_finite(logits: Tensor) -> None:
    """Refuse what a broken network says."""
    if not torch.isfinite(logits).all():
        raise FloatingPointError("the network's logits are not finite")


def greedy(logits: Float[Tensor, "B P N"], is_open: Bool[Tensor, "B P N"]) -> Int[Tensor, "B P"]:
    """The most likely open place."""
    return logits.masked_fill(~is_open, -torch.inf).argmax(dim=-1)


def sample(logits: Float[Tensor, "B P N"], is_open: Bool[Tensor, "B P N"]) -> Int[Tensor, "B P"]:
    """An open place by its probability: the inverse distribution function at one random number.

    One random number and one running sum for each decision; noise for every place (Gumbel's
    trick, or torch's ``multinomial``) would cost more than the rest of the step.
    """
    open_only = logits.masked_fill(~is_open, -torch.inf)
    weight = (open_only - open_only.amax(dim=-1, keepdim=True)).exp_()
    reached = weight.cumsum(dim=-1)
    # Below 1, so that rounding cannot lead past the last place with any weight.
    threshold = torch.rand_like(reached[..., :1]).clamp_(max=1 - 1e-6) * reached[..., -1:]
    place = (reached <= threshold).sum(dim=-1)
    return place.clamp_(
        max=logits.shape[-1] - 1
    )  # where logits are not finite; the loss is checked later


def beam_search(
    policy: TourPolicy, encoding: tuple[Tensor, ...], start: Int[Tensor, " B"], width: int, n: int
) -> Int[Tensor, "B P N"]:
    """The ``width`` likeliest tours that survive pruning to ``width`` after every step."""
    batch = len(start)
    last = start[:, None].expand(batch, width)
    memory = policy.begin(encoding, last)
    is_open = torch.ones(batch, width, n, dtype=torch.bool, device=start.device)
    tour = last[..., None]
    log_prob = torch.full((batch, width), -torch.inf, device=start.device)
    log_prob[:, 0] = 0.0  # all beams begin alike: only one may count
    for _ in range(n - 1):
        is_open = is_open.scatter(2, last[..., None], False)
        logits, memory = policy.logits(encoding, memory, last, is_open)
        check_finite(logits)
        step = logits.masked_fill(~is_open, -torch.inf).log_softmax(dim=-1)
        log_prob, chosen = (log_prob[..., None] + step).flatten(1).topk(width, dim=1)
        parent, last = chosen // n, chosen % n
        # A beam without any open continuation is never likelier than a whole one; where there
        # are fewer tours than beams, the spare ones follow the first.
        spare = log_prob == -torch.inf
        parent = torch.where(spare, parent[:, :1], parent)
        last = torch.where(spare, last[:, :1], last)
        tour = torch.cat([_of_parent(tour, parent), last[..., None]], dim=2)
        is_open = _of_parent(is_open, parent)
        memory = _memory_of(memory, parent)
    return tour


def best_tour(tour: Int[Tensor, "B P N"], length: Float[Tensor, "B P"]) -> Int[Tensor, "B N"]:
    """The shortest of the P tours of each instance."""
    chosen = length.argmin(dim=1)
    return tour[torch.arange(len(tour), device=tour.device), chosen]


def turn_to(tour: Int[Tensor, "B N"], start: Int[Tensor, " B"]) -> Int[Tensor, "B N"]:
    """The same round trips, begun at ``start``."""
    n = tour.shape[1]
    first = (tour == start[:, None]).int().argmax(dim=1)
    position = (torch.arange(n, device=tour.device) + first[:, None]) % n
    return tour.gather(1, position)


def readings(
    tour: Int[Tensor, "B N"], start: Int[Tensor, "B P"], directed: bool = False
) -> Int[Tensor, "B P N"]:
    """The same round trip begun at each of ``start``, half of them in the other direction.

    Where it is ``directed``, none is turned.
    """
    batch, tours = start.shape
    if directed:
        return turn_to(tour.repeat_interleave(tours, dim=0), start.flatten()).view(*start.shape, -1)
    ways = torch.stack([tour, tour.flip(1)], dim=1)  # B 2 N
    way = torch.randint(2, (batch, tours), device=tour.device)
    turned = ways[torch.arange(batch, device=tour.device)[:, None], way]  # B P N
    return turn_to(turned.flatten(0, 1), start.flatten()).view_as(turned)


def views(coordinates: Float[Tensor, "B N 2"], symmetries: int) -> list[Float[Tensor, "B N 2"]]:
    """The instance as it is, and turned and mirrored within the unit square."""
    if symmetries == 1:
        return [coordinates]
    x, y = coordinates[..., 0], coordinates[..., 1]
    pairs = [(x, y), (1 - x, y), (x, 1 - y), (1 - x, 1 - y)]
    pairs += [(b, a) for a, b in pairs]
    return [torch.stack(pair, dim=-1) for pair in pairs]


def _of_parent(table: Tensor, parent: Int[Tensor, "B P"]) -> Tensor:
    """``table[b, parent[b, p]]``."""
    return table[torch.arange(len(parent), device=parent.device)[:, None], parent]


def _memory_of(memory: Tensor | tuple[Tensor, ...], parent: Int[Tensor, "B P"]) -> object:
    if isinstance(memory, Tensor):
        return _of_parent(memory, parent)
    return type(memory)(*(_of_parent(part, parent) for part in memory))
