"""What stands for what, counted in a channel's own rewritings (Lample et al. 2018).

Each side is rewritten in the other style. Where a sentence of the target style was rewritten, the
target phrase is real and its partner guessed, as in back-translation; the pairs of both ways are
counted, and phrases that were rewritten side by side are phrases too.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from hringur.data.sentences.styles import Sentence
from hringur.generative.rewriting.language_model import Vocabulary
from hringur.generative.rewriting.phrases import LONGEST, Pairs, phrase_keys

Cut = list[tuple[Sentence, Sentence]]
"""A sentence and its rewriting, phrase by phrase."""

FEWEST_PAIRS = 1.5
"""Count from which a pair whose source has several words is kept."""


def recounted(
    forward: Iterable[Cut], backward: Iterable[Cut], weight: float, vocabulary: Vocabulary
) -> Pairs:
    """Pairs from source to target; those of ``forward`` count ``weight``, of ``backward`` 1."""
    counts: Counter[tuple[Sentence, Sentence]] = Counter()
    for cut in forward:
        for pair in _phrases(cut):
            counts[pair] += weight  # type: ignore[assignment]
    for cut in backward:
        for target, source in _phrases(cut):
            counts[source, target] += 1
    found = [
        (source, target, count)
        for (source, target), count in counts.items()
        if source and (len(source) == 1 or count >= FEWEST_PAIRS)
    ]
    return Pairs(
        _keys([source for source, _, _ in found], vocabulary),
        _keys([target for _, target, _ in found], vocabulary),
        np.array([count for _, _, count in found], dtype=float),
    )


def _phrases(cut: Cut) -> Iterable[tuple[Sentence, Sentence]]:
    """All runs of neighbouring pairs of which neither side is longer than a phrase."""
    for first in range(len(cut)):
        source = target = Sentence()
        for one, other in cut[first:]:
            source, target = source + one, target + other
            if len(source) > LONGEST or len(target) > LONGEST:
                break
            yield source, target


def _keys(phrases: Sequence[Sentence], vocabulary: Vocabulary) -> np.ndarray:
    """Their keys, 0 for no words."""
    words = np.full((len(phrases), LONGEST), -1)
    for row, phrase in zip(words, phrases, strict=True):
        row[: len(phrase)] = vocabulary.encode(phrase)
    return phrase_keys(words, vocabulary)
