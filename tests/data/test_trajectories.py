"""Simulated trajectories: beside scipy's integrator, and what motion conserves."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from hringur.data import trajectories
from hringur.data.trajectories import (
    CHARGE,
    INTERVAL,
    OBSERVATIONS,
    SOFTENING,
    SPRING,
    charged,
    electric_force,
    load_trajectories,
    springs,
)
from hringur.types import UserError

TIMES = INTERVAL * np.arange(OBSERVATIONS)


def integrated(motion, acceleration):
    """The same simulation by scipy: state to derivatives, from the first observation."""
    bodies = len(motion)

    def derivative(_, state):
        position, velocity = state.reshape(2, bodies, 2)
        return np.concatenate([velocity.ravel(), acceleration(position).ravel()])

    first = motion[:, 0].astype(float)
    began = np.concatenate([first[:, :2].ravel(), first[:, 2:].ravel()])
    found = solve_ivp(derivative, (0, TIMES[-1]), began, t_eval=TIMES, rtol=1e-7, atol=1e-7)
    return found.y.reshape(2, bodies, 2, -1).transpose(1, 3, 0, 2).reshape(bodies, -1, 4)


def test_springs_move_as_scipy_integrates_hookes_law():
    motion, graph = springs(np.random.default_rng(1), 3)
    for one, joined in zip(motion, graph, strict=True):

        def hooke(x, joined=joined):
            return SPRING * (joined[..., None] * (x[None] - x[:, None])).sum(axis=1)

        np.testing.assert_allclose(one, integrated(one, hooke), atol=1e-4)


def test_charges_move_as_scipy_integrates_coulombs_law():
    motion, alike = charged(np.random.default_rng(1), 1)
    for one, same in zip(motion, alike, strict=True):
        charge = np.where(same[0], 1.0, -1.0)
        charge[0] = 1.0

        def coulomb(x, charge=charge):
            force = np.zeros_like(x)
            for i in range(len(x)):
                for j in range(len(x)):
                    away = x[i] - x[j]
                    distance = np.sqrt(away @ away + SOFTENING**2)
                    force[i] += CHARGE * charge[i] * charge[j] * away / distance**3
            return force

        expected = integrated(one, coulomb)
        np.testing.assert_allclose(one[:, :15], expected[:, :15], atol=0.01)  # then chaos


def test_charges_keep_their_energy_and_momentum():
    motion, alike = charged(np.random.default_rng(0), 200)
    sign = np.where(alike, 1.0, -1.0) * (1 - np.eye(motion.shape[1]))
    position, velocity = motion[..., :2].astype(float), motion[..., 2:].astype(float)
    apart = position[:, :, None] - position[:, None]
    distance = np.sqrt((apart**2).sum(axis=-1) + SOFTENING**2)  # M N N T
    potential = 0.5 * CHARGE * (sign[..., None] / distance).sum(axis=(1, 2))
    energy = 0.5 * (velocity**2).sum(axis=(1, 3)) + potential
    assert np.median(np.ptp(energy, axis=1)) < 0.02 and np.ptp(energy, axis=1).max() < 0.5
    momentum = velocity.sum(axis=1)
    np.testing.assert_allclose(
        momentum, np.broadcast_to(momentum[:, :1], momentum.shape), atol=1e-4
    )


def test_forces_of_two_charges_are_opposite_and_like_ones_repel():
    place = np.array([[[0.0, 0.0], [1.0, 0.0]]])
    force = electric_force(place, np.array([[[1.0], [1.0]]]))
    assert force[0, 0, 0] == -force[0, 1, 0] == pytest.approx(-1 / (1 + SOFTENING**2) ** 1.5)


@pytest.mark.parametrize("name", ["springs", "charged"])
def test_a_data_set_is_the_same_at_every_call_and_its_graphs_are_symmetric(name):
    data, again = (load_trajectories(name, 30, 20) for _ in range(2))
    assert (data.train == again.train).all() and data.train.shape == (30, 5, 49, 4)
    assert not (data.train[:20] == data.test).any()
    graph = data.train_graph
    assert (graph == graph.transpose(0, 2, 1)).all() and not graph[:, range(5), range(5)].any()
    assert 0.3 < graph[:, ~np.eye(5, dtype=bool)].mean() < 0.7


def test_an_unknown_system_is_refused():
    with pytest.raises(UserError, match="one of springs, charged, got 'pendulum'"):
        load_trajectories("pendulum")
    assert set(trajectories.SYSTEMS) == {"springs", "charged"}
