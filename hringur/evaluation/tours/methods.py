"""Scores of everything that plans tours: trained learners, classic heuristics, the exact solver."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from hringur.agents.tours.decoding import Decoding
from hringur.data.tours.held_out import HeldOut
from hringur.evaluation.tours.scores import Score, evaluate_plan, evaluate_predict
from hringur.evaluators.choice import domain_for
from hringur.evaluators.episodes import decider
from hringur.evaluators.tours import Planner, TourEvaluator
from hringur.references.tours.exact import optimal_tour
from hringur.references.tours.heuristics import heuristics
from hringur.registry import TOURS
from hringur.types import UserError

DECODINGS = (Decoding(), Decoding(method="all-starts"))
"""The usual decodings: one greedy tour, and the best of one from each place."""


@runtime_checkable
class Predictor(Protocol):
    """A learner that decides step by step, on as many places as it was trained on."""

    env_id: str
    env_options: Mapping[str, Any]
    masks_itself: bool
    """whether it never proposes a visited place, as MaskablePPO"""

    def predict(
        self, observation: dict[str, Any], *, action_masks: np.ndarray | None = None
    ) -> tuple[Any, Any]:
        """Allowed actions for a batch of observations."""


def places_of(learner: Any) -> int:
    """Number of places of the tours that a learner was trained on."""
    if not hasattr(learner, "env_id"):
        raise UserError("it is a model of images, which plans no tours")
    if domain_for(learner.env_id, learner.env_options) is not TOURS:
        raise UserError(f"it was trained on {learner.env_id}, which has no tours to build")
    return TourEvaluator(learner.env_id, learner.env_options).n_places


def learner_scores(
    name: str,
    learner: Planner | Predictor,
    held_out: HeldOut,
    decodings: Sequence[Decoding] = DECODINGS,
    command: str = "",
) -> list[Score]:
    """Scores of a trained learner.

    A planner is scored with each of ``decodings``. A learner that decides step by step is scored
    greedily: with visited places masked and, if it was trained without masks, also without them.
    """
    if isinstance(learner, Planner):
        planner = learner
        return [
            evaluate_plan(
                lambda instances, d=decoding: planner.plan(instances, d),  # type: ignore[misc]
                held_out,
                name=name,
                kind="learned",
                decoding=decoding.label,
                command=command,
            )
            for decoding in decodings
        ]
    decider(learner)  # refuses one that cannot decide
    if places_of(learner) != held_out.n:
        raise UserError(
            f"{name} was trained on {places_of(learner)} places and takes no others: "
            f"{held_out.name} has {held_out.n}"
        )
    masks = {"greedy": True} if learner.masks_itself else {"greedy, masked": True, "greedy": False}
    return [
        evaluate_predict(
            lambda observation, m=masked: learner.predict(  # type: ignore[misc]
                observation, action_masks=1 - observation["visited"] if m else None
            )[0],
            held_out,
            name=name,
            decoding=label,
            command=command,
        )
        for label, masked in masks.items()
    ]


def heuristic_scores(
    held_out: HeldOut, command: str = "", names: Sequence[str] | None = None
) -> list[Score]:
    """Scores of the heuristics of these names, or of all."""
    known = heuristics()
    return [
        evaluate_plan(
            lambda instances, h=known[name]: h(instances.distance),  # type: ignore[misc]
            held_out,
            name=heuristic_name(name),
            kind="heuristic",
            command=command,
        )
        for name in names or known
    ]


def heuristic_name(name: str) -> str:
    """``nearest-neighbour-best-start`` in words."""
    base, local_search, _ = name.replace("-best-start", ", best start").partition("+2opt")
    words = base.replace("-", " ").replace("christofides", "Christofides")
    return f"{words} + 2-opt" if local_search else words


def exact_score(held_out: HeldOut, timed: int = 5, command: str = "") -> Score:
    """Score of the shipped proven tours; the solver is timed and checked on ``timed`` of them."""
    shipped = evaluate_plan(
        lambda _: held_out.tour, held_out, name="exact solver", kind="exact", command=command
    )
    few = held_out.first(timed)
    began = time.perf_counter()
    found = np.array([optimal_tour(table).length for table in few.instances.distance])
    seconds = (time.perf_counter() - began) / len(few)
    if not np.allclose(found, few.optimal, rtol=1e-6):
        raise RuntimeError(f"the solver's {found} differ from the shipped optima {few.optimal}")
    return replace(shipped, seconds=seconds * len(held_out))
