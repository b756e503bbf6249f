"""REINFORCE builds tours through the same commands and tables as the learners made for them."""

import numpy as np
import pytest

from hringur.agents.reinforce.agent import Reinforce
from hringur.evaluation.agents.scores import measure_learner
from hringur.evaluation.tours.methods import Predictor
from hringur.evaluators.choice import TourEvaluator


def test_a_greedy_tour_is_measured_like_any_other():
    agent = Reinforce("IcelandTSP-v0", env_options={"places": 6}, seed=0, device="cpu")
    assert isinstance(agent, Predictor) and agent.n_places == 6
    evaluator = agent.evaluator
    assert isinstance(evaluator, TourEvaluator)
    metrics = agent.evaluate()
    played = measure_learner(agent, evaluator)
    assert 100 * played.gap == pytest.approx(metrics["evaluation/gap_percent"])
    assert np.isfinite(played.returns).all()  # every tour is valid


def test_environments_without_tours_have_no_places():
    agent = Reinforce("CartPole-v1", device="cpu")
    assert not hasattr(agent, "n_places") and not isinstance(agent, Predictor)
    assert (agent.env_id, agent.env_options) == ("CartPole-v1", {})
