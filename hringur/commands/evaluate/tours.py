"""``hringur evaluate RUN`` of an agent that builds tours: held-out instances, proven optima."""

import shlex
from collections.abc import Sequence
from typing import Any

import numpy as np

from hringur.agents.tours.decoding import Decoding
from hringur.commands.console import note, present
from hringur.commands.evaluate.episodes import film
from hringur.commands.options import check_only
from hringur.data.tours.held_out import HELD_OUT, HeldOut, held_out
from hringur.evaluation.tours import table
from hringur.evaluation.tours.methods import Planner, learner_scores, places_of
from hringur.evaluation.tours.scores import Score
from hringur.evaluators.choice import domain_for
from hringur.evaluators.tours import LARGEST_SOLVED, OWN_COUNT, TourEvaluator, own_held_out
from hringur.registry import TOURS
from hringur.trained import Trained
from hringur.training.random_state import seed_everything
from hringur.types import UserError

MOST_OWN = 10_000
"""Instances that are drawn and solved at most."""


def main(trained: Trained, options: Any, arguments: Sequence[str]) -> None:
    """Measure, and print; ``options`` are those of ``hringur evaluate``."""
    if options.actions == "sampled":
        raise UserError("--actions is for agents without tours; these have --method sampling")
    if options.option:
        raise UserError("--option is for agents without tours; these have --held-out")
    check_only(trained, options, ("episodes",), "agents without tours, these have --count")
    problem = problem_for([trained], options.held_out, options.count)
    if not isinstance(trained.learner, Planner):
        check_greedy(options, trained)
    films = film(trained, options, trained.learner.env_options)
    note(f"measuring {options.run} on {len(problem):,} instances of {problem.name} ...")
    command = shlex.join(["hringur", "evaluate", *arguments])
    decodings = options.decodings(trained.learner.env_options.get("round_trip", True))
    scores = measure(trained, trained.name, problem, decodings, options.seed, command)
    record = {
        **({"written": [str(path) for path in films]} if films else {}),
        "run": str(trained.path),
        "learner": trained.name,
        "held_out": problem.name,
        "instances": len(problem),
        "scores": [score.to_json(per_instance=False) for score in table.ranked(scores)],
    }
    each = {"scores": [score.to_json(per_instance=True) for score in table.ranked(scores)]}
    present(options, record, [table.table(scores)], each)


def measure(
    trained: Trained,
    name: str,
    problem: HeldOut,
    decodings: Sequence[Decoding],
    seed: int,
    command: str,
) -> list[Score]:
    """One score for each decoding, each from the same seed; SB3's learners have their own two."""
    if not isinstance(trained.learner, Planner):
        return learner_scores(name, trained.learner, problem, command=command)
    scores = []
    for decoding in decodings:
        seed_everything(seed)  # so that 2-opt improves the very samples of the row without it
        scores += learner_scores(name, trained.learner, problem, [decoding], command)
    return scores


def problem_for(trained: Sequence[Trained], name: str | None, count: int | None) -> HeldOut:
    """The held-out instances: the set called ``name``, or such as all of ``trained`` learned from.

    These are a shipped set, where the environment names one, or else drawn from its own sampler and
    solved. Runs that do not agree, and a ``count`` out of range, are refused.
    """
    problem = None if name is None else held_out(name)
    for one in trained:
        if domain_for(one.learner.env_id, one.learner.env_options) is not TOURS:
            raise UserError(f"{one.path} is of {one.learner.env_id}, which has no tours")
        if problem is None:
            problem = own_problem(one, count)
            continue
        if name is None and not same_problem(problem, own_problem(one, count)):
            raise UserError(
                f"these runs were trained on different problems: {one.path} is not of"
                f" {problem.name}: say with --held-out on which to measure them"
            )
    assert problem is not None, "a name or a run is given"
    if count is not None and not 1 <= count <= len(problem):
        raise UserError(f"--count must be in 1..{len(problem)} for {problem.name}, got {count}")
    for one in trained:
        open_path = not one.learner.env_options.get("round_trip", True)
        if open_path and problem.env_options is None:
            raise UserError(f"{one.path} plans open paths; the held-out optima are of round trips")
        if not isinstance(one.learner, Planner) and places_of(one.learner) != problem.n:
            raise UserError(
                f"{one.path} decides on {places_of(one.learner)} places and on no other number: "
                f"{problem.name} has {problem.n}"
            )
    return problem if count is None else problem.first(count)


def own_problem(trained: Trained, count: int | None) -> HeldOut:
    """Held-out instances of the kind that ``trained`` learned from, if they can be solved."""
    learner = trained.learner
    evaluator = TourEvaluator(learner.env_id, learner.env_options)
    shipped = evaluator.shipped
    if shipped is not None:
        return held_out(shipped)
    if evaluator.n_places > LARGEST_SOLVED:
        raise UserError(
            f"{trained.path} learned on {evaluator.n_places} places: instances of more than"
            f" {LARGEST_SOLVED} are not solved here; choose with --held-out, of"
            f" {', '.join(HELD_OUT)}"
        )
    if count is not None and not 1 <= count <= MOST_OWN:
        raise UserError(f"--count must be in 1..{MOST_OWN} for {learner.env_id}, got {count}")
    note(f"solving {count or OWN_COUNT:,} held-out instances of {learner.env_id} ...")
    return own_held_out(learner.env_id, learner.env_options, count or OWN_COUNT)


def same_problem(one: HeldOut, other: HeldOut) -> bool:
    """Whether both are the same instances."""
    return (one.name, one.env_options) == (other.name, other.env_options) and np.array_equal(
        one.instances.distance, other.instances.distance
    )


def check_greedy(options: Any, trained: Trained) -> None:
    """Refuse what only a learner that plans whole tours can do."""
    asked = [f"--method {method}" for method in options.method if method != "greedy"]
    asked += ["--reconstructions"] if options.reconstructions else []
    asked += ["--two-opt"] if options.two_opt else []
    asked += ["--symmetries 8"] if options.symmetries == 8 else []
    if asked:
        raise UserError(f"{trained.name} decides step by step, greedily: it has no {asked[0]}")
