"""How far made images are from real ones in feature space; counted in 64 bits.

Frechet distance: means and covariances only (Dowson & Landau 1982; Heusel et al. 2017)
kernel distance: moments up to the third, without bias (Binkowski et al. 2018)
precision, recall: made images among real ones, and the reverse (Kynkaanniemi et al. 2019)
density, coverage: real neighbourhoods of a made image, and with one (Naeem et al. 2020)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from hringur.types import UserError, optional

CHUNK = 1000
"""Rows of a matrix of pairs that are in memory at a time."""

PRECISION_NEIGHBOURS, COVERAGE_NEIGHBOURS = 3, 5
"""k of Kynkaanniemi et al. 2019, and of Naeem et al. 2020."""


def frechet_distance(x: Float[Tensor, "N D"], y: Float[Tensor, "M D"]) -> float:
    """The squared 2-Wasserstein distance of the normal distributions that have these moments.

    ``|m_x - m_y|^2 + tr(S_x + S_y - 2 (S_x S_y)^(1/2))``

    The estimate is biased upwards: compare only figures of equally many vectors.
    """
    return frechet_between(*_moments(x), *_moments(y))


def frechet_between(
    mean_x: Float[Tensor, " D"],
    covariance_x: Float[Tensor, "D D"],
    mean_y: Float[Tensor, " D"],
    covariance_y: Float[Tensor, "D D"],
) -> float:
    """The same from means and covariances.

    (S_x S_y)^(1/2) has the trace of the symmetric (R S_y R)^(1/2), with R the root of S_x.
    """
    values, vectors = torch.linalg.eigh(covariance_x)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    shared = torch.linalg.eigvalsh(root @ covariance_y @ root).clamp(min=0).sqrt().sum()
    traces = covariance_x.trace() + covariance_y.trace() - 2 * shared
    return max(0.0, ((mean_x - mean_y).square().sum() + traces).item())


def kernel_distance(x: Float[Tensor, "N D"], y: Float[Tensor, "M D"]) -> float:
    """The unbiased estimate of MMD^2 under k(a, b) = (a.b / D + 1)^3 from all pairs.

    Binkowski et al. average over blocks of 1,000, which has more variance.
    """
    x, y = _checked(x), _checked(y)
    return _mean_of_pairs(x) + _mean_of_pairs(y) - 2 * _kernel_sum(x, y) / (len(x) * len(y))


@dataclass(frozen=True)
class Neighbourhoods:
    """Measures of made images by nearest neighbours; 1 is best for each."""

    precision: float
    recall: float
    density: float
    """above 1 where made images concentrate in dense regions of real ones"""

    coverage: float


def neighbourhoods(
    real: Float[Tensor, "N D"],
    made: Float[Tensor, "M D"],
    precision_neighbours: int = PRECISION_NEIGHBOURS,
    coverage_neighbours: int = COVERAGE_NEIGHBOURS,
) -> Neighbourhoods:
    """Precision, recall, density and coverage.

    A vector's neighbourhood is the closed ball that reaches to its k-th nearest other vector of
    its own set. Precision: made vectors in the neighbourhood of any real one; recall: the other
    way round; density: real neighbourhoods that a made vector is in, over k; coverage: real
    neighbourhoods with any made vector.
    """
    real, made = _checked(real), _checked(made)
    # Far from the origin, distances by a product of matrices lose digits; a mean may be far off.
    centre = real.median(dim=0).values
    real, made = real - centre, made - centre
    fewest, most = min(len(real), len(made)), max(precision_neighbours, coverage_neighbours)
    if fewest <= most:
        raise UserError(f"{most} neighbours need at least {most + 1} vectors, got {fewest}")
    near_real, wide_real = _radii(real, precision_neighbours, coverage_neighbours)
    near_made, _ = _radii(made, precision_neighbours, coverage_neighbours)
    precise = torch.zeros(len(made), dtype=torch.bool, device=real.device)
    inside, recalled, covered = 0, [], []
    for rows, distance in _distances(real, made):  # chunk M
        precise |= (distance <= near_real[rows, None]).any(dim=0)
        recalled.append((distance <= near_made).any(dim=1))
        within = distance <= wide_real[rows, None]
        inside += int(within.sum())
        covered.append(within.any(dim=1))
    return Neighbourhoods(
        precision=precise.float().mean().item(),
        recall=torch.cat(recalled).float().mean().item(),
        density=inside / (coverage_neighbours * len(made)),
        coverage=torch.cat(covered).float().mean().item(),
    )


def confident_share(probabilities: Float[Tensor, "B K"], threshold: float = 0.9) -> float:
    """Share of images that a classifier puts in some class with more than ``threshold``."""
    return (probabilities.amax(dim=1) > threshold).float().mean().item()


def reconstruction_error(image: Float[Tensor, "B *P"], rebuilt: Float[Tensor, "B *P"]) -> float:
    """Squared error summed over the pixels of an image, mean over images; pixels in 0..1."""
    return (image - rebuilt).square().flatten(1).sum(dim=1).mean().item()


def exact_transport(x: Float[Tensor, "N Z"], y: Float[Tensor, "M Z"]) -> float:
    """The exact cost of transport between two batches of codes of mass 1 [squared distance].

    Its time grows with the cube of the number of codes, so keep to 2,000. It needs POT.
    """
    ot = python_optimal_transport()
    a, b = (_checked(codes).cpu().numpy() for codes in (x, y))
    return float(ot.emd2([], [], ot.dist(a, b, metric="sqeuclidean"), numItermax=2_000_000))


def python_optimal_transport() -> Any:
    """The package POT, which is an extra."""
    return optional("ot", "the exact cost of transport", "generative")


def _checked(vectors: Float[Tensor, "N D"]) -> Float64[Tensor, "N D"]:
    """At least two finite vectors, in 64 bits."""
    if len(vectors) < 2:
        raise UserError(f"at least 2 images are needed to measure anything, got {len(vectors)}")
    if not bool(torch.isfinite(vectors).all()):
        raise UserError("cannot measure: some of the images or codes are not finite numbers")
    return vectors.double()


def _moments(vectors: Float[Tensor, "N D"]) -> tuple[Float[Tensor, " D"], Float[Tensor, "D D"]]:
    vectors = _checked(vectors)
    mean = vectors.mean(dim=0)
    centred = vectors - mean
    return mean, centred.T @ centred / (len(vectors) - 1)


def _kernel_sum(x: Float[Tensor, "N D"], y: Float[Tensor, "M D"]) -> float:
    """Sum of the kernel over all pairs, a chunk of rows at a time."""
    return sum((rows @ y.T / x.shape[1] + 1).pow_(3).sum().item() for rows in x.split(CHUNK))


def _mean_of_pairs(x: Float[Tensor, "N D"]) -> float:
    """Mean of the kernel over all pairs of two different vectors."""
    n = len(x)
    alone = (x.square().sum(dim=1) / x.shape[1] + 1).pow(3).sum().item()
    return (_kernel_sum(x, x) - alone) / (n * (n - 1))


def _distances(
    x: Float[Tensor, "N D"], y: Float[Tensor, "M D"]
) -> Iterator[tuple[slice, Float[Tensor, "chunk M"]]]:
    """Euclidean distances of a chunk of ``x`` from all of ``y``, with the rows they belong to."""
    for first in range(0, len(x), CHUNK):
        rows = slice(first, first + CHUNK)
        yield rows, torch.cdist(x[rows], y)


def _radii(
    vectors: Float[Tensor, "N D"], *neighbours: int
) -> tuple[Float[Tensor, " N"], Float[Tensor, " N"]]:
    """Distance of each vector from its k-th nearest other one, for two k."""
    nearest = []
    for rows, distance in _distances(vectors, vectors):
        distance.diagonal(rows.start).fill_(torch.inf)  # not its own neighbour
        nearest.append(distance.topk(max(neighbours), dim=1, largest=False).values)
    sorted_distances = torch.cat(nearest)
    first, second = (sorted_distances[:, k - 1] for k in neighbours)
    return first, second
