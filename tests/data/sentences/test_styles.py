import csv
import gzip
from importlib import resources

import pytest

from hringur.data.sentences.styles import load_sentences, words_of
from hringur.types import UserError


def test_the_pairing_of_verses_is_hidden():
    file = resources.files("hringur.data.sentences") / "verses.csv.gz"
    rows = list(csv.DictReader(gzip.decompress(file.read_bytes()).decode().splitlines()))
    verses = load_sentences("verses")
    for style, column in {"archaic": "kjv", "modern": "web"}.items():
        given = [tuple(row[column].split()) for row in rows if row["split"] == column]
        assert list(verses.train[style]) == given
    chapters = [
        {(row["book"], row["chapter"]) for row in rows if row["split"] == split}
        for split in ("kjv", "web", "test")
    ]
    assert not chapters[0] & chapters[1] and not chapters[2] & (chapters[0] | chapters[1])


def test_pairs_of_held_out_verses_are_those_of_the_file():
    verses = load_sentences("verses")
    assert verses.paired and len(verses.test["archaic"]) == len(verses.test["modern"]) == 1440
    archaic, modern = (" ".join(verses.test[style][7]) for style in ("archaic", "modern"))
    file = resources.files("hringur.data.sentences") / "verses.csv.gz"
    rows = csv.DictReader(gzip.decompress(file.read_bytes()).decode().splitlines())
    assert any(row["kjv"] == archaic and row["web"] == modern for row in rows)


@pytest.mark.parametrize("name", ["topics", "verses"])
def test_no_held_out_sentence_is_learned_from(name):
    known = load_sentences(name)
    seen = {sentence for sentences in known.train.values() for sentence in sentences}
    held_out = [sentence for sentences in known.test.values() for sentence in sentences]
    assert len(held_out) > 1000 and seen.isdisjoint(held_out)


def test_a_file_of_styles(tmp_path):
    path = tmp_path / "own.tsv"
    lines = [f"{style}\tOne Line, {i}!" for i in range(10) for style in ("loud", "quiet")]
    path.write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    own = load_sentences(str(path))
    assert own.train["loud"][3] == ("one", "line", ",", "3", "!")
    assert own.test == dict.fromkeys(("loud", "quiet"), (("one", "line", ",", "9", "!"),))
    assert len(own.train["quiet"]) == 9 and not own.paired


@pytest.mark.parametrize(
    "content, told",
    [
        (b"loud\tone\n", "own.tsv: must have sentences of two styles or more, got 1"),
        (b"STYLE\tSentence\na\tone\na\ttwo", "two sentences or more, 'STYLE' has one; a line of"),
        (b"", "own.tsv: must have sentences of two styles or more, got 0"),
        (b"loud\tone\nquiet", "own.tsv, line 2: must be STYLE, a tab, SENTENCE"),
        (b"loud\tone\n\tone", "own.tsv, line 2: must be STYLE, a tab, SENTENCE"),
        (b"loud\tone\tmore", "own.tsv, line 1: must be STYLE, a tab, SENTENCE"),
        (b"loud\tone\nquiet\t", "own.tsv, line 2: a sentence must have a word, got ''"),
        (b"loud\t" + b"one " * 101, "own.tsv, line 1: a sentence has at most 100 words"),
        (b"loud\t\xff", "own.tsv, line 1: the text must be UTF-8, got the byte 0xff"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path, content, told):
    path = tmp_path / "own.tsv"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        load_sentences(str(path))
    assert told in str(error.value)


def test_words():
    assert words_of("Don't go: it's half-done!") == ("don't", "go", ":", "it's", "half-done", "!")
