"""What a name that somebody typed stands for."""

from collections.abc import Mapping
from difflib import SequenceMatcher

ALIASES = {
    "rvk": "reykjavik",
    "rkv": "reykjavik",
    "kef": "keflavik",
    "aey": "akureyri",
    "egs": "egilsstadir",
    "hfn": "hofn",
    "ifj": "isafjordur",
    "blue lagoon": "blaa-lonid",
    "glacier lagoon": "jokulsarlon",
    "great geysir": "geysir",
    "golden falls": "gullfoss",
    "lake myvatn": "reykjahlid",
}
"""Id of a place by what visitors and airports call it."""

SHORTEST = 4
"""Letters below which a misspelt word may mean anything."""

LIKENESS, LEAD = 0.8, 0.08
"""A misspelt name is that like, and all other names are less like by that much."""


def surely_meant(wanted: str, spellings: Mapping[str, int]) -> int | None:
    """The number behind the one spelling that ``wanted`` can only be a slip of; None: none is.

    Likeness is twice the letters in common blocks over all letters (Ratcliff & Obershelp 1988).
    """
    if len(wanted) < SHORTEST:
        return None
    likeness: dict[int, float] = {}
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(wanted)
    for spelling, number in spellings.items():
        matcher.set_seq1(spelling)
        likeness[number] = max(likeness.get(number, 0.0), matcher.ratio())
    best = max(likeness, key=likeness.__getitem__)
    second = max((like for number, like in likeness.items() if number != best), default=0.0)
    sure = likeness[best] >= LIKENESS and likeness[best] - second >= LEAD
    return best if sure else None
