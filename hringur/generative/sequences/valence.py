"""Derivations of molecules that keep count of bonds and rings, so that each ends in a molecule.

The grammar of ``hringur/data/molecules/smiles.py`` leaves four things open, and ``allowed`` closes
them: an atom has no more bonds than its valence; a ring number that was opened is closed, onto
another atom that is not yet a neighbour; while a ring is open an atom with a free bond waits on the
stack; and what remains to be done fits into what is left of the longest derivation.

In the worst case a molecule is ended by one rule for each waiting atom, by two for each open ring
(a carbon and the ring number on it), and by one more carbon, since the first may be a neighbour of
the atom where the ring was opened. As a rule adds at most three to that, freedom ends where less
than four rules are to spare (``_ending``).
"""

from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from hringur.data.molecules.grammar import Grammar
from hringur.data.molecules.smiles import RINGS, piece
from hringur.generative.sequences.derivations import Stacks

KINDS = ("first", "end", "ring", "branch", "chain")
TO_SPARE = 4


class MoleculeTables:
    """What each rule of the grammar of molecules adds, as tensors over rules."""

    def __init__(self, grammar: Grammar, device: Any = "cpu") -> None:
        pieces = [piece(rule) for rule in grammar.rules]
        kind = torch.tensor([KINDS.index(one.kind) for one in pieces], device=device)
        self.first, self.end, self.ring, self.branch, self.chain = (
            kind == number for number in range(len(KINDS))
        )
        self.order = torch.tensor([one.order for one in pieces], device=device)
        self.free = torch.tensor([one.free for one in pieces], device=device)
        self.number = torch.tensor([one.ring - 1 for one in pieces], device=device).clamp(min=0)
        self.carbon = torch.tensor([str(rule) == "C<rest>" for rule in grammar.rules])
        self.carbon = self.carbon.to(device) & self.chain


class MoleculeDerivations:
    """Derivations of molecules; an entry of the stack is an atom that may have more bonds."""

    def __init__(self, tables: MoleculeTables, count: int, longest: int) -> None:
        """At most ``longest`` rules each; ``longest`` is at least 3."""
        device = tables.order.device
        self.tables, self.left = tables, longest
        self.stacks = Stacks(count, longest + 2, 0, device)
        self.rows = self.stacks.rows
        # Atom 0 stands for the beginning: free bonds and bonds by number of the atom.
        self.free = torch.zeros(count, longest + 1, dtype=torch.long, device=device)
        self.bonded = torch.zeros(count, longest + 1, longest + 1, dtype=torch.bool, device=device)
        self.opener = torch.zeros(count, RINGS, dtype=torch.long, device=device)  # 0: not open
        self.atoms = torch.zeros(count, dtype=torch.long, device=device)
        self.waiting = torch.zeros(count, dtype=torch.long, device=device)
        """atoms on the stack that have a free bond"""

    @property
    def done(self) -> Bool[Tensor, " B"]:
        """Which are complete."""
        return self.stacks.height == 0

    def allowed(self) -> Bool[Tensor, "B R"]:
        """Rules after which the molecule can be completed."""
        tables, atom = self.tables, self.stacks.top
        free = self.free[self.rows, atom][:, None]  # B 1
        opener = self.opener[:, tables.number]  # B R
        near = self.bonded[self.rows[:, None], atom[:, None], opener] | (opener == atom[:, None])
        closes, opens = tables.ring & (opener > 0) & ~near, tables.ring & (opener == 0)
        rings = (self.opener > 0).sum(dim=1, keepdim=True)  # B 1
        fits = tables.end | closes | opens | tables.branch | tables.chain
        fits &= tables.order + tables.ring.long() <= free
        left_here = torch.where(tables.ring, free - 1, free - tables.order)
        stays = tables.ring | tables.branch  # the atom itself stays on the stack
        waiting = self.waiting[:, None] - (free > 0).long()
        waiting = waiting + (stays & (left_here > 0)).long() + (tables.free > 0).long()
        after = rings + opens.long() - closes.long()
        fits &= (after == 0) | (waiting > 0)
        fits = torch.where(self._tight(rings), fits & self._ending(free, closes, rings), fits)
        fits = torch.where((atom == 0)[:, None], tables.first, fits)
        fits[:, 0] |= self.done
        return fits

    def _tight(self, rings: Int[Tensor, "B 1"]) -> Bool[Tensor, "B 1"]:
        """Where the shortest ending needs nearly all rules that are left."""
        need = self.stacks.height[:, None] + 2 * rings + (rings > 0).long()
        return self.left - need < TO_SPARE

    def _ending(
        self, free: Int[Tensor, "B 1"], closes: Bool[Tensor, "B R"], rings: Int[Tensor, "B 1"]
    ) -> Bool[Tensor, "B R"]:
        """The way to the end: close a ring if one can be closed, else add a carbon, else end."""
        may_close = closes & ((free > 1) | (rings == 1)) & (free > 0)
        can = may_close.any(dim=1, keepdim=True)
        grows = (rings > 0) & (free > 0) & ~can
        return torch.where(can, may_close, torch.where(grows, self.tables.carbon, self.tables.end))

    def apply(self, rules: Int[Tensor, " B"]) -> None:
        """Write one rule of each."""
        tables, going, atom = self.tables, ~self.done, self.stacks.top
        first, ring, branch = (x[rules] & going for x in (tables.first, tables.ring, tables.branch))
        order, free = tables.order[rules], self.free[self.rows, atom]
        had = (free > 0).long()
        free = free - torch.where(ring, 1, torch.where(branch, order, 0))
        self.free[self.rows, atom] = torch.where(ring | branch, free, self.free[self.rows, atom])
        stays = ring | branch
        self.waiting = self.waiting + torch.where(going, (stays & (free > 0)).long() - had, 0)
        self.stacks.pop(going & ~stays)
        self._bond_ring(tables.number[rules], atom, ring)
        adds = first | branch | (tables.chain[rules] & going)
        self._add_atom(tables.free[rules], atom, adds)
        self.left -= 1

    def _bond_ring(
        self, number: Int[Tensor, " B"], atom: Int[Tensor, " B"], ring: Bool[Tensor, " B"]
    ) -> None:
        """Open or close a ring at ``atom`` where ``ring``."""
        opener = self.opener[self.rows, number]
        self._bond(opener, atom, ring & (opener > 0))
        new = torch.where(opener > 0, 0, atom)
        self.opener[self.rows, number] = torch.where(ring, new, opener)

    def _add_atom(
        self, free: Int[Tensor, " B"], parent: Int[Tensor, " B"], adds: Bool[Tensor, " B"]
    ) -> None:
        """A new atom bonded to ``parent``, on the stack if it may have more bonds."""
        self.atoms = self.atoms + adds.long()
        new = self.atoms
        self.free[self.rows, new] = torch.where(adds, free, self.free[self.rows, new])
        self._bond(parent, new, adds)
        self.stacks.push(new, adds & (free > 0))
        self.waiting = self.waiting + (adds & (free > 0)).long()

    def _bond(self, a: Int[Tensor, " B"], b: Int[Tensor, " B"], which: Bool[Tensor, " B"]) -> None:
        self.bonded[self.rows, a, b] |= which
        self.bonded[self.rows, b, a] |= which
