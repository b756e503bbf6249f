"""Arithmetic expressions of one variable, and how far one is from another.

The task of Kusner et al. 2017, section 4.1: among expressions of at most 15 rules find the one
whose values on a grid of 1,000 points in -10 .. 10 are those of 1 / 3 + x + sin(x * x). The error
is log(1 + mean squared error), so the optimum, 0, is known.
"""

from functools import cache
from random import Random

import numpy as np
from jaxtyping import Float64

from hringur.data.molecules.grammar import Grammar

TEXT = """
start: start "+" term | start "*" term | start "/" term | term
term: "(" start ")" | "sin(" start ")" | "exp(" start ")" | "x" | "1" | "2" | "3"
"""
LONGEST = 15
"""Rules of the longest expression."""

TARGET = "1/3+x+sin(x*x)"
GRID = np.linspace(-10, 10, 1000)
WORST = 1e3
"""Error of an expression that is not finite on the grid: above what any finite one can have."""


@cache
def expression_grammar() -> Grammar:
    """The grammar of the paper."""
    return Grammar("expressions", TEXT)


def values(expression: str) -> Float64[np.ndarray, " N"]:
    """The values of an expression on the grid; it must be of the grammar."""
    expression_grammar().rules_of(expression)  # nothing else may be evaluated
    names = {"__builtins__": {}, "sin": np.sin, "exp": np.exp, "x": GRID}
    with np.errstate(all="ignore"):
        found = eval(compile(expression, "expression", "eval"), names)  # noqa: S307
    return np.broadcast_to(np.asarray(found, dtype=float), GRID.shape)


@cache
def error(expression: str, target: str = TARGET) -> float:
    """log(1 + mean squared error) between the values of two expressions, to twelve decimals.

    What is less is the rounding of equal expressions, such as 1/3+x and x+1/3.
    """
    with np.errstate(all="ignore"):
        found = np.log1p(np.mean((values(expression) - values(target)) ** 2))
    return round(float(found), 12) if np.isfinite(found) else WORST


def generate(count: int, seed: int) -> list[str]:
    """So many different expressions of at most ``LONGEST`` rules, in random order.

    Each is a leftmost derivation whose rules are drawn uniformly among those that can be completed.
    """
    grammar, rng = expression_grammar(), Random(seed)
    costs = [sum(grammar.shortest[name] for name in rule.symbols) for rule in grammar.rules]
    found: dict[str, None] = {}

    @cache
    def fitting(head: str, left: int) -> list[int]:
        return [k for k, r in enumerate(grammar.rules) if r.head == head and costs[k] <= left]

    while len(found) < count:
        waiting, rules, least = ["start"], list[int](), grammar.shortest["start"]
        while waiting:
            head = waiting.pop()
            least -= grammar.shortest[head]
            number = rng.choice(fitting(head, LONGEST - len(rules) - least - 1))
            rules.append(number)
            waiting.extend(reversed(grammar.rules[number].symbols))
            least += costs[number]
        found[grammar.string(rules)] = None
    return list(found)
