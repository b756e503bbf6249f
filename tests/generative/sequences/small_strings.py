"""Small sets of strings."""

from hringur.data.molecules.expressions import expression_grammar, generate
from hringur.data.molecules.strings import StringSet, molecules


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
