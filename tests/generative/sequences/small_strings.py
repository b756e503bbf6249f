"""Small sets of strings."""

import numpy as np

from hringur.data.molecules.expressions import expression_grammar, generate
from hringur.data.molecules.strings import StringSet, molecules
from hringur.data.sentences.styles import SentenceSet
from hringur.data.sentences.words import sentence_strings


def few_expressions(train=96, test=40):
    found = tuple(generate(train + test, seed=3))
    return StringSet("expressions", expression_grammar(), found[:train], found[train:])


def few_molecules(train=96, test=40):
    every = molecules()
    known = {name: values[:test] for name, values in every.test_values.items()}
    values = {name: values[:train] for name, values in every.train_values.items()}
    return StringSet(
        "molecules", every.grammar, every.train[:train], every.test[:test], values, known
    )


PLACES = "river hill town field house road lake wood farm mill".split()
FOLK = "man woman child king smith miller rider shepherd".split()


def few_sentences(train=48, test=20):
    """Two styles of one small language: thee, hieth, unto or you, goes, to."""
    rng = np.random.default_rng(0)
    styles = {"archaic": ("thee", "hieth", "unto"), "modern": ("you", "goes", "to")}
    made = {style: [] for style in styles}
    for style, (you, goes, to) in styles.items():
        while len(made[style]) < train + test:
            who, place, other = rng.choice(FOLK), rng.choice(PLACES), rng.choice(PLACES)
            text = f"the {who} {goes} {to} the {place} and sees {you} near the {other} ."
            made[style].append(tuple(text.split()))
    parts = slice(train), slice(train, None)
    sides = [{style: tuple(made[style][part]) for style in styles} for part in parts]
    return sentence_strings(SentenceSet("small talk", *sides), fewest=1)
