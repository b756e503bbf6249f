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
    numbers = [resolve_place(name) for name in chosen]
    check_reachable(numbers, season)  # all at once, so that the message names every one
    for position, number in enumerate(numbers):
        if number in numbers[:position]:
            raise UserError(f"the place {places()[number].name} is named twice")
    if len(numbers) < 2:
        raise UserError(f"a tour needs at least 2 places, got {len(numbers)}")
    return numbers
