"""Which places a tour visits: the lecture's six, all towns, all places, or a list of names."""

from collections.abc import Sequence

from hringur.data.tours.iceland import LECTURE_SIX, check_reachable, places, resolve_place, roads
from hringur.types import Season, UserError

PLACE_SETS = ("lecture", "towns", "all")
"""Names of the sets that ``place_set`` knows."""


def place_set(chosen: str | Sequence[str], season: Season = "summer") -> list[int]:
    """Numbers of the chosen places: a list in its own order, ``towns`` and ``all`` in file order.

    In winter ``towns`` and ``all`` are those within reach; ``lecture`` and lists are refused,
    by name, when they hold a place out of reach.

    Raises:
        UserError: an unknown set or name, the same place twice, or fewer than two places.
    """
    reachable = roads(season).reachable
    if isinstance(chosen, str):
        if chosen == "towns":
            return [number for number in reachable if places()[number].kind == "town"]
        if chosen == "all":
            return reachable
        if chosen != "lecture":
            raise UserError(
                f"places must be one of {', '.join(PLACE_SETS)}, or a list of names, got {chosen!r}"
            )
        chosen = LECTURE_SIX
    numbers, faults = [], []
    for name in chosen:
        try:
            numbers.append(resolve_place(name))
        except UserError as error:
            faults.append(str(error))
    check_numbers(numbers, [places()[number].name for number in numbers], season, faults)
    return numbers


def check_numbers(
    numbers: Sequence[int], names: Sequence[str], season: Season, faults: Sequence[str] = ()
) -> None:
    """Refuse, in one line with ``faults``, places out of reach or named twice, or too few.

    Numbers from ``len(places())`` on are points of a traveller's own.
    """
    faults = list(faults)
    try:
        check_reachable(
            [number for number in dict.fromkeys(numbers) if number < len(places())], season
        )
    except UserError as error:
        faults.append(str(error))
    twice = [number for k, number in enumerate(numbers) if number in numbers[:k]]
    for number in dict.fromkeys(twice):
        faults.append(f"the place {names[numbers.index(number)]} is named twice")
    if len(numbers) < 2 and not faults:
        faults.append(f"a tour needs at least 2 places, got {len(numbers)}")
    if faults:
        raise UserError("; ".join(faults))
