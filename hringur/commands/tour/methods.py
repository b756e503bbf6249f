"""How ``hringur tour`` finds a tour, and what is known about shorter ones.

Networks, and with them torch, are imported only when one is used.
"""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int

from hringur.commands.console import note
from hringur.commands.tour.problem import Problem
from hringur.data.hub import PREFIX
from hringur.data.tours.iceland import places
from hringur.data.tours.own_instances import OwnInstance
from hringur.data.tours.proven_tours import proven_tours
from hringur.references.tours.exact import ExactTour, end_at, optimal_tour, tied_ends
from hringur.references.tours.heuristics import begin_at, heuristics, two_opt
from hringur.training.config import Device
from hringur.types import UserError
from hringur.weights.shipped import ATTENTION_MODEL

LONG_PROOF = 60  # places above which a proof may take long, and is announced
ALSO_TURNED = range(21, 151)  # places: fewer need no turned and mirrored maps, more take long


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """A tour and how it was found."""

    tour: Int[np.ndarray, " N"]
    method: str
    """for the reader"""
    network_tour: Int[np.ndarray, " N"] | None = None
    """what the network planned by itself, before 2-opt; None if there was no network"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """What is known about a problem, and which tour is shown."""

    problem: Problem
    shown: Plan
    """the agent's that was named, else the shortest that is known"""
    agent: Plan | None
    best: ExactTour
    """the exact solver's, proven or not"""


def plan_by_default(problem: Problem, device: Device, seed: int) -> Plan:
    """The shipped model's; without it, or where a network cannot serve, that of a heuristic."""
    if not problem.symmetric:
        return by_heuristic(problem, "farthest-insertion")
    if ATTENTION_MODEL.is_file():
        try:
            return by_network(problem, "attention-model", device, seed)
        except FloatingPointError as error:  # distances beyond all that it has seen
            note(f"hringur: {error}: a heuristic plans instead")
    return by_heuristic(problem, "farthest-insertion+2opt")


def check_agent(agent: str) -> None:
    """Refuse what is neither a name that is known nor a path that exists."""
    if agent == "attention-model":
        if not ATTENTION_MODEL.is_file():
            raise UserError(f"agent {agent!r}: this installation comes without a trained model")
    elif agent not in heuristics() and not (agent.startswith(PREFIX) or os.path.exists(agent)):
        known = ", ".join([*heuristics(), "attention-model"])
        raise UserError(
            f"unknown agent {agent!r}: there is no such run folder or saved agent, "
            f"and the names that are known are {known}"
        )


def plan(problem: Problem, agent: str, device: Device, seed: int) -> Plan:
    """The tour that ``agent`` finds."""
    if agent in heuristics():
        return by_heuristic(problem, agent)
    if not problem.symmetric:
        raise UserError(
            f"agent {agent!r} needs distances that are the same in both directions, "
            "and these are not; --exact and --agent farthest-insertion can use them"
        )
    return by_network(problem, agent, device, seed)


def by_heuristic(problem: Problem, name: str) -> Plan:
    """A classic heuristic; an open path is its round trip cut open before the first place."""
    distance, start = between_ends(problem), np.array([problem.start])
    try:
        tour = heuristics()[name](distance, start)
    except ValueError as error:  # some need symmetric distances
        raise UserError(f"agent {name!r} cannot plan this tour: {error}") from error
    if problem.end is not None:
        tour = end_at(tour[0], problem.end)[None]
    elif not problem.round_trip:
        ways = [tour[0], np.append(start, tour[0, :0:-1])] if problem.symmetric else [tour[0]]
        tour = min(ways, key=problem.length)[None]
        if name.endswith("+2opt"):
            tour = two_opt(distance, tour, round_trip=False)
    return Plan(tour=tour[0], method=name)


def between_ends(problem: Problem) -> Float64[np.ndarray, "1 N N"]:
    """The distances, tied where the end is given, so that a round trip ends there."""
    distance = problem.instance.distance
    if problem.end is None:
        return distance
    return tied_ends(distance[0], problem.start, problem.end)[0][None]


def by_network(problem: Problem, agent: str, device: Device, seed: int) -> Plan:
    """A network, and 2-opt on what it planned."""
    from hringur.agents.tours.decoding import Decoding
    from hringur.agents.tours.planner import plan, saved_network
    from hringur.training.random_state import seed_everything

    decoding = Decoding(
        method="all-starts" if problem.round_trip else "sampling",
        symmetries=8 if problem.n_places in ALSO_TURNED else 1,
    )
    starts, label = np.array([problem.start]), decoding.label
    if agent == "attention-model":
        network = saved_network(ATTENTION_MODEL, device)
        seed_everything(seed)
        tour = plan(network, problem.instance, decoding, starts, problem.round_trip)
    else:
        from hringur.agents.tours.agent import TourAgent
        from hringur.trained import load

        learner = load(agent, device)
        seed_everything(seed)
        if isinstance(learner, TourAgent):
            tour = learner.plan(problem.instance, decoding, starts, problem.round_trip)
        else:
            tour, label = step_by_step(learner, agent, problem), "greedy"
    if problem.end is None:
        improved = two_opt(problem.instance.distance, tour, problem.round_trip)
    else:  # which a network does not know
        tour = end_at(tour[0], problem.end)[None]
        improved = end_at(two_opt(between_ends(problem), tour)[0], problem.end)[None]
    return Plan(tour=improved[0], method=f"{agent}, {label} + 2-opt", network_tour=tour[0])


def step_by_step(learner: Any, agent: str, problem: Problem) -> Int[np.ndarray, "1 N"]:
    """The tour of a learner that decides step by step in the environment, such as SB3's."""
    from hringur.evaluation.tours.methods import places_of
    from hringur.evaluators.environments import make_vector
    from hringur.evaluators.tours import play

    if places_of(learner) != problem.n_places:
        raise UserError(
            f"agent {agent!r} was trained on {places_of(learner)} places and takes no other "
            f"number, got {problem.n_places}"
        )
    options: dict[str, Any] = {"round_trip": problem.round_trip}
    if problem.own is None and max(problem.numbers) < len(places()):
        options |= {"places": list(problem.names), "season": problem.season}
        env = make_vector("IcelandTSP-v0", 1, **options)
    else:
        own = problem.own or OwnInstance(
            "tour", problem.names, problem.instance, True, problem.lonlat, problem.unit
        )
        env = make_vector("OwnTSP-v0", 1, problem=own, **options)
    start = np.array([problem.start])

    def decide(seen: dict[str, Any]) -> Any:
        return learner.predict(seen, action_masks=1 - seen["visited"])[0]

    return play(env, problem.instance, decide, start).tour


def shortest(problem: Problem, seconds: float, found: Plan | None) -> ExactTour:
    """The proven shortest tour: shipped, or solved; after ``seconds``, the best and a bound.

    A proof begins with the tour that was ``found``, the better the faster.
    """
    shipped = shipped_tour(problem)
    if shipped is None:
        if problem.n_places > LONG_PROOF:
            note(f"looking for the shortest tour, for up to {seconds:g} s")
        distance, known = problem.instance.distance[0], None if found is None else found.tour
        ends = (problem.round_trip, problem.start)
        return optimal_tour(distance, *ends, seconds, end=problem.end, known=known)
    length = problem.length(shipped)
    return ExactTour(tour=shipped, length=length, proven=True, bound=length, seconds=0.0)


def shortest_plan(problem: Problem, found: Plan | None, best: ExactTour) -> Plan:
    """The shorter of the two, the exact solver's where they are as long."""
    if found is not None and problem.length(found.tour) < problem.length(best.tour):
        return found
    return exact_plan(best)


def exact_plan(best: ExactTour) -> Plan:
    """The exact solver's own tour."""
    proof = "" if best.proven else f", stopped after {best.seconds:.0f} s"
    return Plan(tour=best.tour, method=f"exact solver{proof}")


def shipped_tour(problem: Problem) -> Int[np.ndarray, " N"] | None:
    """The proven tour that comes with the package, where it has one of these places."""
    if problem.season is None or not problem.round_trip:
        return None
    for proven in proven_tours():
        if proven.season == problem.season and sorted(proven.places) == sorted(problem.numbers):
            tour = np.array([[problem.numbers.index(number) for number in proven.places]])
            return begin_at(tour, np.array([problem.start]))[0]
    return None
