"""REINFORCE builds tours through the same commands and tables as the learners made for them."""

import numpy as np
import pytest

from hringur.agents.reinforce.agent import Reinforce
from hringur.evaluation.tours.methods import Predictor, places_of
from hringur.evaluators.tours import TourEvaluator
from hringur.types import UserError


def test_a_greedy_tour_is_measured_like_any_other():
    agent = Reinforce("IcelandTSP-v0", env_options={"places": 6}, seed=0, device="cpu")
    assert isinstance(agent, Predictor) and places_of(agent) == 6
    evaluator = agent.evaluator
    assert isinstance(evaluator, TourEvaluator)
    metrics = agent.evaluate()
    played = evaluator.play(agent)
    assert 100 * played.gap == pytest.approx(metrics["evaluation/gap_percent"])
    assert np.isfinite(played.returns).all()  # every tour is valid


def test_environments_without_tours_have_no_places():
    agent = Reinforce("CartPole-v1", device="cpu")
    with pytest.raises(UserError, match="trained on CartPole-v1, which has no tours"):
        places_of(agent)
    assert (agent.env_id, agent.env_options) == ("CartPole-v1", {})
