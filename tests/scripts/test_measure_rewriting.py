"""Figures of rewritings: known for the truth and a copy, and BLEU as its own library counts it."""

import numpy as np
import pytest

from tests.scripts.loading import load_script

sacrebleu = pytest.importorskip("sacrebleu")
pytest.importorskip("sklearn")
measure = load_script("measure_rewriting")

PLACES = "river hill town field house road lake wood farm mill".split()
FOLK = "man woman child king smith miller rider shepherd".split()


def sentences(thee):
    """Eighty sentences of a style; those of all styles say the same."""
    return [f"the {who} from the {place} saw {thee} .".split() for who in FOLK for place in PLACES]


ARCHAIC, MODERN = ([tuple(one) for one in sentences(thee)] for thee in ("thee", "you"))


@pytest.fixture(scope="module")
def instruments():
    return measure.Instruments(
        {"archaic": ARCHAIC[::2], "modern": MODERN[1::2]},
        {"archaic": ARCHAIC[1::2], "modern": MODERN[::2]},
    )


def test_bleu_of_rows_is_that_of_a_corpus_of_them():
    made, truth = ARCHAIC[:30], MODERN[1:31]
    bleu, rows = measure.Bleu(made, truth), np.array([3, 7, 7, 20])
    texts = [measure.texts_of([side[row] for row in rows]) for side in (made, truth)]
    corpus = sacrebleu.BLEU(tokenize="none", force=True).corpus_score(texts[0], [texts[1]])
    assert bleu(rows) == pytest.approx(corpus.score)


def test_the_truth_has_all_and_a_copy_only_the_words(instruments):
    given, truth = ARCHAIC[1::2], MODERN[1::2]
    true = measure.figures(truth, given, truth, "modern", instruments)
    assert true["BLEU to the truth"] == "100.0 [100.0, 100.0]"
    assert true["chrF to the truth"] == "100.0"
    assert true["of the style [%]"] == "100.0 [100.0, 100.0]"
    copy = measure.figures(given, given, truth, "modern", instruments)
    assert copy["BLEU to the source"] == "100.0 [100.0, 100.0]"
    assert copy["of the style [%]"] == "0.0 [0.0, 0.0]"
    assert float(copy["BLEU to the truth"].split()[0]) < 90
    assert "BLEU to the truth" not in measure.figures(given, given, None, "modern", instruments)


def test_an_interval_holds_its_figure_and_is_the_same_each_time():
    values = np.random.default_rng(0).normal(5, 1, 200)
    found = measure.interval(lambda at: float(values[at].mean()), len(values))
    assert found == measure.interval(lambda at: float(values[at].mean()), len(values))
    mean, low, high = (float(part.strip("[],")) for part in found.split())
    assert low < mean < high and high - low == pytest.approx(4 / 200**0.5, rel=0.4)


def test_every_tenth_sentence_is_kept_apart_and_each_direction_has_a_table(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(measure, "RESAMPLES", 20)
    monkeypatch.setattr(measure, "methods", lambda *_: {"copy": list})  # others take seconds
    table = tmp_path / "styles.tsv"
    rows = [("archaic", one) for one in ARCHAIC] + [("modern", one) for one in MODERN]
    table.write_text("".join(f"{style}\t{' '.join(one)}\n" for style, one in rows), "utf-8")
    options = measure.Measure(dataset=str(table), rows="validation", first=5)
    train, held_out, pairs = measure.data(options)
    assert not pairs and [len(held_out[style]) for style in train] == [8, 8]
    assert not set(train["modern"]) & set(held_out["modern"])
    measure.main(options)
    said = capsys.readouterr().out
    assert "5 sentences, modern from archaic" in said and "5 sentences, archaic from modern" in said
    assert said.count("| copy |") == 2
