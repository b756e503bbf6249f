import numpy as np

from hringur.generative.rewriting.language_model import Vocabulary
from hringur.generative.rewriting.phrases import Pairs, phrase_words, stretches, unevenness
from hringur.generative.rewriting.recounting import recounted
from hringur.generative.rewriting.search import together


def test_pairs_are_counted_by_hand():
    vocabulary = Vocabulary([tuple("a b x y".split())])
    forward = [[(("a",), ("x",)), (("b",), ())]]
    backward = [[(("x",), ("a",)), (("y",), ("b",))]] * 2  # the target side is the real one
    pairs = recounted(forward, backward, 0.5, vocabulary)

    def words(keys):
        return [tuple(vocabulary.words[i] for i in row if i >= 0)
                for row in phrase_words(keys, vocabulary)]  # fmt: skip

    found = zip(words(pairs.source), words(pairs.target), pairs.mass, strict=True)
    assert {(source, target): mass for source, target, mass in found} == {
        (("a",), ("x",)): 2.5,
        (("b",), ()): 0.5,
        (("b",), ("y",)): 2.0,
        (("a", "b"), ("x", "y")): 2.0,  # ("a", "b") to ("x",) counts 0.5, too little
    }


def test_pairs_of_both_are_added_by_their_shares():
    first = Pairs(np.array([1, 2]), np.array([3, 4]), np.array([10.0, 20.0]))
    own = Pairs(np.array([2, 5]), np.array([4, 6]), np.array([1.0, 2.0]))
    found = together(first, own, 0.25)
    assert found.source.tolist() == [1, 2, 5] and found.target.tolist() == [3, 4, 6]
    np.testing.assert_allclose(found.mass, [2.5, 5.75, 1.5])


def test_what_fills_one_stretch_is_uneven():
    sentences = [("the", "king") if at < 5 else ("the", "house", "of") for at in range(100)]
    vocabulary = Vocabulary(sentences)
    parts = stretches(vocabulary.text(sentences), vocabulary)
    assert len(parts) == 20
    keys = np.array(vocabulary.encode(("the", "king"))) + 1
    assert sum(part.counts.sum() for part in parts) > 0
    even, uneven = unevenness(parts, keys)
    assert uneven > 5 > even / 20
