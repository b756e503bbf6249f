"""Sequences of whole numbers on the device, and batches of sequences of nearly one length."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from hringur.generative.epochs import Epochs
from hringur.types import State

TOGETHER = 50
"""Batches' worth of sequences that are sorted by length, before their batches are shuffled."""


@dataclass(frozen=True, eq=False)
class Sequences:
    """Sequences side by side, ended by -1."""

    tokens: Int[Tensor, "B T"]
    style: Int[Tensor, " B"] | None = None
    """of each, where they have styles"""

    @classmethod
    def of(
        cls,
        sequences: Sequence[np.ndarray],
        device: torch.device | str = "cpu",
        style: Any = None,
    ) -> "Sequences":
        """A copy on the device, as wide as the longest."""
        width = max(map(len, sequences), default=1)
        tokens = np.full((len(sequences), width), -1, dtype=np.int64)
        for row, sequence in zip(tokens, sequences, strict=True):
            row[: len(sequence)] = sequence
        known = None if style is None else torch.as_tensor(style, device=device)
        return cls(torch.tensor(tokens, device=device), known)

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, rows: slice | Int[Tensor, " B"]) -> "Sequences":
        """Some of them, as wide as the longest of these."""
        tokens = self.tokens[rows]
        width = int((tokens >= 0).sum(dim=1).max()) if len(tokens) else 1
        return Sequences(tokens[:, :width], None if self.style is None else self.style[rows])

    @property
    def present(self) -> Bool[Tensor, "B T"]:
        """Where there is a token."""
        return self.tokens >= 0

    @property
    def length(self) -> Int[Tensor, " B"]:
        """Of each."""
        return self.present.sum(dim=1)

    def lists(self) -> list[list[int]]:
        """Each without its end."""
        rows = zip(self.tokens.tolist(), self.length.tolist(), strict=True)
        return [row[:length] for row, length in rows]


class SequenceBatches:
    """Endless batches of training sequences; those of one batch are of nearly one length."""

    def __init__(
        self,
        sequences: Sequences,
        batch: int,
        seed: int,
        name: str,
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        self.sequences, self.length = sequences, sequences.length.cpu()
        self.together = batch * processes
        what = f"strings of {name}"
        count = len(sequences)
        self.epochs = Epochs(count, batch, seed, what, rank, processes, self._by_length)

    def __iter__(self) -> Iterator[Sequences]:
        return self

    def __next__(self) -> Sequences:
        return self.sequences[self.epochs.next().to(self.sequences.tokens.device)]

    def _by_length(self, order: Int[Tensor, " N"], generator: torch.Generator) -> Int[Tensor, " M"]:
        """Sorted within stretches of ``TOGETHER`` batches, the batches then shuffled."""
        order = order[: len(order) // self.together * self.together]
        stretches = order.split(TOGETHER * self.together)
        batches = torch.cat([part[self.length[part].argsort(stable=True)] for part in stretches])
        batches = batches.view(-1, self.together)
        return batches[torch.randperm(len(batches), generator=generator)].flatten()

    def state_dict(self) -> State:
        """The place in the epoch."""
        return self.epochs.state_dict()

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        self.epochs.load_state_dict(state)
