"""Trajectories of bodies that pull at each other in the plane, simulated here, with the true graph.

=========== ======================================================================== ==============
data set    which pairs interact                                                     motion by
=========== ======================================================================== ==============
``springs`` each pair is joined by a spring with probability 1/2, others not at all  normal modes
``charged`` each body is charged +1 or -1: like charges repel, others attract        leapfrog steps
=========== ======================================================================== ==============

The constants are those of Kipf et al. 2018, section 5.1 and appendix B, without the walls: springs
of strength 0.1, charges of strength 1, 49 observations 0.1 units of time apart. Springs are linear,
so that their motion is known exactly. Charges are softened: each is a ball of radius ``SOFTENING``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from hringur.types import UserError

BODIES = 5
OBSERVATIONS = 49
INTERVAL = 0.1
"""units of time between observations"""

SPRING = 0.1
"""force of a spring per unit of its length"""

CHARGE = 1.0
"""force between two charges times their squared distance"""

SOFTENING = 0.3
"""radius of a charge [unit of length]: below it the force falls again"""

STEPS = 10
"""leapfrog steps between two observations"""

SPREAD, SPEED = 0.5, 0.5
"""of the first positions (standard deviation) and velocities (length)"""

TRAIN, TEST = 10_000, 2_000

Motion = Float[np.ndarray, "M N T 4"]
"""Position and velocity (x, y, vx, vy) of N bodies at T times in M simulations."""

Graph = Bool[np.ndarray, "M N N"]
"""Which bodies interact: are joined by a spring, or repel each other. Symmetric."""


@dataclass(frozen=True, eq=False)
class Trajectories:
    """Simulations to train on and held-out ones, with their graphs, which training never sees."""

    name: str
    train: Float[np.ndarray, "M N T 4"]
    test: Float[np.ndarray, "K N T 4"]
    train_graph: Bool[np.ndarray, "M N N"]
    test_graph: Bool[np.ndarray, "K N N"]


def springs(rng: np.random.Generator, count: int) -> tuple[Motion, Graph]:
    """``count`` simulations of bodies joined by springs, exactly.

    x'' = -k L x with the graph's Laplacian L = U diag(m) U' moves each mode by itself:
    y(t) = y(0) cos(w t) + y'(0) sin(w t) / w, w = sqrt(k m), and y(0) + y'(0) t where m = 0.
    """
    graph = np.triu(rng.random((count, BODIES, BODIES)) < 0.5, 1)
    graph |= graph.transpose(0, 2, 1)
    laplacian = graph.sum(axis=2)[:, :, None] * np.eye(BODIES) - graph
    stiffness, modes = np.linalg.eigh(laplacian)
    rate = np.sqrt(SPRING * stiffness.clip(0))[:, :, None, None]  # M N 1 1
    position, velocity = ((modes.transpose(0, 2, 1) @ x)[:, :, None] for x in beginning(rng, count))
    time = INTERVAL * np.arange(OBSERVATIONS)[:, None]
    cosine, sine = np.cos(rate * time), time * np.sinc(rate * time / np.pi)  # sin(w t) / w
    moved = position * cosine + velocity * sine
    slope = velocity * cosine - rate**2 * position * sine
    of_modes = np.concatenate([moved, slope], axis=-1)
    return np.einsum("mik,mktf->mitf", modes, of_modes).astype(np.float32), graph


def charged(rng: np.random.Generator, count: int) -> tuple[Motion, Graph]:
    """``count`` simulations of charged bodies by the leapfrog method, which is symplectic."""
    charge = rng.choice([-1.0, 1.0], (count, BODIES, 1))
    position, velocity = beginning(rng, count)
    step = INTERVAL / STEPS
    observed = [np.concatenate([position, velocity], axis=-1)]
    force = electric_force(position, charge)
    for _ in range(OBSERVATIONS - 1):
        for _ in range(STEPS):
            velocity = velocity + 0.5 * step * force
            position = position + step * velocity
            force = electric_force(position, charge)
            velocity = velocity + 0.5 * step * force
        observed.append(np.concatenate([position, velocity], axis=-1))
    alike = (charge * charge.transpose(0, 2, 1) > 0) & ~np.eye(BODIES, dtype=bool)
    return np.stack(observed, axis=2).astype(np.float32), alike


def electric_force(
    position: Float[np.ndarray, "M N 2"], charge: Float[np.ndarray, "M N 1"]
) -> Float[np.ndarray, "M N 2"]:
    """Force on each body: sum_j c q_i q_j (x_i - x_j) / (|x_i - x_j|^2 + s^2)^(3/2)."""
    apart = position[:, :, None] - position[:, None]  # M N N 2
    squared = np.einsum("mijd,mijd->mij", apart, apart) + SOFTENING**2
    strength = CHARGE * charge * charge.transpose(0, 2, 1) / (squared * np.sqrt(squared))
    return np.einsum("mij,mijd->mid", strength, apart)


def beginning(
    rng: np.random.Generator, count: int
) -> tuple[Float[np.ndarray, "M N 2"], Float[np.ndarray, "M N 2"]]:
    """First positions, normal around the middle, and velocities of equal length."""
    position = SPREAD * rng.standard_normal((count, BODIES, 2))
    angle = 2 * np.pi * rng.random((count, BODIES))
    return position, SPEED * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


SYSTEMS: dict[str, Callable[[np.random.Generator, int], tuple[Motion, Graph]]] = {
    "springs": springs,
    "charged": charged,
}
"""Simulations by name."""


def load_trajectories(name: str, train: int = TRAIN, test: int = TEST) -> Trajectories:
    """The data set called ``name``, the same at every call."""
    if name not in SYSTEMS:
        known = ", ".join(SYSTEMS)
        raise UserError(f"data set of trajectories must be one of {known}, got {name!r}")
    (motion, graph), (held_out, own) = (
        SYSTEMS[name](np.random.default_rng([seed, 53]), count)
        for seed, count in enumerate((train, test))
    )
    return Trajectories(name, motion, held_out, graph, own)
