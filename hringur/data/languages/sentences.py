"""Sentences in English and Icelandic, and what a translation model writes (NOTICE has the source).

``scripts/train_interpreter.py`` trained the model on other sentences of the same source.
"""

import csv
import gzip
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class Interpreted:
    """A sentence, its translation, and the words of the model."""

    english: list[str]
    icelandic: list[str]
    writes: list[list[str]]
    """a row for 0, 1, ... English words heard, the end mark ``<end>`` counting as one, and in it
    the next word after each beginning of the translation"""


@cache
def interpreted_sentences() -> tuple[Interpreted, ...]:
    """All of them, held out from the model's training."""
    file = resources.files("hringur.data.languages") / "sentences.csv.gz"
    rows = csv.DictReader(gzip.decompress(file.read_bytes()).decode("utf-8").splitlines())
    found = []
    for row in rows:
        english, icelandic, words = (row[name].split(" ") for name in ("en", "is", "writes"))
        width = len(icelandic) + 1
        writes = [words[at : at + width] for at in range(0, len(words), width)]
        found.append(Interpreted(english, icelandic, writes))
    return tuple(found)
