"""From words or a file to a tour problem; every fault of a line is named at once."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from hringur.commands.tour.problem import Problem
from hringur.data.tours.iceland import Place, places, plain, project, resolve_place, roads
from hringur.data.tours.names import surely_meant
from hringur.data.tours.own_instances import READERS
from hringur.data.tours.own_points import joined, read_point, roads_with
from hringur.data.tours.place_sets import PLACE_SETS, check_numbers, place_set
from hringur.types import Instances, Season, UserError


def from_places(
    chosen: Sequence[str],
    season: Season,
    start: str | None = None,
    end: str | None = None,
    round_trip: bool = True,
) -> Problem:
    """Places of Iceland, and points of one's own, by road, as named on the command line.

    ``start`` and ``end`` need not be among ``chosen``.
    """
    words = [name for name in chosen if name.lower() in PLACE_SETS]
    if words and len(chosen) > 1:
        raise UserError(f"{words[0]} stands for a set of places and is given alone")
    if not chosen and not (start and end):
        raise UserError(
            f"which places? Name at least two, or one of {', '.join(PLACE_SETS)}, "
            "or give a file by --csv, --matrix or --tsplib"
        )
    stops = Stops(season)
    numbers = place_set(words[0].lower(), season) if words else stops.read(chosen)
    ends = stops.read([name for name in (start, end) if name is not None])
    if start is not None and not stops.faults and ends[0] not in numbers:
        numbers = [ends[0], *numbers]
    if end is not None and not stops.faults and ends[-1] not in numbers:
        numbers = [*numbers, ends[-1]]
    network = roads(season)
    try:
        network = roads_with(season, stops.own) if stops.own else network
    except UserError as error:
        stops.faults.append(str(error))
    check_numbers(numbers, [stops.all[number].name for number in numbers], season, stops.faults)
    for point in stops.own:
        road, km = joined(network, point)
        line = f"{point.name} is joined to road {road}, {km:.1f} km away in a straight line"
        stops.notes.append(line)
    first = ends[0] if start is not None else numbers[0]
    last = ends[-1] if end is not None else None
    if first == last:
        raise UserError(
            f"the tour begins and ends at {stops.all[first].name}: leave out --end for a round trip"
        )
    lonlat = np.array([(network.stops[n].lon, network.stops[n].lat) for n in numbers])
    distance = network.road_km[np.ix_(numbers, numbers)]
    return Problem(
        names=tuple(network.stops[number].name for number in numbers),
        instance=Instances(np.clip(project(lonlat), 0.0, 1.0)[None], distance[None]),
        unit="km",
        start=numbers.index(first),
        end=None if last is None else numbers.index(last),
        round_trip=round_trip and end is None,
        roads=network,
        numbers=tuple(numbers),
        notes=tuple(stops.notes),
    )


class Stops:
    """Numbers of what was named, points of one's own counted on from the last place."""

    def __init__(self, season: Season) -> None:
        self.season: Season = season
        self.own: list[Place] = []
        self.faults: list[str] = []
        self.notes: list[str] = []

    @property
    def all(self) -> list[Place]:
        """Every stop by its number."""
        return [*places(), *self.own]

    def read(self, texts: Sequence[str]) -> list[int]:
        """Their numbers; what cannot be read is added to ``faults``."""
        numbers = []
        for text in texts:
            try:
                numbers.append(self._number(text))
            except UserError as error:
                self.faults.append(str(error))
        return numbers

    def _number(self, text: str) -> int:
        point = read_point(text)
        if point is None:
            number = resolve_place(text, guess=True)
            self.notes += what_is_meant(text, places()[number].name, places()[number].id)
            return number
        if all(point.id != known.id for known in self.own):
            self.own.append(point)
        return self.all.index(next(known for known in self.own if known.id == point.id))


def what_is_meant(text: str, name: str, place_id: str = "") -> list[str]:
    """A note, if what was typed is not the beginning of the name, accents and brackets apart."""
    typed = plain(text)
    known = [plain(name), plain(place_id), *map(plain, name.replace(")", "").split("("))]
    begins = any(spelling.startswith(typed) for spelling in known)
    return [] if begins else [f"{text!r} is taken as {name}"]


def from_file(
    kind: str, path: Path, start: str | None, end: str | None = None, round_trip: bool = True
) -> Problem:
    """The problem in a file; ``kind`` is one of ``READERS``."""
    own = READERS[kind](path)
    first = 0 if start is None else find_name("--start", start, own.names)
    last = None if end is None else find_name("--end", end, own.names)
    ends = [(start, first), (end, last)]
    meant = [what_is_meant(text, own.names[k]) for text, k in ends if text and k is not None]
    if first == last:
        raise UserError(
            f"the tour begins and ends at {own.names[first]}: leave out --end for a round trip"
        )
    return Problem(
        names=own.names,
        instance=own.instance,
        unit=own.unit,
        start=first,
        end=last,
        round_trip=round_trip and end is None,
        own=own,
        notes=tuple(note for notes in meant for note in notes),
    )


def find_name(option: str, text: str, names: Sequence[str]) -> int:
    """Position of the one name that ``text`` stands for, by the rules for places of Iceland."""
    if text in names:
        return names.index(text)
    wanted, spellings = plain(text), [plain(name) for name in names]
    found = [k for k, spelling in enumerate(spellings) if spelling == wanted] or [
        k for k, spelling in enumerate(spellings) if wanted and spelling.startswith(wanted)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(names[k] for k in found[:6])
        raise UserError(f"{option} {text!r} is ambiguous: {several}")
    meant = surely_meant(wanted, {spelling: k for k, spelling in enumerate(spellings)})
    if meant is not None:
        return meant
    near = [names[spellings.index(s)] for s in get_close_matches(wanted, spellings, cutoff=0.5)]
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    raise UserError(f"{option} {text!r} is none of the {len(names)} places of the file{hint}")
