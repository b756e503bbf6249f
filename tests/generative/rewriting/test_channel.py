import math

import numpy as np
import pytest

from hringur.generative.rewriting.channel import PhraseChannel
from hringur.generative.rewriting.language_model import TrigramModel, Vocabulary

PLACES = "river hill town field house road lake wood farm mill".split()
FOLK = "man woman child king smith miller rider shepherd".split()


def sentences(rng, words, count):
    """Two styles of one small language: ``words`` are you, goes and to in it."""
    you, goes, to = words
    made = []
    for _ in range(count):
        who, place, other = rng.choice(FOLK), rng.choice(PLACES), rng.choice(PLACES)
        text = f"the {who} {goes} {to} the {place} and sees {you} near the {other} ."
        made.append(tuple(text.split()))
    return made


@pytest.fixture(scope="module")
def channel():
    rng = np.random.default_rng(0)
    archaic = sentences(rng, ("thee", "hieth", "unto"), 200)
    return PhraseChannel(archaic, sentences(rng, ("you", "goes", "to"), 200))


def test_known_substitutions_are_found_without_pairs(channel):
    given = "the king hieth unto the mill and sees thee near the lake .".split()
    short = "the child hieth unto the town .".split()
    assert [" ".join(made) for made in channel.rewrite([tuple(given), tuple(short)])] == [
        "the king goes to the mill and sees you near the lake .",
        "the child goes to the town .",
    ]


def test_unknown_words_stay_and_batches_change_nothing(channel):
    given = [("the", "zebra", "hieth", "unto", "the", "hill", "."), ("thee",), ("the", "king")]
    together = channel.rewrite(given)
    assert together == [channel.rewrite([one])[0] for one in given]
    assert together[0] == ("the", "zebra", "goes", "to", "the", "hill", ".")


def test_what_begins_sentences_of_one_style_is_dropped_only_there():
    rng = np.random.default_rng(0)
    same = "you", "goes", "to"
    archaic = [("and", *one) for one in sentences(rng, same, 60)]
    inside = [("cats", "and", "dogs", ".")] * 60  # so both have the word equally often
    channel = PhraseChannel(archaic, sentences(rng, same, 60) + inside)
    given = "and the king goes to the mill and sees you near the lake .".split()
    assert channel.rewrite([tuple(given)]) == [tuple(given[1:])]


def test_words_never_seen_take_the_form_of_the_style():
    rng = np.random.default_rng(0)
    verbs = "walk speak sing know seek turn sow bring hear eat call find".split()
    both = [(verb, "and", verb, "and", "send", ".") for verb in verbs * 4]
    archaic, modern = (
        both + sentences(rng, (you, to, to), 20)
        + [("he", verb + ending, to, "the", place, ".") for verb in verbs for place in PLACES[:5]]
        for you, to, ending in (("thee", "unto", "eth"), ("you", "to", "s"))
    )  # fmt: skip
    channel = PhraseChannel(archaic, modern)
    made = channel.rewrite([("he", "sendeth", "unto", "the", "mill", ".")])
    assert made == [("he", "sends", "to", "the", "mill", ".")]


def test_probabilities_sum_to_one_after_any_words():
    sides = [tuple("a b a c".split()), tuple("b b c".split())], [tuple("c d".split())]
    vocabulary = Vocabulary([*sides[0], *sides[1]])
    model = TrigramModel(*(vocabulary.text(side) for side in sides), vocabulary)
    every = np.arange(vocabulary.size)
    for first, second in [(0, 1), (1, 1), (3, 3), (vocabulary.start, vocabulary.start)]:
        after = [np.full(vocabulary.size, word) for word in (first, second)]
        assert math.isclose(np.exp(model(*after, every)).sum(), 1, rel_tol=1e-9)


def test_a_trigram_is_the_formula_by_hand():
    vocabulary = Vocabulary([("a", "b")])
    text = vocabulary.text([("a", "b")])
    model = TrigramModel(text, text, vocabulary)
    # Each of a, b and the end follows one word once: continuation counts are 1 of 3.
    joint = 0.9 * 2 / 5 + 0.1 / vocabulary.size
    word = 0.7 / 3 + 0.3 * joint
    expected = 0.2 + 0.8 * (0.2 + 0.8 * word)
    at = [np.array([i]) for i in (vocabulary.start, 0, 1)]
    assert math.isclose(np.exp(model(*at)[0]), expected)
