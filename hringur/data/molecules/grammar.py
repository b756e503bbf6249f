r"""Context-free grammars: a string to the rules of its leftmost derivation, and back.

    grammar = Grammar("sums", 'start: start "+" term | term\nterm: "1" | "x"')
    grammar.string(grammar.rules_of("1+x")) == "1+x"

Lark reads the grammar and parses. A model writes rules instead of characters (Kusner et al.
2017), so that all it writes follows the grammar.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int64
from lark import Lark, Tree, UnexpectedInput

from hringur.types import UserError


@dataclass(frozen=True)
class Symbol:
    """A nonterminal in the body of a rule; what stands there as ``str`` is written as it is."""

    name: str


@dataclass(frozen=True)
class Rule:
    """``head`` may be replaced by ``body``."""

    head: str
    body: tuple[Symbol | str, ...]

    @property
    def symbols(self) -> tuple[str, ...]:
        """The nonterminals of the body, in their order."""
        return tuple(part.name for part in self.body if isinstance(part, Symbol))

    def __str__(self) -> str:
        return "".join(part if isinstance(part, str) else f"<{part.name}>" for part in self.body)


class Grammar:
    """The rules of a grammar in their order, which numbers them."""

    def __init__(self, name: str, text: str) -> None:
        """``text`` is in lark's notation, without ``?``, ``*`` or ``+``; it begins at ``start``."""
        self.name, self.text = name, text
        self._lark = Lark(text, parser="lalr", keep_all_tokens=True, maybe_placeholders=False)
        literal = {one.name: one.pattern.value for one in self._lark.terminals}
        heads = list(dict.fromkeys(rule.origin.name for rule in self._lark.rules))
        ordered = sorted(
            self._lark.rules, key=lambda rule: (heads.index(rule.origin.name), rule.order)
        )
        self.rules = tuple(
            Rule(
                str(rule.origin.name),
                tuple(
                    literal[part.name] if part.is_term else Symbol(str(part.name))
                    for part in rule.expansion
                ),
            )
            for rule in ordered
        )
        self._number = {
            (rule.origin.name, tuple(part.name for part in rule.expansion)): number
            for number, rule in enumerate(ordered)
        }

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """The nonterminals, the start first."""
        return tuple(dict.fromkeys(["start", *(rule.head for rule in self.rules)]))

    @cached_property
    def shortest(self) -> dict[str, int]:
        """The least number of rules that turns each nonterminal into a string."""
        least = dict.fromkeys(self.symbols, 10**6)
        for _ in self.symbols:
            for rule in self.rules:
                total = 1 + sum(least[name] for name in rule.symbols)
                least[rule.head] = min(least[rule.head], total)
        return least

    def rules_of(self, string: str) -> list[int]:
        """The rules of the leftmost derivation of a string, by number.

        Raises:
            UserError: the string is outside the grammar.
        """
        try:
            waiting = [self._lark.parse(string)]
        except UnexpectedInput as error:
            place: int | None = getattr(error, "pos_in_stream", None)
            early = getattr(getattr(error, "token", None), "type", "") == "$END"
            what = "it ends too early"
            if not early and place is not None and place < len(string):
                what = f"{string[place]!r} at place {place + 1} cannot follow"
            raise UserError(
                f"{_shortened(string)} is outside the grammar of {self.name}: {what}"
            ) from None
        found = []
        while waiting:
            tree = waiting.pop()
            below = [part for part in tree.children if isinstance(part, Tree)]
            names = [getattr(part, "data", getattr(part, "type", "")) for part in tree.children]
            found.append(self._number[str(tree.data), tuple(map(str, names))])
            waiting.extend(reversed(below))
        return found

    def string(self, rules: Sequence[int]) -> str:
        """The string that a leftmost derivation writes.

        Raises:
            UserError: a rule does not fit, or the derivation is not complete.
        """
        waiting: list[Symbol | str] = [Symbol("start")]
        written, position = [], 0
        while waiting:
            part = waiting.pop()
            if isinstance(part, str):
                written.append(part)
                continue
            rule = self.rules[rules[position]] if position < len(rules) else None
            if rule is None or rule.head != part.name:
                raise UserError(f"rule {position + 1} of {self.name} must replace {part.name}")
            waiting.extend(reversed(rule.body))
            position += 1
        if position < len(rules):
            raise UserError(f"{len(rules) - position} rules of {self.name} are left over")
        return "".join(written)

    def every(self, longest: int) -> list[str]:
        """All strings of at most so many rules: for small grammars, to know an optimum."""
        found: list[str] = []
        begun: list[tuple[list[int], tuple[str, ...]]] = [([], ("start",))]
        while begun:
            rules, waiting = begun.pop()
            if not waiting:
                found.append(self.string(rules))
                continue
            for number, rule in enumerate(self.rules):
                after = (*rule.symbols, *waiting[1:])
                least = len(rules) + 1 + sum(self.shortest[name] for name in after)
                if rule.head == waiting[0] and least <= longest:
                    begun.append(([*rules, number], after))
        return found

    def encode(self, strings: Iterable[str]) -> list[Int64[np.ndarray, " T"]]:
        """The rules of each string."""
        return [np.array(self.rules_of(string)) for string in strings]


def characters(name: str, strings: Iterable[str]) -> Grammar:
    """The grammar that knows nothing: any characters of these strings, in any order."""
    known = sorted(set().union(*strings))
    escaped = (letter.replace("\\", "\\\\").replace('"', '\\"') for letter in known)
    rules = " | ".join(f'"{letter}" start' for letter in escaped)
    return Grammar(f"characters of {name}", f"start: | {rules}")


def _shortened(string: str) -> str:
    return repr(string) if len(string) <= 80 else repr(string[:80] + "...")
