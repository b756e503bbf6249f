"""The table of numbers in words."""

import pytest

from hringur.data.languages.numbers import (
    LANGUAGES,
    english_numbers,
    least_reads,
    translated_numbers,
)
from hringur.types import UserError


def test_examples_of_the_lecture():
    assert english_numbers()[342] == ["three", "hundred", "forty", "two"]
    assert translated_numbers("icelandic")[342] == ["þrjú", "hundruð", "fjörutíu", "og", "tveir"]
    assert translated_numbers("german")[21] == ["ein", "und", "zwanzig"]
    assert least_reads("german")[21][0] == 2  # both words, before the first
    assert least_reads("icelandic")[342][0] == 2  # "hundred", for the gender of the 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_has_words_and_reads(language):
    words, reads = translated_numbers(language), least_reads(language)
    assert len(words) == len(english_numbers()) == len({tuple(one) for one in words}) == 1000
    assert all(len(a) + 1 == len(b) for a, b in zip(words, reads, strict=True))


def test_an_unknown_language_is_refused():
    with pytest.raises(UserError, match="icelandic, german, danish, got 'french'"):
        translated_numbers("french")
