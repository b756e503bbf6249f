"""Sets of strings by name: ``molecules`` and ``expressions`` (NOTICE has the source)."""

import csv
import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

import numpy as np
from jaxtyping import Float64, Int64

from hringur.data.molecules.expressions import expression_grammar, generate
from hringur.data.molecules.grammar import Grammar
from hringur.data.molecules.smiles import smiles_grammar
from hringur.types import UserError

PROPERTIES = ("logp", "qed", "sa")
"""Columns of the file: computed by RDKit, as ``chemistry.py`` does."""

EXPRESSIONS, HELD_OUT, SEED = 33_000, 3_000, 874


@dataclass(frozen=True, eq=False)
class StringSet:
    """Strings to train on, and held-out ones, all different."""

    name: str
    grammar: Grammar
    train: tuple[str, ...]
    test: tuple[str, ...]
    train_values: Mapping[str, Float64[np.ndarray, " N"]] = field(default_factory=dict)
    """known properties of the strings, by name"""

    test_values: Mapping[str, Float64[np.ndarray, " M"]] = field(default_factory=dict)
    styles: tuple[str, ...] = ()
    """names of styles, where strings have any; the two below number them"""

    train_styles: Int64[np.ndarray, " N"] | None = None
    test_styles: Int64[np.ndarray, " M"] | None = None


@cache
def molecules() -> StringSet:
    """55,000 molecules of MOSES (Polykovskiy et al. 2020), with logP, QED and SA of each."""
    file = resources.files("hringur.data.molecules") / "molecules.csv.gz"
    lines = gzip.decompress(file.read_bytes()).decode("ascii").splitlines()
    rows = list(csv.DictReader(lines))
    train, test = ([row for row in rows if row["split"] == name] for name in ("train", "test"))
    strings = [tuple(row["smiles"] for row in part) for part in (train, test)]
    values = [
        {key: np.array([float(row[key]) for row in part]) for key in PROPERTIES}
        for part in (train, test)
    ]
    return StringSet("molecules", smiles_grammar(), strings[0], strings[1], values[0], values[1])


@cache
def expressions() -> StringSet:
    """33,000 random arithmetic expressions of at most 15 rules."""
    found = tuple(generate(EXPRESSIONS, SEED))
    return StringSet("expressions", expression_grammar(), found[HELD_OUT:], found[:HELD_OUT])


SETS: dict[str, Callable[[], StringSet]] = {"molecules": molecules, "expressions": expressions}


def load_strings(name: str) -> StringSet:
    """A set of strings by its name.

    Raises:
        UserError: there is none of this name.
    """
    if name not in SETS:
        raise UserError(f"unknown set of strings {name!r}; there are {', '.join(SETS)}")
    return SETS[name]()
