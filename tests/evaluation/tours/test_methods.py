from dataclasses import replace

import numpy as np
import pytest

import hringur  # noqa: F401  registers the environments
from hringur.agents.sb3.settings import MaskablePPOConfig, PPOConfig
from hringur.agents.tours.decoding import Decoding
from hringur.data.tours.held_out import held_out
from hringur.evaluation.tours.methods import exact_score, heuristic_scores, learner_scores
from hringur.references.tours.heuristics import HEURISTICS, farthest_insertion, nearest_neighbour
from hringur.training.trainer import TrainerConfig, make_fabric
from hringur.types import UserError


def few():
    return held_out("iceland-20").first(10)


class Scripted:
    """Nearest neighbour when greedy, farthest insertion from all starts."""

    def plan(self, instances, decoding=None):
        plan = nearest_neighbour if decoding.method == "greedy" else farthest_insertion
        return plan(instances.distance)


def test_a_planner_gets_a_score_for_each_decoding():
    greedy, all_starts = learner_scores("scripted", Scripted(), few(), command="type this")
    assert greedy.decoding == "greedy" and "all starts" in all_starts.decoding
    by_name = {each.name: each for each in heuristic_scores(few())}
    np.testing.assert_array_equal(greedy.length, by_name["nearest neighbour"].length)
    np.testing.assert_array_equal(all_starts.length, by_name["farthest insertion"].length)
    assert greedy.kind == "learned" and greedy.command == "type this"


def test_local_search_is_a_row_of_its_own():
    decodings = [Decoding(), Decoding(two_opt=True)]
    labels = [each.decoding for each in learner_scores("s", Scripted(), few(), decodings)]
    assert labels == ["greedy", "greedy + 2-opt"]


@pytest.mark.parametrize(
    "config, decodings",
    [
        (MaskablePPOConfig(n_envs=2), ["greedy"]),
        (PPOConfig(n_envs=2), ["greedy, masked", "greedy"]),
    ],
)
def test_unmasked_learners_get_two_scores(config, decodings):
    fabric = make_fabric(TrainerConfig(device="cpu"))
    learner, _ = config.build("IcelandTSP-v0", {"places": 20}, 0, fabric)
    scores = learner_scores("sb3", learner, few())
    assert [each.decoding for each in scores] == decodings
    assert scores[0].share_valid == 1.0


def test_a_learner_of_another_size_is_refused():
    fabric = make_fabric(TrainerConfig(device="cpu"))
    learner, _ = PPOConfig(n_envs=2).build("IcelandTSP-v0", {"places": 5}, 0, fabric)
    with pytest.raises(UserError, match="trained on 5 places"):
        learner_scores("ppo", learner, few())


def test_every_heuristic_is_scored_by_a_readable_name():
    names = [each.name for each in heuristic_scores(few())]
    assert len(names) == len(HEURISTICS)
    assert {"nearest neighbour, best start", "farthest insertion + 2-opt"} < set(names)


def test_the_exact_solver_has_no_gap():
    found = exact_score(few(), timed=2)
    assert found.kind == "exact" and found.share_optimal == 1.0 and found.seconds > 0


def test_a_wrong_shipped_optimum_does_not_pass_unseen():
    wrong = replace(few(), optimal=few().optimal * 1.01)
    with pytest.raises(RuntimeError, match="differ from the shipped"):
        exact_score(wrong, timed=2)
