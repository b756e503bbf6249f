"""A trigram language model with Kneser and Ney's smoothing (1995), interpolated, on arrays."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int64

from hringur.data.sentences.styles import Sentence

DISCOUNT, JOINT_SHARE = 0.8, 0.3
"""What is taken off each count, and the share of both styles' frequencies in those of words."""

Ids = Int64[np.ndarray, " _"]
"""Numbers of words, phrases or places in one row."""


class Vocabulary:
    """Numbers of words; the three last are the unknown word, the start and the end."""

    def __init__(self, sentences: Sequence[Sentence]) -> None:
        """``sentences`` have all the words that are known."""
        self.words = list(dict.fromkeys(word for sentence in sentences for word in sentence))
        self.ids = {word: at for at, word in enumerate(self.words)}
        self.unknown = len(self.words)
        self.start, self.end, self.size = self.unknown + 1, self.unknown + 2, self.unknown + 3

    def encode(self, sentence: Sentence) -> list[int]:
        """The numbers of the words of a sentence."""
        return [self.ids.get(word, self.unknown) for word in sentence]

    def text(self, sentences: Sequence[Sentence]) -> Ids:
        """All sentences in one row, two starts before and two ends after each."""
        around = [self.start] * 2, [self.end] * 2
        parts = (around[0] + self.encode(sentence) + around[1] for sentence in sentences)
        return np.array([token for part in parts for token in part], dtype=np.int64)

    def frequencies(self, text: Ids) -> Float64[np.ndarray, " V"]:
        """How often each word stands in ``text``."""
        return np.bincount(text[text < self.start], minlength=self.size).astype(float)


class TrigramModel:
    """Log probabilities of the next word after two words."""

    def __init__(self, text: Ids, other: Ids, vocabulary: Vocabulary) -> None:
        """Count ``text`` of ``Vocabulary.text``; the words of ``other`` are possible too."""
        self.vocabulary, self.size, d = vocabulary, vocabulary.size, DISCOUNT
        after = (text[2:] < vocabulary.start) | (
            (text[2:] == vocabulary.end) & (text[1:-1] != vocabulary.end)
        )
        first, second, third = (text[i : len(text) - 2 + i][after] for i in range(3))
        self.trigrams, n3 = np.unique(self._key(first, second, third), return_counts=True)
        self.bigrams, n2 = np.unique(self.trigrams % self.size**2, return_counts=True)
        n1 = np.bincount(self.bigrams % self.size, minlength=self.size)
        both = vocabulary.frequencies(text) + vocabulary.frequencies(other)
        both[vocabulary.unknown] += 1
        joint = 0.9 * both / both.sum() + 0.1 / self.size
        word = (1 - JOINT_SHARE) * n1 / n1.sum() + JOINT_SHARE * joint

        context = self.bigrams // self.size
        total, kinds = (
            np.bincount(context, n2, self.size),
            np.bincount(context, minlength=self.size),
        )
        back = np.where(total > 0, d * kinds / np.maximum(total, 1), 1.0)
        bigram = (n2 - d) / total[context] + back[context] * word[self.bigrams % self.size]

        self.contexts, at = np.unique(self.trigrams // self.size, return_inverse=True)
        total, kinds = np.bincount(at, n3), np.bincount(at)
        lower = bigram[np.searchsorted(self.bigrams, self.trigrams % self.size**2)]
        trigram = (n3 - d) / total[at] + (d * kinds / total)[at] * lower
        self.log_word, self.log_back = np.log(word), np.log(back)
        self.log_bigram, self.log_trigram = np.log(bigram), np.log(trigram)
        self.log_context = np.log(d * kinds / total)

    def __call__(self, first: Ids, second: Ids, third: Ids) -> Float64[np.ndarray, " N"]:
        """Log probability of ``third`` after ``first`` and ``second`` [nats]."""
        pair = second * self.size + third
        low = self.log_back[second] + self.log_word[third]
        low = looked_up(self.bigrams, self.log_bigram, pair, low)
        back = looked_up(self.contexts, self.log_context, first * self.size + second, 0.0)
        key = self._key(first, second, third)
        return looked_up(self.trigrams, self.log_trigram, key, back + low)

    @classmethod
    def of(cls, sentences: Sequence[Sentence]) -> "TrigramModel":
        """Of sentences alone; words that they lack are one."""
        vocabulary = Vocabulary(sentences)
        text = vocabulary.text(sentences)
        return cls(text, text, vocabulary)

    def surprise(self, sentence: Sentence) -> float:
        """Mean of -log p of its words and its end [nats]; exp of it is the perplexity."""
        text = self.vocabulary.text([sentence])[:-1]
        return -float(self(text[:-2], text[1:-1], text[2:]).mean())

    def _key(self, first: Ids, second: Ids, third: Ids) -> Ids:
        return (first * self.size + second) * self.size + third


def looked_up(
    keys: Ids, values: np.ndarray, wanted: Ids, missing: int | float | np.ndarray
) -> np.ndarray:
    """``values`` of the ``wanted`` among the sorted ``keys``, ``missing`` where there is none."""
    if len(keys) == 0:
        return np.full(wanted.shape, missing)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], missing)
