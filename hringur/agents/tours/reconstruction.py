"""Stretches of a finished tour, built anew by the network that built it (Luo et al. 2023, 4.3).

The way between two places of a tour, through those between them, is a smaller problem: a network
that has learned to finish round trips finishes this one, for it looks at where it is and where it
has to arrive. Each round cuts all tours into stretches of one random length, at random places and
in a random direction, maps each onto the unit square, turned or mirrored, and keeps what became
shorter. No tour gets longer, and nothing but the network proposes another one.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hringur.agents.tours.decoding import build_tours, greedy, turn_to, views
from hringur.data.tours.length import tour_length

SHORTEST, LONGEST = 8, 50  # places of a stretch; a shorter one is seldom built better
AT_ONCE = 256  # instances: bounds the memory


@torch.no_grad()
def reconstruct(
    policy: Any,
    coordinates: Float[Tensor, "B N 2"],
    distance: Float[Tensor, "B N N"],
    tour: Int[Tensor, "B N"],
    rounds: int,
    round_trip: bool = True,
) -> Int[Tensor, "B N"]:
    """The tours, begun where they began, after so many rounds."""
    rows = [slice(begin, begin + AT_ONCE) for begin in range(0, len(tour), AT_ONCE)]
    return torch.cat(
        [
            _reconstruct(policy, coordinates[r], distance[r], tour[r], rounds, round_trip)
            for r in rows
        ]
    )


def _reconstruct(
    policy: Any,
    coordinates: Tensor,
    distance: Tensor,
    tour: Tensor,
    rounds: int,
    round_trip: bool,
) -> Tensor:
    n, start = tour.shape[1], tour[:, 0]
    turnable = round_trip and torch.equal(distance, distance.transpose(1, 2))
    for _ in range(rounds if n >= SHORTEST else 0):
        size = _below(min(LONGEST, n) - SHORTEST + 1) + SHORTEST
        if round_trip:
            tour = tour.roll(_below(n), dims=1)
        if turnable and _below(2):
            tour = tour.flip(1)
        first = _below(min(size, n - size + 1))
        last = first + (n - first) // size * size
        stretch = tour[:, first:last].reshape(-1, size)
        owner = torch.arange(len(tour), device=tour.device).repeat_interleave(
            len(stretch) // len(tour)
        )
        points = coordinates[owner[:, None], stretch]
        apart = distance[owner[:, None, None], stretch[:, :, None], stretch[:, None, :]]
        better = stretch.gather(1, _shorter_ways(policy, points, apart))
        tour = torch.cat([tour[:, :first], better.view(len(tour), -1), tour[:, last:]], dim=1)
    return turn_to(tour, start) if round_trip else tour


def _shorter_ways(
    policy: Any, points: Float[Tensor, "S L 2"], distance: Float[Tensor, "S L L"]
) -> Int[Tensor, "S L"]:
    """Ways from the first to the last place through all others: the network's, where shorter."""
    points = points - points.amin(dim=1, keepdim=True)
    points = points / points.amax(dim=(1, 2), keepdim=True).clamp(min=1e-9)
    encoding = policy.encode(views(points, 8)[_below(8)], distance)
    size = points.shape[1]
    known = torch.arange(size, device=points.device).expand(len(points), size)
    built = build_tours(policy, encoding, known[:, :1], size, greedy, known[:, -1:])[:, 0]
    ways = torch.stack([known, built], dim=1)  # S 2 L
    length = tour_length(distance, ways, False)
    shorter = length[:, 1] < length[:, 0] * (1 - 1e-6)  # beyond rounding
    return torch.where(shorter[:, None], built, known)


def _below(limit: int) -> int:
    """A random whole number from 0 to ``limit`` - 1."""
    return int(torch.randint(limit, ()))
