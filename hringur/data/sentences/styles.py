"""Sentences by style: ``topics``, ``verses``, or a file (NOTICE has the sources).

``topics`` are definitions and examples about music, science and politics; keywords chose them.
``verses`` are archaic and modern; of a training verse one side is given, the other is hidden.
"""

import csv
import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from hringur.checks import shortened
from hringur.data.files import read_text
from hringur.types import UserError

MOST_SENTENCES, MOST_WORDS = 50_000, 100
HOLD_OUT_EVERY = 10
"""Of a file, every tenth sentence of a style is held out."""

VERSE_COLUMNS = {"archaic": "kjv", "modern": "web"}
WORD = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]")

Sentence = tuple[str, ...]
"""Words and punctuation marks in lower case."""


@dataclass(frozen=True, eq=False)
class SentenceSet:
    """Sentences to learn from and held-out ones, by style; no sentence is in both."""

    name: str
    train: Mapping[str, tuple[Sentence, ...]]
    test: Mapping[str, tuple[Sentence, ...]]
    paired: bool = False
    """whether the held-out sentences of all styles say the same, row by row"""


def check_style(option: str, style: str, styles: tuple[str, ...], name: str) -> None:
    """Refuse a style that is not among those of the set ``name``.

    Raises:
        UserError: there is no such style.
    """
    if style not in styles:
        raise UserError(
            f"{option} must be one of {', '.join(styles)} (styles of {name}), got"
            f" {shortened(style)}"
        )


def words_of(sentence: str) -> Sentence:
    """The words of a sentence.

    Raises:
        UserError: there are none, or more than 100.
    """
    words = tuple(WORD.findall(sentence.lower()))
    if not any(word[0].isalnum() for word in words):
        raise UserError(f"a sentence must have a word, got {shortened(sentence)}")
    if len(words) > MOST_WORDS:
        raise UserError(
            f"a sentence has at most {MOST_WORDS} words, {shortened(sentence)} has {len(words):,}"
        )
    return words


@cache
def load_sentences(name: str) -> SentenceSet:
    """A set of sentences by name, or of a file with a style, a tab and a sentence on each line.

    Raises:
        UserError: an unknown name, or a file that is no such table.
    """
    if name == "topics":
        rows = [(row["split"], row["topic"], row["sentence"]) for row in _table("topics")]
        train, test = (_by_style(rows, split) for split in ("train", "test"))
        return SentenceSet(name, train, _without(test, train))
    if name == "verses":
        train = {
            style: tuple(pair[style] for pair in verse_pairs(column))
            for style, column in VERSE_COLUMNS.items()
        }
        seen = {sentence for sentences in train.values() for sentence in sentences}
        held_out = [pair for pair in verse_pairs("test") if seen.isdisjoint(pair.values())]
        test = {style: tuple(pair[style] for pair in held_out) for style in VERSE_COLUMNS}
        return SentenceSet(name, train, test, paired=True)
    if not name.endswith(".tsv"):
        raise UserError(
            f"dataset must be topics, verses or a file that ends in .tsv, got {shortened(name)}"
        )
    return _read(name)


def verse_pairs(split: str) -> list[dict[str, Sentence]]:
    """Both sides of the verses of a split: ``test``, or ``kjv`` to choose settings by."""
    return [
        {style: tuple(row[column].split()) for style, column in VERSE_COLUMNS.items()}
        for row in _table("verses")
        if row["split"] == split
    ]


def _table(name: str) -> list[dict[str, str]]:
    file = resources.files("hringur.data.sentences") / f"{name}.csv.gz"
    return list(csv.DictReader(gzip.decompress(file.read_bytes()).decode("utf-8").splitlines()))


def _by_style(rows: list[tuple[str, str, str]], split: str) -> dict[str, tuple[Sentence, ...]]:
    found: dict[str, list[Sentence]] = {}
    for of, style, sentence in rows:
        if of == split:
            found.setdefault(style, []).append(tuple(sentence.split()))
    return {style: tuple(sentences) for style, sentences in found.items()}


def _without(
    test: Mapping[str, tuple[Sentence, ...]], train: Mapping[str, tuple[Sentence, ...]]
) -> dict[str, tuple[Sentence, ...]]:
    seen = {sentence for sentences in train.values() for sentence in sentences}
    return {style: tuple(one for one in test[style] if one not in seen) for style in test}


def _read(path: str) -> SentenceSet:
    lines = read_text(path).splitlines()
    if len(lines) > MOST_SENTENCES:
        raise UserError(f"{path}: at most {MOST_SENTENCES:,} lines are read, got {len(lines):,}")
    found: dict[str, list[Sentence]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        style, tab, sentence = (part.strip(" ") for part in line.partition("\t"))
        if not style or not tab or "\t" in sentence:
            raise UserError(f"{path}, line {number}: must be STYLE, a tab, SENTENCE")
        try:
            found.setdefault(style, []).append(words_of(sentence))
        except UserError as error:
            raise UserError(f"{path}, line {number}: {error}") from None
    if len(found) < 2:
        raise UserError(f"{path}: must have sentences of two styles or more, got {len(found)}")
    for style, sentences in found.items():
        if len(sentences) < 2:
            raise UserError(
                f"{path}: a style needs two sentences or more, {shortened(style)} has one; a line "
                "of headings is read as a sentence"
            )
    train = {
        style: tuple(one for at, one in enumerate(sentences, start=1) if at % HOLD_OUT_EVERY)
        for style, sentences in found.items()
    }
    test = {style: tuple(found[style][HOLD_OUT_EVERY - 1 :: HOLD_OUT_EVERY]) for style in found}
    return SentenceSet(path, train, _without(test, train))
