"""Phrases substituted for others: the search of the noisy channel (Brown et al. 1993).

A sentence is cut into phrases of up to three words, each is kept, substituted or left out
(``phrases``), and the best sum of log weights of the substitutions and of the target style's
language model wins, in which that of the source style counts against; the cuts and choices are
searched by a beam, many sentences at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from hringur.data.sentences.styles import Sentence
from hringur.generative.rewriting.language_model import Ids, TrigramModel, Vocabulary, looked_up
from hringur.generative.rewriting.phrases import (
    KEPT,
    LONGEST,
    MOST_TARGETS,
    Pairs,
    phrase_keys,
    phrase_words,
    substitutions,
)
from hringur.generative.rewriting.recounting import Cut, recounted

BATCH, NEVER, SMOOTHING, UNSEEN = 200, -1e9, 0.3, 1e-3


@dataclass(frozen=True, kw_only=True)
class ChannelConfig:
    """Settings, chosen on training verses."""

    source_surplus: float = 3.5
    """least surplus of what is substituted in the source style [standard deviations]"""

    target_surplus: float = 2.5
    """the same of what is put there, in the target style"""

    direct: float = 0.7
    """weight of the probability of target given source; the rest is that of source given target"""

    language: float = 0.35
    """weight of the language model"""

    contrast: float = 0.08
    """weight of how much likelier it finds a word than the source style's does"""

    first_share: float = 0.5
    """of the substitutions found first in what is counted in own rewritings afterwards"""

    forward: float = 1.0
    """weight of rewritings of the source style in that, beside those of the target style"""

    beam: int = 8


@dataclass(frozen=True, eq=False)
class Beam:
    """The best beginnings up to a position: score, last two words, and where they came from."""

    score: Float64[np.ndarray, "B K"]
    before: Int64[np.ndarray, "B K"]
    last: Int64[np.ndarray, "B K"]
    came: Int64[np.ndarray, "B K"]
    """(length, beam, choice) as one number"""


class PhraseSearch:
    """Rewrites sentences of one style in another, as they are."""

    def __init__(
        self,
        source: Sequence[Sentence],
        target: Sequence[Sentence],
        config: ChannelConfig | None = None,
        recounts: bool = True,
    ) -> None:
        """Learn from sentences of both styles, no two of which need belong together.

        ``recounts``: learn again from own rewritings, both ways.
        """
        self.config = config or ChannelConfig()
        self.vocabulary = Vocabulary([*source, *target])
        texts = self.vocabulary.text(source), self.vocabulary.text(target)
        self.model = TrigramModel(texts[1], texts[0], self.vocabulary)
        self.other = TrigramModel(*texts, self.vocabulary)
        here, there = (self.vocabulary.frequencies(text) for text in texts)
        least = self.config.source_surplus, self.config.target_surplus
        found = substitutions(texts, self.vocabulary, least)
        first = self._with_kept(found, here, there * here.sum() / there.sum())
        self._tabulate(first)
        if recounts:
            backward = PhraseSearch(target, source, self.config, recounts=False)
            cuts = self.cuts(source), backward.cuts(target)
            own = recounted(*cuts, self.config.forward, self.vocabulary)
            self._tabulate(together(first, own, self.config.first_share))

    def _with_kept(self, found: Pairs, here: np.ndarray, there: np.ndarray) -> Pairs:
        """Substitutions, and each word kept as it is."""
        word = np.arange(1, self.vocabulary.size + 1)  # a phrase key
        kept = np.maximum(here * np.minimum(1, (there + KEPT) / (here + KEPT)), UNSEEN)
        return Pairs(
            np.append(found.source, word),
            np.append(found.target, word),
            np.append(found.mass, kept),
        )

    def _tabulate(self, pairs: Pairs) -> None:
        """Rows of choices for each source phrase, the best first."""
        source, target, mass = pairs.source, pairs.target, pairs.mass
        self.keys, row = np.unique(source, return_inverse=True)
        _, to = np.unique(target, return_inverse=True)
        of_source, of_target = np.bincount(row, mass)[row], np.bincount(to, mass)[to]
        direct = self.config.direct
        score = direct * np.log(mass / (of_source + SMOOTHING))
        score += (1 - direct) * np.log(mass / (of_target + SMOOTHING))
        order = np.lexsort((-mass, row))
        rank = np.arange(len(order)) - np.searchsorted(row[order], row[order])
        order, rank = order[rank < MOST_TARGETS], rank[rank < MOST_TARGETS]
        self.choices = np.full((len(self.keys), MOST_TARGETS, LONGEST), -1)
        self.scores = np.full((len(self.keys), MOST_TARGETS), NEVER)
        self.choices[row[order], rank] = phrase_words(target[order], self.vocabulary)
        self.scores[row[order], rank] = score[order]

    def rewrite(self, sentences: Sequence[Sentence]) -> list[Sentence]:
        """Each sentence in the target style; unknown words stay."""
        return [tuple(word for _, target in cut for word in target) for cut in self.cuts(sentences)]

    def cuts(self, sentences: Sequence[Sentence]) -> list[Cut]:
        """The same, phrase by phrase."""
        order = sorted(range(len(sentences)), key=lambda at: len(sentences[at]))
        found: dict[int, Cut] = {}
        for start in range(0, len(order), BATCH):
            part = order[start : start + BATCH]
            found |= dict(zip(part, self._rewrite([sentences[at] for at in part]), strict=True))
        return [found[at] for at in range(len(sentences))]

    def _rewrite(self, sentences: Sequence[Sentence]) -> list[Cut]:
        size, longest = self.config.beam, max(map(len, sentences))
        words = np.full((len(sentences), longest + LONGEST), -1)
        for row, sentence in enumerate(sentences):
            words[row, : len(sentence)] = self.vocabulary.encode(sentence)
        score = np.full((len(sentences), size), NEVER)
        score[:, 0] = 0.0
        start = np.full(score.shape, self.vocabulary.start)
        beams = [Beam(score, start, start, start)]
        rows = self._phrase_rows(words)
        for end in range(1, longest + 1):
            beams.append(self._extend(beams, rows, end))
        return [self._trace(beams, rows, at, sentence) for at, sentence in enumerate(sentences)]

    def _phrase_rows(self, words: np.ndarray) -> Int64[np.ndarray, "3 B L"]:
        """The row of the phrase of 1, 2 and 3 words that begins at each word, or -1."""
        rows = []
        for length in range(1, LONGEST + 1):
            at = np.arange(words.shape[1] - LONGEST)[:, None] + np.arange(length)
            phrase = words[:, at]  # B L length
            keys = phrase_keys(phrase.reshape(-1, length), self.vocabulary)
            row = looked_up(self.keys, np.arange(len(self.keys)), keys, -1)
            whole = (phrase >= 0).all(axis=2)
            rows.append(np.where(whole, row.reshape(whole.shape), -1))
        return np.array(rows)

    def _extend(self, beams: list[Beam], rows: np.ndarray, end: int) -> Beam:
        """The best beginnings that end at a position, over phrases of all lengths before it."""
        size, shape = self.config.beam, beams[0].score.shape
        wide = (shape[0], LONGEST * size * MOST_TARGETS)
        score, before, last = np.full(wide, NEVER), np.zeros(wide, int), np.zeros(wide, int)
        for length in range(1, min(LONGEST, end) + 1):
            start, row = beams[end - length], rows[length - 1, :, end - length]
            possible = (self.scores[row] > NEVER) & (row >= 0)[:, None]
            at, beam, choice = np.nonzero((start.score > NEVER)[:, :, None] & possible[:, None, :])
            to = ((length - 1) * size + beam) * MOST_TARGETS + choice
            score[at, to] = start.score[at, beam] + self.scores[row[at], choice]
            before[at, to], last[at, to] = start.before[at, beam], start.last[at, beam]
            for place in range(LONGEST):
                word = self.choices[row[at], choice, place]
                at, to, choice, word = (part[word >= 0] for part in (at, to, choice, word))
                score[at, to] += self._gain(before[at, to], last[at, to], word)
                before[at, to], last[at, to] = last[at, to], word
        came = np.argsort(-score, axis=1)[:, : 4 * size]
        score, before, last = (np.take_along_axis(part, came, 1) for part in (score, before, last))
        same = (before[:, :, None] == before[:, None]) & (last[:, :, None] == last[:, None])
        score[np.tril(same, -1).any(axis=2)] = NEVER  # only the best with the same two last words
        best = np.argsort(-score, axis=1)[:, :size]
        return Beam(*(np.take_along_axis(part, best, 1) for part in (score, before, last, came)))

    def _gain(self, before: Ids, last: Ids, word: Ids) -> np.ndarray:
        language, contrast = self.config.language, self.config.contrast
        likelier = (language + contrast) * self.model(before, last, word)
        return likelier - contrast * self.other(before, last, word)

    def _trace(self, beams: list[Beam], rows: np.ndarray, at: int, sentence: Sentence) -> Cut:
        """The phrases of the best whole rewriting of one sentence, from its end."""
        final, end = beams[len(sentence)], len(sentence)
        last = np.full(self.config.beam, self.vocabulary.end)
        beam = int(np.argmax(final.score[at] + self._gain(final.before[at], final.last[at], last)))
        cut: Cut = []
        while end:
            rest, choice = divmod(int(beams[end].came[at, beam]), MOST_TARGETS)
            length, beam = divmod(rest, self.config.beam)
            end -= length + 1
            chosen = self.choices[rows[length, at, end], choice]
            words = [
                self.vocabulary.words[i] if i < self.vocabulary.unknown else sentence[end]
                for i in chosen
                if i >= 0
            ]
            cut.append((sentence[end : end + length + 1], tuple(words)))
        return cut[::-1]


def together(first: Pairs, own: Pairs, share: float) -> Pairs:
    """Both, each pair once; ``share`` is the weight of the ``first``."""
    source, target = (
        np.append(getattr(first, side), getattr(own, side)) for side in ("source", "target")
    )
    mass = np.append(np.maximum(share * first.mass, UNSEEN), (1 - share) * own.mass)
    both, row = np.unique(np.stack([source, target]), axis=1, return_inverse=True)
    return Pairs(both[0], both[1], np.bincount(row.ravel(), mass))
