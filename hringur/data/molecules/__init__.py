"""Strings of a context-free grammar: molecules and arithmetic expressions.

strings = load_strings("molecules"); rules = strings.grammar.encode(strings.train[:2])
"""

from hringur.data.molecules.grammar import Grammar
from hringur.data.molecules.strings import StringSet, load_strings

__all__ = ["Grammar", "StringSet", "load_strings"]
