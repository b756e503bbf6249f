"""Measure rewriting of verses without pairs against the hidden truth, beside floors.

    python scripts/measure_rewriting.py --rows validation
    python scripts/measure_rewriting.py

``validation`` are training verses of which only the archaic side is learned from: settings are
chosen by them. ``test`` are the held-out verses. In the table are BLEU to the truth and to the
source (sacrebleu, extra ``text``), and the share that a naive Bayes and a logistic regression,
trained apart on the training sentences, find modern; their accuracy stands below it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from importlib import import_module
from typing import Any, Literal

import tyro

from hringur.data.sentences.styles import Sentence, load_sentences, verse_pairs
from hringur.evaluation.tables import Column, Table
from hringur.generative.rewriting.channel import ChannelConfig, PhraseChannel
from hringur.types import UserError

DICTIONARY = {
    "thee": "you", "thou": "you", "ye": "you", "thy": "your", "thine": "your", "unto": "to",
    "hath": "has", "hast": "have", "doth": "does", "art": "are", "shalt": "shall", "wilt": "will",
    "saith": "says", "spake": "spoke", "upon": "on", "yea": "yes",
}  # fmt: skip
"""Sixteen words, the second floor."""


@dataclass(frozen=True, kw_only=True)
class Measure(ChannelConfig):
    """Measure the channel from archaic to modern."""

    rows: Literal["validation", "test"] = "test"
    first: int | None = None
    """so many rows only"""


def classifiers() -> dict[str, Callable[[Sequence[Sentence]], list[bool]]]:
    """Whether sentences are modern, by two classifiers of words and pairs of words."""
    learn = import_module("sklearn.linear_model").LogisticRegression(max_iter=300)
    bayes = import_module("sklearn.naive_bayes").MultinomialNB()
    vectorizer = import_module("sklearn.feature_extraction.text").CountVectorizer
    train = load_sentences("verses").train
    texts, labels = texts_of([*train["archaic"], *train["modern"]]), [0] * len(train["archaic"])
    labels += [1] * len(train["modern"])
    found: dict[str, Callable[[Sequence[Sentence]], list[bool]]] = {}
    for name, classifier, longest in (("naive Bayes", bayes, 1), ("logistic", learn, 2)):
        count = vectorizer(
            ngram_range=(1, longest), token_pattern=r"\S+", binary=longest == 2, min_df=longest
        )
        classifier.fit(count.fit_transform(texts), labels)

        def modern(
            sentences: Sequence[Sentence], count: Any = count, classifier: Any = classifier
        ) -> list[bool]:
            return (classifier.predict(count.transform(texts_of(sentences))) == 1).tolist()

        found[name] = modern
    return found


def texts_of(sentences: Sequence[Sentence]) -> list[str]:
    return [" ".join(sentence) for sentence in sentences]


def bleu(made: Sequence[Sentence], truth: Sequence[Sentence]) -> float:
    """BLEU of a corpus, of words as they are split already."""
    try:
        sacrebleu = import_module("sacrebleu")
    except ImportError:
        raise UserError("BLEU needs sacrebleu: pip install 'hringur[text]'") from None
    score = sacrebleu.corpus_bleu(texts_of(made), [texts_of(truth)], tokenize="none", force=True)
    return float(score.score)


def main(options: Measure) -> None:
    pairs = verse_pairs("test" if options.rows == "test" else "kjv")[: options.first]
    source, truth = ([pair[style] for pair in pairs] for style in ("archaic", "modern"))
    train, judges = load_sentences("verses").train, classifiers()
    config = ChannelConfig(
        **{field.name: getattr(options, field.name) for field in fields(ChannelConfig)}
    )
    made = {
        "copy": source,
        "dictionary of 16 words": [
            tuple(DICTIONARY.get(word, word) for word in sentence) for sentence in source
        ],
        "phrase channel": PhraseChannel(train["archaic"], train["modern"], config).rewrite(source),
        "truth": truth,
    }
    seen = {sentence for sentences in train.values() for sentence in sentences}
    new = [at for at, pair in enumerate(pairs) if seen.isdisjoint(pair.values())]
    columns = [
        Column[str](f"{len(source):,} verses", lambda row: row, text=True),
        Column("BLEU to the truth", lambda row: f"{bleu(made[row], truth):.1f}"),
        Column("BLEU to the source", lambda row: f"{bleu(made[row], source):.1f}"),
    ]
    if new:  # else all have a side that was learned from
        heading = f"to the truth of the {len(new):,} that no training sentence equals"
        columns.append(
            Column(
                heading,
                lambda row: f"{bleu([made[row][at] for at in new], [truth[at] for at in new]):.1f}",
            )
        )
    for name, modern in judges.items():

        def share(row: str, modern: Callable[[Sequence[Sentence]], list[bool]] = modern) -> str:
            return f"{100 * sum(modern(made[row])) / len(source):.1f}"

        columns.append(Column(f"modern, {name} [%]", share))
    print(Table(columns=columns, rows=list(made)).markdown())
    for name, modern in judges.items():
        right = len(source) - sum(modern(source)) + sum(modern(truth))
        print(f"Accuracy of {name} on both sides: {50 * right / len(source):.1f} %.")


if __name__ == "__main__":
    main(tyro.cli(Measure))
