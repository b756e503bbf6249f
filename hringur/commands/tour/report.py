"""What ``hringur tour`` says about a tour: tables, JSON, and a map."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from hringur.commands.console import print_json, show
from hringur.commands.tour import export
from hringur.commands.tour.drive import Day, Drive, clock
from hringur.commands.tour.methods import Answer, Plan
from hringur.commands.tour.problem import Problem
from hringur.data.tours.iceland import KNOWN_FORDS, ROAD_TABLE, ROADS_OF, is_f_road, project
from hringur.evaluation.tables import Column, Table
from hringur.types import printable

Leg = tuple[int, tuple[int, int]]
"""its number, from 1, and the two places"""


def print_record(
    answer: Answer, driven: Drive | None, links: list[str], map_path: Path | None
) -> None:
    """What ``--json`` prints."""
    problem, shown = answer.problem, answer.shown
    names, distance = problem.names, problem.instance.distance[0]
    legs = problem.legs(shown.tour)
    times = [None] * len(legs) if driven is None else driven.leg_hours
    print_json(
        summary(answer)
        | {
            "highland_roads": problem.highland_roads(shown.tour),
            "hours": None if driven is None else driven.hours,
            "gravel_km": None if driven is None else driven.gravel_km,
            "f_road_km": None if driven is None else driven.f_road_km,
            "ferries": None if driven is None else 0,
            "source": ROAD_TABLE if problem.season is not None else None,
            "legs": [
                {
                    "from": names[leg[0]],
                    "to": names[leg[1]],
                    "km": float(distance[leg]),
                    "hours": time,
                    "roads": problem.roads_of(leg),
                }
                for leg, time in zip(legs, times, strict=True)
            ],
            "days": [] if driven is None else driven.days,
            "links": links,
            "map": None if map_path is None else str(map_path),
        }
    )


def summary(answer: Answer) -> dict[str, Any]:
    """The keys that every tour has, one of several too."""
    problem, best, agent = answer.problem, answer.best, answer.agent
    length, optimal = problem.length(answer.shown.tour), problem.length(best.tour)
    own = None if agent is None else agent.network_tour
    return {
        "tour": [problem.names[place] for place in answer.shown.tour],
        "tour_km": length,
        "optimal_km": optimal if best.proven else None,
        "gap": gap(length, optimal) if best.proven else None,
        "bound_km": optimal if best.proven else best.bound,
        "agent": None if agent is None else agent.method,
        "agent_km": None if agent is None else problem.length(agent.tour),
        "network_km": None if own is None else problem.length(own),
        "unit": problem.unit,
        "round_trip": problem.round_trip,
        "season": problem.season,
        "method": answer.shown.method,
    }


def gap(length: float, optimal: float) -> float:
    """Detour as a fraction of the optimum; 0 where all places coincide."""
    return 0.0 if length == optimal else length / optimal - 1


def report(answer: Answer, driven: Drive | None, links: list[str], map_path: Path | None) -> None:
    """The table of legs and what there is to say about it."""
    problem, shown = answer.problem, answer.shown
    heading = kind_of(problem)
    print(f"{heading[0].upper()}{heading[1:]}")
    show(legs_table(problem, shown, driven))
    print(f"{comparison(answer)}.")
    highland = problem.highland_roads(shown.tour)
    if driven is not None:
        f_roads = f"and {driven.f_road_km:,.1f} km on F-roads"
        if not driven.f_road_km and any(map(is_f_road, highland)):  # on a stretch with others
            f_roads = "(F-roads among it)"
        print(
            f"About {clock(driven.hours)} hours at the wheel; {driven.gravel_km:,.1f} km on gravel "
            f"{f_roads}; no ferries."
        )
    if warning := highland_warning(highland):
        print(warning)
    if driven is not None and driven.days:
        show(days_table(driven))
        if late := [str(k) for k, day in enumerate(driven.days, start=1) if day.is_long]:
            print(f"Longer than you asked, for want of a town in time: day {', '.join(late)}.")
    print(f"Method: {shown.method}.")
    for line in about_agent(answer):
        print(line)
    for address in links:
        print(address)
    print(f"The map is in {printable(str(map_path))}.")


def about_agent(answer: Answer) -> list[str]:
    """The agent's tour beside the one shown, and what its network planned by itself."""
    problem, agent, lines = answer.problem, answer.agent, []
    if agent is None:
        return []
    found, known = problem.length(agent.tour), problem.length(answer.shown.tour)
    if agent is not answer.shown:
        beside = "as long" if found == known else f"{100 * gap(found, known):.2f} % longer"
        lines.append(f"The agent's tour ({agent.method}): {words(problem, found)}, {beside}.")
    if agent.network_tour is not None:
        alone = problem.length(agent.network_tour)
        shorter = f"2-opt makes it {words(problem, found)}"
        effect = shorter if found < alone else "2-opt found nothing to shorten"
        lines.append(f"The network alone: {words(problem, alone)}; {effect}.")
    return lines


def legs_table(problem: Problem, found: Plan, driven: Drive | None) -> Table[Leg]:
    """Legs with their lengths and, by road, hours and the numbers of the roads."""
    names, distance, km = problem.names, problem.instance.distance[0], problem.shown
    columns: list[Column[Leg]] = [
        Column("leg", lambda row: str(row[0])),
        Column("from", lambda row: names[row[1][0]], text=True, wrap=True, footer="total"),
        Column("to", lambda row: names[row[1][1]], text=True, wrap=True),
        Column(
            problem.unit, lambda row: km(distance[row[1]]), footer=km(problem.length(found.tour))
        ),
    ]
    if driven is not None:
        times = driven.leg_hours
        columns += [
            Column("hours", lambda row: clock(times[row[0] - 1]), footer=clock(driven.hours)),
            Column("roads", lambda row: ", ".join(problem.roads_of(row[1])), text=True, wrap=True),
        ]
    return Table(columns=columns, rows=list(enumerate(problem.legs(found.tour), start=1)))


def days_table(driven: Drive) -> Table[tuple[int, Day]]:
    """Day by day, each night in a town."""
    columns: list[Column[tuple[int, Day]]] = [
        Column("day", lambda row: str(row[0])),
        Column("from", lambda row: row[1].start, text=True, wrap=True),
        Column("by way of", lambda row: ", ".join(row[1].via), text=True, wrap=True),
        Column("to", lambda row: row[1].end, text=True, wrap=True),
        Column("km", lambda row: f"{row[1].km:,.1f}"),
        Column("hours", lambda row: clock(row[1].hours)),
    ]
    return Table(columns=columns, rows=list(enumerate(driven.days, start=1)))


def show_many(answers: list[Answer], json: bool) -> None:
    """One line for each of several files."""
    if json:
        names = [{"name": answer.problem.own and answer.problem.own.name} for answer in answers]
        print_json([name | summary(answer) for name, answer in zip(names, answers, strict=True)])
        return
    columns: list[Column[Answer]] = [
        Column("file", lambda row: row.problem.own.name if row.problem.own else "", text=True),
        Column("places", lambda row: f"{row.problem.n_places:,}"),
        Column("tour", lambda row: row.problem.shown(row.problem.length(row.shown.tour))),
        Column("over the shortest %", over_the_shortest),
        Column("agent %", agent_over_the_shortest),
        Column("solver s", lambda row: f"{row.best.seconds:.1f}"),
        Column("method", lambda row: row.shown.method, text=True, wrap=True),
    ]
    show(Table(columns=columns, rows=answers))


def over_the_shortest(answer: Answer) -> str:
    """In percent; where none is proven, at most so much."""
    length, best = answer.problem.length(answer.shown.tour), answer.best
    if best.proven:
        return f"{100 * gap(length, answer.problem.length(best.tour)):.2f}"
    return f"<= {100 * gap(length, best.bound):.2f}" if best.bound > 0 else "unknown"


def agent_over_the_shortest(answer: Answer) -> str:
    """Of the agent's own tour; nothing where there is none."""
    if answer.agent is None:
        return ""
    return over_the_shortest(replace(answer, shown=answer.agent))


def comparison(answer: Answer) -> str:
    """How the tour compares with the shortest, as far as that is known."""
    problem, best = answer.problem, answer.best
    length, optimal = problem.length(answer.shown.tour), problem.length(best.tour)
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


def write_files(
    answer: Answer, map_path: Path | None, gpx: Path | None, geojson: Path | None
) -> None:
    """Map, track and features, each whole or not at all."""
    if map_path is not None:
        draw(map_path, answer)
    if gpx is not None:
        export.write_gpx(gpx, answer.problem, answer.shown.tour)
    if geojson is not None:
        export.write_geojson(geojson, answer.problem, answer.shown.tour)


def addresses(answer: Answer) -> list[str]:
    """Links to a map service."""
    return export.links(answer.problem, answer.shown.tour)


def draw(path: Path, answer: Answer) -> None:
    """Write the map, whole or not at all, in the format that the name ends in."""
    from hringur.data.figures import save  # and matplotlib, only for a map
    from hringur.envs.tours.drawing import TourPicture, tour_figure

    problem, tour, best = answer.problem, answer.shown.tour, answer.best
    length, optimal = problem.length(tour), problem.length(best.tour)
    parts = [kind_of(problem)]
    if best.proven:
        over = 100 * gap(length, optimal)
        parts.append(
            "the proven shortest" if over == 0 else f"{over:.2f} % over the proven shortest"
        )
    picture = TourPicture(
        coordinates=problem.drawn_at,
        names=problem.names,
        tour=tour.tolist(),
        closed=problem.round_trip,
        season=problem.map_season,
        ways=None if problem.roads is None else [project(way) for way in problem.ways(tour)],
        arrows=True,
        title=words(problem, length),
        note="; ".join(parts),
    )
    save(tour_figure(picture), path)
