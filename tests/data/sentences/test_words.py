import pytest

from hringur.data.sentences.styles import SentenceSet
from hringur.data.sentences.words import UNKNOWN, Words, sentence_strings
from hringur.types import UserError

KNOWN = SentenceSet(
    "few",
    {"old": (("thou", "art", "."), ("thou", "goest", ".")), "new": (("you", "are", "."),)},
    {"old": (("thou", "art"),), "new": (("you", "are", "and", "are"), ("you",))},
)


def test_words_are_numbered_and_rare_ones_are_unknown():
    words = Words.of("few", [one for some in KNOWN.train.values() for one in some], fewest=2)
    assert words.text.split() == [".", "thou"]
    rules = words.rules_of("thou goest .")
    assert rules == [3, 1, 2, 0]
    assert words.string(rules) == f"thou {UNKNOWN} ."
    again = Words(words.name, words.text)
    assert again.rules_of("thou goest .") == rules and again.shortest == {"start": 1}


def test_sentences_keep_their_styles_and_too_long_ones_are_left_out():
    strings = sentence_strings(KNOWN, fewest=1)
    assert strings.styles == ("old", "new")
    by_style = {"old": {"thou art .", "thou goest ."}, "new": {"you are ."}}
    for sentence, style in zip(strings.train, strings.train_styles, strict=True):
        assert sentence in by_style[strings.styles[style]]
    assert len(strings.train) == 3
    assert sorted(strings.test) == ["thou art", "you"]
    assert strings.train == sentence_strings(KNOWN, fewest=1).train


def test_a_style_without_held_out_sentences_is_refused():
    empty = SentenceSet("few", KNOWN.train, {**KNOWN.test, "new": ()})
    with pytest.raises(UserError, match="few: style 'new' needs a held-out sentence"):
        sentence_strings(empty, fewest=1)


def test_a_vocabulary_has_a_word():
    with pytest.raises(UserError, match="fewest must be at most 2 for few, .* got 3"):
        Words.of("few", [("to", "be"), ("or", "to")], fewest=3)
