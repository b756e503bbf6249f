"""What ``hringur tour`` says about a tour: a table, JSON, and a map."""

from io import BytesIO
from pathlib import Path
from typing import Any

from hringur.commands.console import show
from hringur.commands.tour.methods import Plan
from hringur.commands.tour.problem import Problem
from hringur.data.files import write_whole
from hringur.data.tours.iceland import KNOWN_FORDS, ROAD_TABLE, ROADS_OF, is_f_road
from hringur.evaluation.tables import Column, Table
from hringur.references.tours.exact import ExactTour
from hringur.types import printable

Leg = tuple[int, tuple[int, int]]
"""its number, from 1, and the two places"""


def record(problem: Problem, found: Plan, best: ExactTour, map_path: Path | None) -> dict[str, Any]:
    """What ``--json`` prints."""
    names, distance, length = problem.names, problem.instance.distance[0], problem.length
    own = found.network_tour
    return {
        "tour": [names[place] for place in found.tour],
        "tour_km": length(found.tour),
        "optimal_km": length(best.tour) if best.proven else None,
        "gap": gap(length(found.tour), length(best.tour)) if best.proven else None,
        "bound_km": length(best.tour) if best.proven else best.bound,
        "network_km": None if own is None else length(own),
        "unit": problem.unit,
        "round_trip": problem.round_trip,
        "season": problem.season,
        "method": found.method,
        "highland_roads": problem.highland_roads(found.tour),
        "source": ROAD_TABLE if problem.season is not None else None,
        "legs": [
            {
                "from": names[leg[0]],
                "to": names[leg[1]],
                "km": float(distance[leg]),
                "roads": problem.roads_of(leg),
            }
            for leg in problem.legs(found.tour)
        ],
        "map": None if map_path is None else str(map_path),
    }


def gap(length: float, optimal: float) -> float:
    """Detour as a fraction of the optimum; 0 where all places coincide."""
    return 0.0 if length == optimal else length / optimal - 1


def report(problem: Problem, found: Plan, best: ExactTour, map_path: Path | None) -> None:
    """The table of legs and what there is to say about it."""
    heading = kind_of(problem)
    print(f"{heading[0].upper()}{heading[1:]}")
    show(legs_table(problem, found))
    print(f"{comparison(problem, found, best)}.")
    if warning := highland_warning(problem.highland_roads(found.tour)):
        print(warning)
    print(f"Method: {found.method}.")
    if found.network_tour is not None:
        alone, after = problem.length(found.network_tour), problem.length(found.tour)
        effect = (
            f"2-opt makes it {words(problem, after)}"
            if after < alone
            else "2-opt found nothing to shorten"
        )
        print(f"The network alone: {words(problem, alone)}; {effect}.")
    print(f"The map is in {printable(str(map_path))}.")


def legs_table(problem: Problem, found: Plan) -> Table[Leg]:
    """Legs with their lengths and, by road, the numbers of the roads."""
    names, distance, km = problem.names, problem.instance.distance[0], problem.shown
    columns: list[Column[Leg]] = [
        Column("leg", lambda row: str(row[0])),
        Column("from", lambda row: names[row[1][0]], text=True, wrap=True, footer="total"),
        Column("to", lambda row: names[row[1][1]], text=True, wrap=True),
        Column(
            problem.unit, lambda row: km(distance[row[1]]), footer=km(problem.length(found.tour))
        ),
    ]
    if problem.season is not None:
        columns.append(
            Column("roads", lambda row: ", ".join(problem.roads_of(row[1])), text=True, wrap=True)
        )
    return Table(columns=columns, rows=list(enumerate(problem.legs(found.tour), start=1)))


def comparison(problem: Problem, found: Plan, best: ExactTour) -> str:
    """How the tour compares with the shortest, as far as that is known."""
    length, optimal = problem.length(found.tour), problem.length(best.tour)
    total = words(problem, length)
    source = "" if problem.season is None else f", by {ROAD_TABLE}"
    if best.proven and length == optimal:
        return f"{total}: proven to be the shortest{source}"
    if best.proven:
        over = 100 * gap(length, optimal)
        return f"{total}: {over:.2f} % over the proven shortest, {words(problem, optimal)}{source}"
    unproven = f"{total}: the shortest is not proven after {best.seconds:.0f} s"
    if best.bound <= 0:
        return unproven
    over = 100 * (length / best.bound - 1)
    return f"{unproven}; at most {over:.2f} % over it, as none is below " + words(
        problem, best.bound
    )


def highland_warning(numbers: list[str]) -> str:
    """What a driver must know about these highland roads; nothing where there are none."""
    f_roads = [number for number in numbers if is_f_road(number)]
    if not numbers:
        return ""
    warning = f"Highland roads, open in summer only: {', '.join(numbers)}."
    if f_roads:
        fords = [number for number in f_roads if number in KNOWN_FORDS]
        known = f" (known on {', '.join(fords)})" if fords else ""
        warning += (
            "\nF-roads require four-wheel drive by law; expect rivers without bridges"
            f"{known}. --no-f-roads avoids them."
        )
    return warning


def kind_of(problem: Problem) -> str:
    """What was asked for."""
    kind = "round trip" if problem.round_trip else "open path"
    by_road = "" if problem.season is None else f", {ROADS_OF[problem.season]}"
    return f"{kind} through {problem.n_places} places{by_road}"


def words(problem: Problem, length: float) -> str:
    """A length with its unit."""
    return f"{problem.shown(length)} {problem.unit}"


def draw(path: Path, problem: Problem, found: Plan, best: ExactTour) -> None:
    """Write the map, whole or not at all."""
    from hringur.envs.tours.drawing import TourPicture, tour_figure  # matplotlib, only for a map

    length, optimal = problem.length(found.tour), problem.length(best.tour)
    parts = [kind_of(problem)]
    if best.proven:
        over = 100 * gap(length, optimal)
        parts.append(
            "the proven shortest" if over == 0 else f"{over:.2f} % over the proven shortest"
        )
    picture = TourPicture(
        coordinates=problem.drawn_at,
        names=problem.names,
        tour=found.tour.tolist(),
        closed=problem.round_trip,
        season=problem.map_season,
        by_road=problem.season is not None,
        title=words(problem, length),
        note="; ".join(parts),
    )
    image = BytesIO()
    tour_figure(picture).savefig(image, format="png")
    write_whole(path, image.getvalue())
