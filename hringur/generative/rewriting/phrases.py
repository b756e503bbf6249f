"""Which phrases of one style stand for which of another, found without pairs.

Words that mean the same keep the same company: phrases of up to three words are compared by the
words around them in the two corpora (as the unsupervised lexicons of Artetxe et al. 2018 compare
words by vectors), and words also by their spelling. A substitution counts only if its source is
too frequent in the source style for chance, and its target in the target style, where chance is
judged by how unevenly a phrase is spread: as the attribute markers of Li et al. 2018 (delete,
retrieve, generate).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy import sparse

from hringur.generative.rewriting.language_model import Ids, Vocabulary, looked_up

LONGEST = 3
"""Words of a phrase."""

NEAREST, MOST_TARGETS, FEWEST, BLOCK = 30, 12, 4, 512
"""Targets compared and kept for each source; how often a phrase must occur; rows at once."""

STRETCHES, UNEVEN = 20, 0.3
"""Parts of a text between which counts are compared, and what their variance weighs: a name that
fills one chapter is no marker of a style."""

CLOSE, CLOSE_SURPLUS, CLOSE_BONUS, CLOSE_NEAREST = 0.65, 1.5, 0.02, 4
"""Dice's coefficient from which spellings are alike, the surplus that then suffices, its weight."""

DELETION_SHARE, SHRINKAGE, KEPT = 0.3, 3.0, 5.0
"""What leaving out weighs; counts that damp a rare phrase's contexts, or hold a word in place."""


@dataclass(frozen=True, eq=False)
class Phrases:
    """Phrases of a text, sorted by key, and how often each occurs."""

    keys: Ids
    counts: Float64[np.ndarray, " P"]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Substitutions: keys of source and target phrases, and the expected count of each."""

    source: Ids
    target: Ids
    mass: Float64[np.ndarray, " N"]


def starts(text: Ids, length: int, vocabulary: Vocabulary) -> Ids:
    """Where phrases of ``length`` words begin; of length 0, between words and at both ends."""
    at = np.arange(2, len(text) - 1 - length)
    inside = text < vocabulary.start
    if length == 0:
        return at[inside[at] | inside[at - 1]]
    return at[np.all([inside[at + i] for i in range(length)], axis=0)]


def phrase_keys(words: np.ndarray, vocabulary: Vocabulary) -> Ids:
    """A number for each row of words of a phrase, -1 where there is none; 0 is no word."""
    base = (vocabulary.size + 1) ** np.arange(words.shape[1], dtype=np.int64)
    return ((words + 1) * base).sum(axis=1)


def phrase_words(keys: Ids, vocabulary: Vocabulary) -> np.ndarray:
    """The words behind ``phrase_keys``: N 3."""
    base = (vocabulary.size + 1) ** np.arange(LONGEST, dtype=np.int64)
    return keys[:, None] // base % (vocabulary.size + 1) - 1


def phrases_of(text: Ids, vocabulary: Vocabulary) -> Phrases:
    """All phrases of one to three words."""
    keys = []
    for length in range(1, LONGEST + 1):
        at = starts(text, length, vocabulary)
        keys.append(phrase_keys(text[at[:, None] + np.arange(length)], vocabulary))
    found, counts = np.unique(np.concatenate(keys), return_counts=True)
    return Phrases(found, counts.astype(float))


def stretches(text: Ids, vocabulary: Vocabulary) -> list[Phrases]:
    """The phrases of each of ``STRETCHES`` parts of a text, cut between sentences."""
    starts = np.flatnonzero((text[:-1] == vocabulary.start) & (text[1:] == vocabulary.start))
    cuts = starts[np.arange(1, STRETCHES) * len(starts) // STRETCHES]
    return [phrases_of(part, vocabulary) for part in np.split(text, np.unique(cuts))]


def unevenness(parts: Sequence[Phrases], keys: Ids) -> Float64[np.ndarray, " N"]:
    """Variance of the count of each phrase, from how it differs between stretches of the text."""
    counts = np.array([looked_up(part.keys, part.counts, keys, 0.0) for part in parts])
    share = np.array([part.counts.sum() for part in parts])
    expected = np.outer(share / share.sum(), counts.sum(axis=0))
    return np.square(counts - expected).sum(axis=0)


def context_vectors(
    texts: tuple[Ids, Ids], keys: tuple[Ids, Ids], vocabulary: Vocabulary
) -> list[sparse.csr_array]:
    """Unit vectors of the words around each phrase, frequent surroundings damped."""
    found = [_surroundings(text, key, vocabulary) for text, key in zip(texts, keys, strict=True)]
    _, column = np.unique(np.concatenate([feature for _, feature in found]), return_inverse=True)
    columns, width = np.split(column, [len(found[0][0])]), column.max() + 1
    counts = [
        sparse.coo_array((np.ones(len(row)), (row, at)), (len(key), width)).tocsr()
        for (row, _), at, key in zip(found, columns, keys, strict=True)
    ]
    damping = sparse.diags_array(
        1 / np.sqrt(sum(np.asarray(part.sum(axis=0)).ravel() for part in counts))
    )
    vectors = []
    for part in counts:
        occurs = np.asarray(part.sum(axis=1)).ravel() / 6  # each occurrence has six features
        part.data = np.log1p(part.data)
        part = (part @ damping).tocsr()
        norm = np.sqrt(np.asarray(part.multiply(part).sum(axis=1)).ravel())
        trust = occurs / (occurs + SHRINKAGE) / np.maximum(norm, 1e-9)
        vectors.append((sparse.diags_array(trust) @ part).tocsr())
    return vectors


def _surroundings(text: Ids, keys: Ids, vocabulary: Vocabulary) -> tuple[Ids, Ids]:
    """Rows of ``keys`` and the number of a feature around them, for all occurrences."""
    rows, features = [], []
    for length in range(LONGEST + 1):
        at = starts(text, length, vocabulary)
        found = phrase_keys(text[at[:, None] + np.arange(length)], vocabulary)
        row = looked_up(keys, np.arange(len(keys)), found, -1)
        at, row = at[row >= 0], row[row >= 0]
        far_left, left = text[at - 2], text[at - 1]
        right, far_right = text[at + length], text[at + length + 1]
        sides = (left,), (right,), (left, right), (far_left, left), (right, far_right)
        for kind, parts in enumerate((*sides, (far_left, left, right, far_right)), start=1):
            feature = np.full(len(at), kind, dtype=np.int64)
            for part in parts:  # it may overflow, and is a number of its own nevertheless
                feature = feature * vocabulary.size + part
            rows.append(row)
            features.append(feature)
    return np.concatenate(rows), np.concatenate(features)


def spellings(keys: Ids, vocabulary: Vocabulary, column: dict[str, int]) -> sparse.csr_array:
    """Which pairs and triples of letters each single word has; phrases have none."""
    rows, columns = [], []
    words = phrase_words(keys, vocabulary)
    for row, (first, second, _) in enumerate(words.tolist()):
        if 0 <= first < vocabulary.unknown and second < 0 and vocabulary.words[first].isalpha():
            word = f"^{vocabulary.words[first]}$"
            parts = {word[i : i + n] for n in (2, 3) for i in range(len(word) - n + 1)}
            columns += [column.setdefault(part, len(column)) for part in parts]
            rows += [row] * len(parts)
    return sparse.csr_array(
        (np.ones(len(rows)), (np.array(rows, int), np.array(columns, int))), (len(keys), 2**20)
    )


def substitutions(
    texts: tuple[Ids, Ids], vocabulary: Vocabulary, least: tuple[float, float]
) -> Pairs:
    """Substitutions from the first text to the second; ``least`` surplus of source and target."""
    first, second = (phrases_of(text, vocabulary) for text in texts)
    scale = np.divide(*[(text < vocabulary.start).sum() for text in texts])
    parts_of = [stretches(text, vocabulary) for text in texts]

    def counts(keys: Ids) -> tuple[np.ndarray, np.ndarray]:
        here, there = (looked_up(all_.keys, all_.counts, keys, 0.0) for all_ in (first, second))
        return here, there * scale

    def surplus(keys: Ids) -> np.ndarray:  # in standard deviations
        here, there = counts(keys)
        uneven = unevenness(parts_of[0], keys) + scale**2 * unevenness(parts_of[1], keys)
        chance = np.maximum(here + there + 1, UNEVEN * (uneven + 1))
        return (here - there) / np.sqrt(chance)

    word = first.keys <= vocabulary.size
    z = surplus(first.keys)
    source = first.keys[
        np.where(word, z >= CLOSE_SURPLUS, (z >= least[0]) & (first.counts >= FEWEST))
    ]
    frequent = second.counts >= np.where(second.keys <= vocabulary.size, 2, FEWEST)
    target = np.concatenate([[0], second.keys[frequent]])
    contexts = context_vectors(texts, (source, target), vocabulary)
    column: dict[str, int] = {}
    letters = [spellings(keys, vocabulary, column) for keys in (source, target)]
    here, there = counts(source)
    held = np.where(source <= vocabulary.size, KEPT, KEPT / 10)
    moved = here * np.maximum(1 - (there + held) / (here + held), 0.02)
    parts, beyond = [], (surplus(source), surplus(target))
    for start in range(0, max(len(source), 1), BLOCK):  # once where there is none
        rows = slice(start, start + BLOCK)
        weight = _weights(contexts, letters, rows, beyond[0][rows], beyond[1], least)
        at, to = np.nonzero(weight)
        mass = moved[rows, None] * weight / np.maximum(weight.sum(1, keepdims=True), 1e-30)
        parts.append((source[rows][at], target[to], mass[at, to]))
    return Pairs(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _weights(
    vectors: list[sparse.csr_array],
    letters: list[sparse.csr_array],
    rows: slice,
    source_surplus: np.ndarray,
    target_surplus: np.ndarray,
    least: tuple[float, float],
) -> Float64[np.ndarray, "S T"]:
    """How well each target fits each source of a block: 0 where the surplus does not allow it."""
    alike = (vectors[0][rows] @ vectors[1].T).toarray()
    alike[alike < largest(alike, NEAREST)] = 0
    sizes = [np.asarray(part.sum(axis=1)).ravel() for part in letters]
    dice = 2 * (letters[0][rows] @ letters[1].T).toarray()
    dice /= np.maximum(sizes[0][rows, None] + sizes[1], 1)
    dice[(dice < CLOSE) | (dice > 0.999)] = 0  # itself is no substitution
    nearest = np.where(dice >= largest(dice, CLOSE_NEAREST), dice, 0)
    longer = sizes[0][rows, None] > 7  # words of more than three letters
    alike += CLOSE_BONUS * nearest * longer
    alike[:, 0] *= DELETION_SHARE
    source, target = source_surplus[:, None], -target_surplus[None].copy()
    close = (dice > 0) & (source >= CLOSE_SURPLUS) & (target >= CLOSE_SURPLUS)
    target[:, 0] = np.inf  # leaving out needs a surplus of the source only
    far = (dice == 0) & (source >= least[0]) & (target >= least[1])
    weight = np.where(close | far, alike, 0) ** 2
    weight[weight < largest(weight, MOST_TARGETS)] = 0
    return weight


def largest(values: np.ndarray, count: int) -> np.ndarray:
    """The ``count``-th largest value of each row: N 1."""
    count = min(count, values.shape[1])
    return np.partition(values, -count, axis=1)[:, -count, None]
