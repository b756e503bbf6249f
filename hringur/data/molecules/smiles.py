"""The grammar of molecules: SMILES with explicit double bonds, each rule one decision.

A molecule is written atom by atom: after an atom comes ``rest``, which is a number (where a ring
is opened or closed), a branch in brackets, the next atom of the chain, or nothing. An atom whose
bonds are used up by the bond that it comes with, such as =O or F, has no rest. Aromatic rings are
written with alternating double bonds (the Kekulé form), so that what is possible is a matter of
counting bonds: ``VALENCE``. Which ring numbers are open and how many bonds are left is more than
this grammar counts; a model may count it while it writes.
"""

from functools import cache
from typing import NamedTuple

from hringur.data.molecules.grammar import Grammar, Rule

VALENCE = {"C": 4, "N": 3, "O": 2, "S": 6, "F": 1, "Cl": 1, "Br": 1}
"""Bonds that an atom has, hydrogen included; for sulphur at most."""

BONDS = {"": ("C", "N", "O", "S", "F", "Cl", "Br"), "=": ("C", "N", "O", "S"), "#": ("C", "N")}
"""Atoms that may come with a single, a double and a triple bond."""

ORDER = {"": 1, "=": 2, "#": 3}
RINGS = 5
"""Ring numbers."""


class Piece(NamedTuple):
    """What a rule of this grammar adds to a molecule."""

    kind: str
    """first, end, ring, branch or chain"""

    order: int = 0
    """of the bond to the atom before"""

    free: int = 0
    """bonds that are left to a new atom"""

    ring: int = 0
    """the ring number, counted from 1"""


def grammar_text() -> str:
    """The grammar in lark's notation."""
    rest = ["", *(f'"{ring}" rest' for ring in range(1, RINGS + 1))]
    for bond, atoms in BONDS.items():
        for atom in atoms:
            leaf = VALENCE[atom] == ORDER[bond]
            word = bond + atom
            rest.append(f'"({word})" rest' if leaf else f'"({word}" rest ")" rest')
            rest.append(f'"{word}"' if leaf else f'"{word}" rest')
    start = " | ".join(f'"{atom}" rest' for atom in VALENCE)
    return f"start: {start}\nrest: " + "\n  | ".join(rest)


@cache
def smiles_grammar() -> Grammar:
    """The grammar of molecules."""
    return Grammar("molecules", grammar_text())


def piece(rule: Rule) -> Piece:
    """What a rule adds."""
    if not rule.body:
        return Piece("end")
    word = rule.body[0]
    assert isinstance(word, str)
    if word.isdigit():
        return Piece("ring", ring=int(word))
    bare = word.strip("()")
    atom = bare.lstrip("=#")
    order = ORDER[bare.removesuffix(atom)]
    if rule.head == "start":
        return Piece("first", free=VALENCE[atom])
    kind = "branch" if word.startswith("(") else "chain"
    return Piece(kind, order, VALENCE[atom] - order)
