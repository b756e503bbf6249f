"""Delete, retrieve, generate (Li et al. 2018): markers of one style replaced by those of another.

What tells the style is deleted, sentences of the target style that share the rest are retrieved,
and their markers fill the gaps. Which word is replaced by which is searched: the sum of the log
probability under the target style's trigram model, of the log odds of the style (up to ``enough``)
and of the price of each replacement is climbed one replacement at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy import sparse

from hringur.data.sentences.styles import Sentence
from hringur.generative.rewriting.language_model import Ids, TrigramModel, Vocabulary

BLOCK = 500
"""Sentences that are compared with all target sentences at once."""


@dataclass(frozen=True, kw_only=True)
class MarkerConfig:
    """Settings, chosen on training sentences."""

    retrieved: int = 40
    """similar sentences of the target style whose markers may fill a gap"""

    least_odds: float = 1.0
    """log odds of the target style from which a word is a marker of it"""

    style: float = 1.0
    """weight of the sentence's log odds"""

    enough: float = 4.0
    """log odds of the style beyond which more count nothing"""

    language: float = 0.5
    """weight of the language model"""

    price: float = 5.0
    """of a replacement, so that the rest is kept"""

    most_share: float = 0.5
    """share of the words that may be replaced"""


class MarkerEditor:
    """Rewrites sentences of one style in another, word by word."""

    def __init__(
        self,
        source: Sequence[Sentence],
        target: Sequence[Sentence],
        config: MarkerConfig | None = None,
    ) -> None:
        """Learn from sentences of both styles, no two of which need belong together."""
        self.config = config or MarkerConfig()
        vocabulary = self.vocabulary = Vocabulary([*source, *target])
        here, there = vocabulary.text(source), vocabulary.text(target)
        self.model = TrigramModel(there, here, vocabulary)
        counts = [vocabulary.frequencies(text) + 1 for text in (here, there)]
        self.odds = np.log(counts[1] / counts[1].sum()) - np.log(counts[0] / counts[0].sum())
        self.odds[vocabulary.unknown] = 0.0
        self.marks = (self.odds >= self.config.least_odds) & (counts[1] > 2)
        table = self._table(target)
        rare = np.log(len(target) / (1 + np.asarray(table.sum(axis=0)).ravel()))
        self.rarity = sparse.diags_array(np.maximum(rare, 0.0))
        self.neutral = sparse.diags_array(
            (np.abs(self.odds) < self.config.least_odds).astype(float)
        )
        self.table, self.weighed = table, self._normed(table)

    def _table(self, sentences: Sequence[Sentence]) -> sparse.csr_array:
        """Which words stand in which sentence: N V."""
        encoded = [sorted(set(self.vocabulary.encode(one))) for one in sentences]
        rows = np.repeat(np.arange(len(encoded)), [len(one) for one in encoded])
        columns = np.array([word for one in encoded for word in one], dtype=int)
        shape = (len(encoded), self.vocabulary.size)
        return sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape)

    def _normed(self, table: sparse.csr_array) -> sparse.csr_array:
        """Rare words that tell no style, as vectors of length 1."""
        found = table @ self.rarity @ self.neutral
        length = np.sqrt(np.asarray(found.multiply(found).sum(axis=1)).ravel())
        return sparse.csr_array(sparse.diags_array(1 / np.maximum(length, 1e-9)) @ found)

    def rewrite(self, sentences: Sequence[Sentence]) -> list[Sentence]:
        """Each sentence in the target style; unknown words count as unlikely, and may stay."""
        found: list[Sentence] = []
        for start in range(0, len(sentences), BLOCK):
            part = sentences[start : start + BLOCK]
            alike = (self._normed(self._table(part)) @ self.weighed.T).toarray()
            most = min(self.config.retrieved, alike.shape[1])
            nearest = np.argpartition(-alike, most - 1, axis=1)[:, :most]
            found += [self._edit(one, rows) for one, rows in zip(part, nearest, strict=True)]
        return found

    def _edit(self, sentence: Sentence, retrieved: Ids) -> Sentence:
        """Replace one word after the other, the best of all replacements each time."""
        config, vocabulary = self.config, self.vocabulary
        words = np.array(vocabulary.encode(sentence))
        columns = np.unique(self.table[retrieved].indices)
        offered = columns[self.marks[columns]]
        written = list(sentence)
        left = np.ones(len(words), dtype=bool)
        while len(offered) and left.sum() > (1 - config.most_share) * len(words):
            gain = self._gains(words, offered)
            gain[~left] = -np.inf
            place, choice = np.unravel_index(int(np.argmax(gain)), gain.shape)
            if gain[place, choice] <= 0:
                break
            words[place], left[place] = offered[choice], False
            written[place] = vocabulary.words[offered[choice]]
        return tuple(written)

    def _gains(self, words: Ids, offered: Ids) -> Float64[np.ndarray, "T K"]:
        """What each replacement of one word adds to the sum."""
        config, vocabulary = self.config, self.vocabulary
        around = [vocabulary.start] * 2, [vocabulary.end] * 2
        text = np.concatenate([around[0], words, around[1]])
        place = np.arange(len(words)) + 2
        before = self.model(text[:-2], text[1:-1], text[2:])
        now = before[place - 2] + before[place - 1]
        window = np.stack([text[place + step] for step in range(-2, 3)], axis=1)  # T 5
        new = np.repeat(window[:, None], len(offered), axis=1)
        new[:, :, 2] = offered
        trigrams = [self.model(*(new[:, :, at + k].ravel() for k in range(3))) for at in range(3)]
        last = (place == len(words) + 1)[:, None]  # after it there is but the end
        after = np.stack(trigrams).reshape(3, len(words), len(offered))
        now = now + np.where(last[:, 0], 0.0, before[np.minimum(place, len(before) - 1)])
        likelier = after[0] + after[1] + np.where(last, 0.0, after[2]) - now[:, None]
        odds = self.odds[words].sum()
        moved = odds - self.odds[words][:, None] + self.odds[offered]
        style = np.minimum(moved, config.enough) - min(odds, config.enough)
        again = np.isin(offered, words)[None]  # a word twice reads badly
        return np.where(
            again, -np.inf, config.language * likelier + config.style * style - config.price
        )
