"""Many leftmost derivations at once: which rules may follow, with a stack for each.

A rule may follow if it replaces the nonterminal on top of the stack, and if what then remains can
still be completed within the longest derivation that is allowed. So every string that is written
under ``allowed`` is of the grammar, whatever the network says (Kusner et al. 2017, section 3.2).
"""

from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from hringur.data.molecules.grammar import Grammar


@runtime_checkable
class Derivations(Protocol):
    """What decoding asks: B derivations, written together."""

    @property
    def done(self) -> Bool[Tensor, " B"]:
        """Which are complete."""

    def allowed(self) -> Bool[Tensor, "B R"]:
        """The rules that may follow; for one that is done, the first rule stands in."""

    def apply(self, rules: Int[Tensor, " B"]) -> None:
        """Write one rule of each; those that are done stay as they are."""


class Stacks:
    """B stacks of D integers in one tensor."""

    def __init__(self, count: int, depth: int, first: int, device: Any) -> None:
        """One entry, ``first``, lies on each."""
        self.entries = torch.zeros(count, depth, dtype=torch.long, device=device)
        self.entries[:, 0] = first
        self.height = torch.ones(count, dtype=torch.long, device=device)
        self.rows = torch.arange(count, device=device)

    @property
    def top(self) -> Int[Tensor, " B"]:
        """The upper entry of each; any number where there is none."""
        return self.entries[self.rows, (self.height - 1).clamp(min=0)]

    def pop(self, which: Bool[Tensor, " B"]) -> None:
        """Take the upper entry of some."""
        self.height = self.height - which.long()

    def push(self, entry: Int[Tensor, " B"], which: Bool[Tensor, " B"]) -> None:
        """Lay ``entry`` on some."""
        place = self.height.clamp(max=self.entries.shape[1] - 1)
        kept = self.entries[self.rows, place]
        self.entries[self.rows, place] = torch.where(which, entry, kept)
        self.height = self.height + which.long()


class GrammarTables:
    """A grammar as tensors: heads, bodies, and the least number of rules that completes them."""

    def __init__(self, grammar: Grammar, device: Any = "cpu") -> None:
        symbols = {name: number for number, name in enumerate(grammar.symbols)}
        self.head = torch.tensor([symbols[rule.head] for rule in grammar.rules], device=device)
        widest = max(len(rule.symbols) for rule in grammar.rules)
        bodies = [[symbols[name] for name in reversed(rule.symbols)] for rule in grammar.rules]
        self.body = torch.tensor(
            [body + [-1] * (widest - len(body)) for body in bodies], device=device
        ).view(len(bodies), widest)  # R W, the first symbol last
        self.shortest = torch.tensor([grammar.shortest[name] for name in symbols], device=device)
        costs = [sum(grammar.shortest[name] for name in rule.symbols) for rule in grammar.rules]
        self.cost = torch.tensor(costs, device=device)


class GrammarDerivations:
    """Derivations of any grammar."""

    def __init__(self, tables: GrammarTables, count: int, longest: int) -> None:
        """At most ``longest`` rules each."""
        self.tables, self.left = tables, longest
        depth = 1 + longest * tables.body.shape[1]
        self.stacks = Stacks(count, depth, 0, tables.head.device)
        self.least = tables.shortest[0].repeat(count)

    @property
    def done(self) -> Bool[Tensor, " B"]:
        """Which are complete."""
        return self.stacks.height == 0

    def allowed(self) -> Bool[Tensor, "B R"]:
        """Rules of the upper nonterminal that leave enough room."""
        tables, top = self.tables, self.stacks.top
        after = (self.least - tables.shortest[top])[:, None] + tables.cost
        found = (tables.head == top[:, None]) & (after < self.left)
        found[:, 0] |= self.done
        return found

    def apply(self, rules: Int[Tensor, " B"]) -> None:
        """Replace the upper nonterminal of each by the body of its rule."""
        tables, going = self.tables, ~self.done
        change = tables.cost[rules] - tables.shortest[self.stacks.top]
        self.least = self.least + torch.where(going, change, 0)
        self.stacks.pop(going)
        for symbol in tables.body[rules].T:  # one of at most W symbols of a body
            self.stacks.push(symbol, going & (symbol >= 0))
        self.left -= 1
