"""Sentences as strings of words: what autoencoders of sentences learn from.

A vocabulary is the grammar ``start: word start | `` of any words in any order, so that words are
rules, as characters are in ``characters`` of the molecules' grammars.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from hringur.checks import shortened
from hringur.data.molecules.grammar import Grammar, Rule, Symbol
from hringur.data.molecules.strings import StringSet
from hringur.data.sentences.styles import HOLD_OUT_EVERY, Sentence, SentenceSet, load_sentences
from hringur.types import UserError

UNKNOWN = "<unknown>"
"""Stands for every word that is not in the vocabulary."""

SHUFFLE_SEED = 874


class Words(Grammar):
    """Words of a vocabulary in any order; rule 0 is the end, rule 1 an unknown word."""

    def __init__(self, name: str, text: str) -> None:
        """``text`` has a word on each line."""
        self.name, self.text = name, text
        start = Symbol("start")
        words = [UNKNOWN, *text.split()]
        self.rules = (Rule("start", ()), *(Rule("start", (word, start)) for word in words))
        self.number = {word: at for at, word in enumerate(words, start=1)}

    @classmethod
    def of(cls, name: str, sentences: Iterable[Sentence], fewest: int) -> "Words":
        """The words that occur at least ``fewest`` times, the most frequent first.

        Raises:
            UserError: there are none.
        """
        counts = Counter(word for sentence in sentences for word in sentence)
        known = sorted((-count, word) for word, count in counts.items() if count >= fewest)
        if not known:
            most = max(counts.values(), default=0)
            raise UserError(
                f"fewest must be at most {most} for {name}, whose commonest word occurs so often,"
                f" got {fewest}"
            )
        return cls(f"words of {name}", "\n".join(word for _, word in known))

    def rules_of(self, string: str) -> list[int]:
        """The number of each word, and the end."""
        return [*(self.number.get(word, 1) for word in string.split()), 0]

    def string(self, rules: Sequence[int]) -> str:
        """The words before the end."""
        return " ".join(str(self.rules[rule].body[0]) for rule in rules if rule)


def sentence_strings(given: str | SentenceSet, fewest: int) -> StringSet:
    """Sentences of all styles in one mixed order, the words of the training sentences known.

    ``fewest``: how often a word must occur to be known. Held-out sentences longer than any training
    sentence are left out.

    Raises:
        UserError: a style has no held-out sentences.
    """
    known = load_sentences(given) if isinstance(given, str) else given
    every = [sentence for sentences in known.train.values() for sentence in sentences]
    longest = max(map(len, every))
    for style, sentences in known.test.items():
        if not sentences:
            raise UserError(
                f"{known.name}: style {shortened(style)} needs a held-out sentence that is no"
                f" training sentence; every {HOLD_OUT_EVERY}th is held out"
            )
    train, train_styles = _mixed(known.train, longest)
    test, test_styles = _mixed(known.test, longest)
    return StringSet(
        known.name,
        Words.of(known.name, every, fewest),
        train,
        test,
        styles=tuple(known.train),
        train_styles=train_styles,
        test_styles=test_styles,
    )


def _mixed(
    sentences: Mapping[str, Sequence[Sentence]], longest: int
) -> tuple[tuple[str, ...], np.ndarray]:
    """Sentences and the numbers of their styles, always in the same random order."""
    found = [
        (" ".join(one), number)
        for number, style in enumerate(sentences)
        for one in sentences[style]
        if len(one) <= longest
    ]
    order = np.random.default_rng(SHUFFLE_SEED).permutation(len(found))
    return tuple(found[at][0] for at in order), np.array([found[at][1] for at in order], dtype=int)
