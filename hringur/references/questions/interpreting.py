"""The best moment to write a word of a translation while its source is still being heard.

All that can be known is which words were heard and which were written: the numbers whose English
begins with the former and whose translation begins with the latter are equally likely. Dynamic
programming over these states finds the policy with the best expected return. After k + 1 words
the posterior is sharper than after k, but every word written then costs more delay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float64, Int64


@dataclass(frozen=True, eq=False)
class Interpreting:
    """N sentences and their translations, each as likely as any other.

    Tables have an entry for sentence n, g words heard and t words written; those of sentences that
    cannot be told apart at that point are the same.
    """

    source: Int64[np.ndarray, "N G"]
    """words, the end mark last; -1 behind it"""
    target: Int64[np.ndarray, "N T"]
    """words of the translation, likewise"""
    delay_cost: float
    """of each written word, for each word heard before it"""
    wrong_cost: float
    guesses: Int64[np.ndarray, "N G1 T"] | None = None
    """words that a translation model writes; otherwise the likeliest among the N sentences"""

    @cached_property
    def source_lengths(self) -> Int64[np.ndarray, " N"]:
        """Words and end mark."""
        return (self.source >= 0).sum(axis=1)

    @cached_property
    def target_lengths(self) -> Int64[np.ndarray, " N"]:
        """Words and end mark."""
        return (self.target >= 0).sum(axis=1)

    @cached_property
    def _groups(self) -> Int64[np.ndarray, "G1 T1 N"]:
        """Sentences with the same number at (g, t) begin with the same words on both sides."""
        heard, written = prefixes(self.source), prefixes(self.target)
        width = int(written.max()) + 1
        return heard[:, None] * width + written[None]

    @cached_property
    def likeliest(self) -> Int64[np.ndarray, "N G1 T"]:
        """The next word of the translation that is written: the most likely one, or a guess."""
        return self._next[0]

    @cached_property
    def chance(self) -> Float64[np.ndarray, "N G1 T"]:
        """How likely that word is."""
        return self._next[1]

    @cached_property
    def _next(self) -> tuple[np.ndarray, np.ndarray]:
        sentences, heard, words = len(self.source), self.source.shape[1] + 1, self.target.shape[1]
        word = np.full((sentences, heard, words), -1)
        chance = np.zeros((sentences, heard, words))
        for g in range(heard):
            for t in range(words):
                there = np.flatnonzero((self.target_lengths > t) & (self.source_lengths >= g))
                if not len(there):
                    continue
                group, right = self._groups[g, t, there], self.target[there, t]
                if self.guesses is None:
                    word[there, g, t], chance[there, g, t] = _mode(group, right)
                else:
                    word[there, g, t] = self.guesses[there, g, t]
                    chance[there, g, t] = _mean(group, word[there, g, t] == right)
        return word, chance

    @cached_property
    def _best(self) -> tuple[Float64[np.ndarray, "N G1 T1"], Bool[np.ndarray, "N G1 T1"]]:
        """Expected return from each state on, and whether to wait there."""
        sentences, most, words = len(self.source), self.source.shape[1], self.target.shape[1]
        value = np.zeros((sentences, most + 1, words + 1))
        wait = np.zeros(value.shape, dtype=bool)
        for g in range(most, -1, -1):
            for t in range(words - 1, -1, -1):
                there = np.flatnonzero((self.target_lengths > t) & (self.source_lengths >= g))
                if not len(there):
                    continue
                group = self._groups[g, t, there]
                wrong = self.wrong_cost * (1.0 - self.chance[there, g, t])
                write = _mean(group, value[there, g, t + 1]) - self.delay_cost * g - wrong
                later = np.full(len(there), -np.inf)
                more = self.source_lengths[there] > g
                if more.any():
                    following = _mean(group[more], value[there[more], g + 1, t])
                    later[more] = following
                wait[there, g, t] = later > write
                value[there, g, t] = np.maximum(later, write)
        return value, wait

    @property
    def optimal(self) -> float:
        """Expected return of the best policy."""
        return float(self._best[0][:, 0, 0].mean())

    @property
    def waits(self) -> Bool[np.ndarray, "N G1 T1"]:
        """Where the best policy waits for another word; elsewhere it writes the likeliest one."""
        return self._best[1]

    def wait_k(self, k: int) -> Bool[np.ndarray, "N G1 T1"]:
        """Wait until k words more than were written have been heard (Ma et al. 2019)."""
        heard, written = np.arange(self.source.shape[1] + 1), np.arange(self.target.shape[1] + 1)
        behind = heard[:, None] < written[None] + k
        more = self.source_lengths[:, None, None] > heard[None, :, None]
        return behind[None] & more

    def returns(self, waits: Bool[np.ndarray, "N G1 T1"]) -> Float64[np.ndarray, " N"]:
        """What a policy that waits there, and else writes the likeliest word, earns on each."""
        rows = np.arange(len(self.source))
        heard, written = np.zeros_like(rows), np.zeros_like(rows)
        earned = np.zeros(len(rows))
        for _ in range(self.source.shape[1] + self.target.shape[1]):
            busy = written < self.target_lengths
            waiting = busy & waits[rows, heard, written]
            writing = busy & ~waiting
            t = np.minimum(written, self.target.shape[1] - 1)
            right = self.likeliest[rows, heard, t] == self.target[rows, t]
            cost = self.delay_cost * heard + self.wrong_cost * ~right
            earned[writing] -= cost[writing]
            heard, written = heard + waiting, written + writing
        return earned


def prefixes(words: Int64[np.ndarray, "N L"]) -> Int64[np.ndarray, "L1 N"]:
    """For each length 0 .. L, a number that is the same for rows that begin with the same words."""
    found = [np.zeros(len(words), dtype=np.int64)]
    for column in words.T:
        pairs = np.stack([found[-1], column], axis=1)
        found.append(np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1))
    return np.stack(found)


def encoded(sentences: Sequence[Sequence[str]]) -> tuple[Int64[np.ndarray, "N L"], list[str]]:
    """Words as numbers, the end mark 0 behind each sentence, -1 behind that; and the words."""
    words = ["<end>", *sorted({word for sentence in sentences for word in sentence})]
    number = {word: k for k, word in enumerate(words)}
    rows = np.full((len(sentences), 1 + max(map(len, sentences))), -1)
    for row, sentence in zip(rows, sentences, strict=True):
        row[: len(sentence) + 1] = [*(number[word] for word in sentence), 0]
    return rows, words


def _mean(group: Int64[np.ndarray, " K"], values: np.ndarray) -> np.ndarray:
    """Of each one's group."""
    _, index = np.unique(group, return_inverse=True)
    return (np.bincount(index, values) / np.bincount(index))[index]


def _mode(
    group: Int64[np.ndarray, " K"], words: Int64[np.ndarray, " K"]
) -> tuple[Int64[np.ndarray, " K"], Float64[np.ndarray, " K"]]:
    """The most frequent word of each one's group, the first of several, and its share."""
    pairs, counts = np.unique(np.stack([group, words], axis=1), axis=0, return_counts=True)
    order = np.lexsort((pairs[:, 1], -counts, pairs[:, 0]))
    groups, first = np.unique(pairs[order, 0], return_index=True)
    best = order[first]
    sizes = np.bincount(np.searchsorted(groups, pairs[:, 0]), counts)
    where = np.searchsorted(groups, group)
    return pairs[best[where], 1], counts[best[where]] / sizes[where]
