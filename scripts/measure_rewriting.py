"""Measure rewriting without pairs: content, style and fluency, always all three.

    python scripts/measure_rewriting.py --dataset verses --rows validation
    python scripts/measure_rewriting.py --dataset verses --runs runs/text-style-verses-0
    python scripts/measure_rewriting.py --dataset topics

A logistic regression of words and pairs of words and trigram models of each style are trained apart
on the training sentences. Of verses the truth is known: ``validation`` are training verses of which
the modern side is hidden (settings are chosen by them), ``test`` the held-out ones. Of topics it is
not, so content is what is left of the source, and ``validation`` are every tenth training sentence,
which then are not learned from. In brackets are 95 % intervals from 500 bootstrap samples of the
sentences. The mean of the three is that of style (0 or 100), chrF and 100 * min(1, usual
perplexity / perplexity), over sentences. BLEU and chrF are sacrebleu's (extra ``text``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module
from itertools import permutations
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro

from hringur.data.sentences.styles import (
    Sentence,
    SentenceSet,
    load_sentences,
    verse_pairs,
    words_of,
)
from hringur.evaluation.tables import Column, Table
from hringur.generative.rewriting.channel import PhraseChannel
from hringur.generative.rewriting.language_model import TrigramModel
from hringur.generative.rewriting.markers import MarkerEditor
from hringur.trained import load
from hringur.types import UserError

DICTIONARY = {
    "thee": "you", "thou": "you", "ye": "you", "thy": "your", "thine": "your", "unto": "to",
    "hath": "has", "hast": "have", "doth": "does", "art": "are", "shalt": "shall", "wilt": "will",
    "saith": "says", "spake": "spoke", "upon": "on", "yea": "yes",
}  # fmt: skip
"""Sixteen words, the second floor from archaic to modern."""

LECTURE = (
    "do you know a website that you can find people who want to join bands ?",
    "all three are fabulous artists , with just incredible talent ! !",
    "but there are so many more i can 't think of !",
)
"""About music."""

RESAMPLES, EVERY = 500, 10

Sentences = Sequence[Sentence]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Measure every method in every direction."""

    dataset: str = "verses"
    """verses, topics, or a .tsv file"""

    rows: Literal["validation", "test"] = "test"
    runs: tuple[Path, ...] = ()
    """runs of text-style to measure beside the methods that are counted"""

    first: int | None = None
    """so many sentences of each direction only"""


class Instruments:
    """A classifier and language models, trained apart on the training sentences."""

    def __init__(self, train: dict[str, Sentences], held_out: dict[str, Sentences]) -> None:
        self.styles, self.held_out = list(train), held_out
        vectorizer = import_module("sklearn.feature_extraction.text").CountVectorizer
        self.count = vectorizer(ngram_range=(1, 2), token_pattern=r"\S+", binary=True, min_df=2)
        self.classifier = import_module("sklearn.linear_model").LogisticRegression(max_iter=300)
        labels = [style for style in train for _ in train[style]]
        texts = texts_of([one for sentences in train.values() for one in sentences])
        self.classifier.fit(self.count.fit_transform(texts), labels)
        self.models = {style: TrigramModel.of(sentences) for style, sentences in train.items()}

    def in_style(self, made: Sentences, style: str) -> np.ndarray:
        """Whether each sentence is found to be of a style."""
        return self.classifier.predict(self.count.transform(texts_of(made))) == style

    def surprise(self, made: Sentences, style: str) -> tuple[np.ndarray, np.ndarray]:
        """Nats of each sentence under a style's model, and its tokens."""
        tokens = np.array([len(one) + 1 for one in made])
        return np.array([self.models[style].surprise(one) for one in made]) * tokens, tokens

    @cached_property
    def usual(self) -> dict[str, float]:
        """Perplexity of held-out sentences of each style."""
        found = {style: self.surprise(self.held_out[style], style) for style in self.styles}
        return {style: float(np.exp(nats.sum() / n.sum())) for style, (nats, n) in found.items()}


def texts_of(sentences: Sentences) -> list[str]:
    return [" ".join(sentence) for sentence in sentences]


def sacrebleu() -> Any:
    try:
        return import_module("sacrebleu.metrics")
    except ImportError:
        raise UserError("BLEU needs sacrebleu: pip install 'hringur[text]'") from None


class Bleu:
    """BLEU of any sample of sentences, from the counts of each."""

    def __init__(self, made: Sentences, truth: Sentences) -> None:
        self.bleu = sacrebleu().BLEU(tokenize="none", force=True, effective_order=True)
        scores = [
            self.bleu.sentence_score(one, [other])
            for one, other in zip(texts_of(made), texts_of(truth), strict=True)
        ]
        self.rows = np.array([[*s.counts, *s.totals, s.sys_len, s.ref_len] for s in scores])

    def __call__(self, chosen: np.ndarray) -> float:
        """Of the chosen rows."""
        total = self.rows[chosen].sum(axis=0).astype(int).tolist()
        return float(self.bleu.compute_bleu(total[:4], total[4:8], *total[8:]).score)


def interval(of: Callable[[np.ndarray], float], count: int) -> str:
    """A figure of all sentences with its interval."""
    rng = np.random.default_rng(0)
    found = [of(rng.integers(count, size=count)) for _ in range(RESAMPLES)]
    low, high = np.percentile(found, [2.5, 97.5])
    return f"{of(np.arange(count)):.1f} [{low:.1f}, {high:.1f}]"


def figures(
    made: Sentences, source: Sentences, truth: Sentences | None, to: str, by: Instruments
) -> dict[str, str]:
    """All figures of one method in one direction."""
    content = source if truth is None else truth
    char = sacrebleu().CHRF()
    chrf = np.array(
        [
            char.sentence_score(one, [other]).score
            for one, other in zip(texts_of(made), texts_of(content), strict=True)
        ]
    )
    style = 100.0 * by.in_style(made, to)
    nats, tokens = by.surprise(made, to)
    fluency = 100 * np.minimum(1, by.usual[to] / np.exp(nats / tokens))
    all_three = (style + chrf + fluency) / 3
    found = {}
    if truth is not None:
        found["BLEU to the truth"] = interval(Bleu(made, truth), len(made))
    found["chrF to the source" if truth is None else "chrF to the truth"] = f"{chrf.mean():.1f}"
    found["BLEU to the source"] = interval(Bleu(made, source), len(made))
    found["of the style [%]"] = interval(lambda at: float(style[at].mean()), len(made))
    perplexity = float(np.exp(nats.sum() / tokens.sum()))
    found["perplexity"] = f"{perplexity:.0f} ({perplexity / by.usual[to]:.2f} x held out)"
    found["mean of the three"] = interval(lambda at: float(all_three[at].mean()), len(made))
    return found


def methods(
    train: dict[str, Sentences], source: str, to: str, runs: dict[str, Any]
) -> dict[str, Callable[[Sentences], Sentences]]:
    """What rewrites, by name."""
    found: dict[str, Callable[[Sentences], Sentences]] = {"copy": list}
    if (source, to) == ("archaic", "modern"):
        found["dictionary of 16 words"] = lambda sentences: [
            tuple(DICTIONARY.get(word, word) for word in one) for one in sentences
        ]
    found["phrase channel"] = PhraseChannel(train[source], train[to]).rewrite
    found["markers replaced"] = MarkerEditor(train[source], train[to]).rewrite
    for name, model in runs.items():
        found[name] = partial(model.rewrite, to=to, source=source)
    return found


def main(options: Measure) -> None:
    train, held_out, pairs = data(options)
    by = Instruments(train, held_out)
    runs = {str(path): load(path) for path in options.runs}
    for source, to in permutations(train, 2):
        if pairs and options.rows == "validation" and to != "modern":
            continue  # of these verses the archaic side is learned from
        given = [pair[source] for pair in pairs] or list(held_out[source])
        truth = [pair[to] for pair in pairs] or None
        given, truth = given[: options.first], truth and truth[: options.first]
        rewrites = methods(train, source, to, runs)  # learned once
        made = {name: rewrite(given) for name, rewrite in rewrites.items()}
        if truth:
            made["truth"] = truth
        rows = {name: figures(one, given, truth, to, by) for name, one in made.items()}
        print(table(rows, f"{len(given):,} sentences, {to} from {source}").markdown(), "\n")
        show(rewrites, source, to, given, truth)
    for style in train:
        right = f"{100 * by.in_style(held_out[style], style).mean():.1f} % found so"
        print(f"Held-out sentences of {style}: {right}, perplexity {by.usual[style]:.0f}.")


def table(rows: dict[str, dict[str, str]], heading: str) -> Table[str]:
    """A row for each method."""

    def figure(key: str) -> Column[str]:
        return Column(key, lambda name: rows[name][key])

    keys = next(iter(rows.values()))
    columns = [Column[str](heading, lambda name: name, text=True), *map(figure, keys)]
    return Table(columns=columns, rows=list(rows))


def show(
    rewrite: dict[str, Callable[[Sentences], Sentences]],
    source: str,
    to: str,
    given: Sentences,
    truth: Sentences | None,
) -> None:
    """The lecture's three sentences about music, or three evenly spaced, by each method."""
    lecture = [words_of(sentence) for sentence in LECTURE]
    shown = lecture if source == "music" else given[:: max(1, len(given) // 3)][:3]
    for one in shown:
        print(f"{source}: {' '.join(one)}")
        for name, make in rewrite.items():
            print(f"  {to}, {name}: {' '.join(make([one])[0])}")
        if truth:
            print(f"  truth: {' '.join(truth[list(given).index(one)])}")
    print()


def data(
    options: Measure,
) -> tuple[dict[str, Sentences], dict[str, Sentences], list[dict[str, Sentence]]]:
    """Training sentences, held-out ones, and pairs where they are known."""
    known: SentenceSet = load_sentences(options.dataset)
    train: dict[str, Sentences] = dict(known.train)
    held_out: dict[str, Sentences] = dict(known.test)
    if known.name == "verses":
        return train, held_out, verse_pairs("test" if options.rows == "test" else "kjv")
    if options.rows == "validation":
        held_out = {style: some[::EVERY] for style, some in train.items()}
        train = {
            style: [one for at, one in enumerate(some) if at % EVERY]
            for style, some in train.items()
        }
    return train, held_out, []


if __name__ == "__main__":
    main(tyro.cli(Measure))
