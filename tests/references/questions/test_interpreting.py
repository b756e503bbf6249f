"""The best moment to write against the file's minimal reads, recursion, and simulation."""

import itertools
import random
from functools import cache

import numpy as np
import pytest

from hringur.data.languages.numbers import (
    LANGUAGES,
    english_numbers,
    least_reads,
    translated_numbers,
)
from hringur.references.questions.interpreting import Interpreting, encoded, prefixes

ENGLISH = ["a", "a b", "a c", "d a", "d b a"]
FOREIGN = ["x", "y x", "z x", "x u", "y u x"]


def small(delay_cost=0.1, wrong_cost=0.4, guess=None):
    """``guess``: the word written after what was heard and written, both as tuples of words."""
    source, _ = encoded([one.split() for one in ENGLISH])
    target, words = encoded([one.split() for one in FOREIGN])
    if guess is None:
        return Interpreting(source, target, delay_cost, wrong_cost)
    guesses = np.full((len(source), source.shape[1] + 1, target.shape[1]), -1)
    for n, (one, other) in enumerate(zip(ENGLISH, FOREIGN, strict=True)):
        heard, written = [*one.split(), "END"], [*other.split(), "END"]
        for g, t in itertools.product(range(len(heard) + 1), range(len(written))):
            word = guess(tuple(heard[:g]), tuple(written[:t]))
            guesses[n, g, t] = words.index({"END": "<end>"}.get(word, word))
    return Interpreting(source, target, delay_cost, wrong_cost, guesses)


def a_model(seed):
    """A translation model that is often wrong."""
    words = ["x", "y", "z", "u", "END"]
    return lambda heard, written: random.Random(f"{seed} {heard} {written}").choice(words)


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_must_never_be_wrong_reads_as_little_as_the_file_says(language):
    """The file's reads were found by enumeration, without any programming of ours."""
    source, _ = encoded(english_numbers())
    target, _ = encoded(translated_numbers(language))
    model = Interpreting(source, target, delay_cost=0.05, wrong_cost=1e6)
    expected = [-0.05 * sum(reads) for reads in least_reads(language)]
    np.testing.assert_allclose(model.returns(model.waits), expected)


@pytest.mark.parametrize("guess", [None, *map(a_model, range(5))])
@pytest.mark.parametrize(("delay", "wrong"), [(0.1, 0.4), (0.05, 1.0), (0.3, 0.2), (0.0, 1.0)])
def test_no_policy_is_better(delay, wrong, guess):
    """Expectation over what is still possible, by plain recursion over words."""
    english = [(*one.split(), "END") for one in ENGLISH]
    foreign = [(*one.split(), "END") for one in FOREIGN]

    @cache
    def value(possible, heard, written):
        live = [n for n in possible if len(foreign[n]) > written]
        if not live:
            return 0.0
        share = len(live) / len(possible)
        choices = []
        if all(len(english[n]) > heard for n in live):
            choices.append(split(tuple(live), english, heard, heard + 1, written))
        words = {foreign[n][written] for n in live}
        if guess:
            words = {guess(english[live[0]][:heard], foreign[live[0]][:written])}
        for word in words:
            right = sum(foreign[n][written] == word for n in live) / len(live)
            later = split(tuple(live), foreign, written, heard, written + 1)
            choices.append(later - delay * heard - wrong * (1 - right))
        return share * max(choices)

    def split(possible, words, position, heard, written):
        groups = {}
        for n in possible:
            groups.setdefault(words[n][position], []).append(n)
        total = 0.0
        for group in groups.values():
            total += len(group) / len(possible) * value(tuple(group), heard, written)
        return total

    model = small(delay, wrong, guess)
    assert model.optimal == pytest.approx(value(tuple(range(5)), 0, 0))
    assert model.returns(model.waits).mean() == pytest.approx(model.optimal)


def test_waiting_for_everything_costs_the_whole_delay_and_no_mistake():
    model = small(0.1, 0.4)
    everything = model.wait_k(99)
    lengths = zip(model.source_lengths, model.target_lengths, strict=True)
    expected = [-0.1 * heard * written for heard, written in lengths]
    np.testing.assert_allclose(model.returns(everything), expected)


def test_prefixes_are_told_apart():
    rows = np.array([[1, 2, 0], [1, 3, 0], [1, 2, 4], [5, 2, 0]])
    found = prefixes(rows)
    assert (found[0] == found[0, 0]).all()
    assert found[2, 0] == found[2, 2] and len(set(found[2].tolist())) == 3
    assert len(set(found[3].tolist())) == 4
