"""The numbers 0 to 999 in words: English, Icelandic, German and Danish (NOTICE has the source)."""

import csv
import gzip
from functools import cache
from importlib import resources

from hringur.types import UserError

LANGUAGES = {"icelandic": "is", "german": "de", "danish": "da"}
"""Column of each language."""


@cache
def _table() -> list[dict[str, str]]:
    file = resources.files("hringur.data.languages") / "numbers.csv.gz"
    return list(csv.DictReader(gzip.decompress(file.read_bytes()).decode("utf-8").splitlines()))


def english_numbers() -> list[list[str]]:
    """The words of 0 .. 999."""
    return [row["en"].split() for row in _table()]


def translated_numbers(language: str) -> list[list[str]]:
    """The words of 0 .. 999 in another language; German and Danish compounds are split.

    Raises:
        UserError: the language is unknown.
    """
    column = _column(language)
    return [row[column].split() for row in _table()]


def least_reads(language: str) -> list[list[int]]:
    """How many English words make each word, and then the end, certain; the end counts as one."""
    column = f"{_column(language)}_optimal_reads"
    return [[int(n) for n in row[column].split()] for row in _table()]


def _column(language: str) -> str:
    if language not in LANGUAGES:
        raise UserError(f"language must be one of {', '.join(LANGUAGES)}, got {language!r}")
    return LANGUAGES[language]
