import json
import re

import pytest

from hringur import cli

WORDS = (("old", "thee"), ("new", "you"))


@pytest.fixture
def small(tmp_path):
    """Two styles of which one says thee, the other you."""
    path, places = tmp_path / "own.tsv", ("mill", "lake", "hill", "road")
    lines = [
        f"{style}\tI see {word} at the {place}." for style, word in WORDS for place in places * 12
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def test_sentences_are_rewritten(small, capsys):
    given = ["I see thee at the hill.", "At the lake, thee! " + "at the lake " * 25]
    assert cli.main(["rewrite", *given, "--to", "new", "--dataset", small, "--json"]) == 0
    shown = capsys.readouterr()
    made = [row["rewritten"] for row in json.loads(shown.out)["sentences"]]
    assert made[0] == "i see you at the hill ." and len(made) == 2
    assert "learning new from" in shown.err


def test_markers_are_replaced(small, capsys):
    words = ["rewrite", "I see thee at the hill.", "--to", "new", "--dataset", small]
    assert cli.main([*words, "--method", "markers", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)["sentences"][0]["rewritten"]
    assert made == "i see you at the hill ."


@pytest.mark.parametrize(
    "words, told",
    [
        (["thee", "--to", "loud"], r"--to must be one of old, new \(styles of .*'loud'"),
        (["thee", "--to", ""], "--to must be one of old, new .* got ''"),
        (["thee", "--to", "new", "--from", "x"], "--from must be one of old, new .*'x'"),
        (["thee", "--to", "new", "--from", "new"], "must be two styles, both are new"),
        (["", "--to", "new"], "a sentence must have a word, got ''"),
        (["thee", " .", "--to", "new"], "a sentence must have a word, got ' .'"),
        (["thee", "--to", "new", "--dataset", "poems"], "dataset must be .*'poems'"),
        (["--to", "new"], "give a SENTENCE to rewrite"),
    ],
)
def test_bad_input_is_one_line(small, words, told, capsys):
    where = [] if "--dataset" in words else ["--dataset", small]
    assert cli.main(["rewrite", *words, *where]) == 2
    shown = capsys.readouterr()
    assert re.search(told, shown.err) and shown.err.count("\n") == 1 and not shown.out


def test_styles_that_do_not_differ_change_nothing(tmp_path, capsys):
    path = tmp_path / "same.tsv"
    path.write_text("a\t1 2 3\na\t3 2 1\nb\t1 2 3\nb\t3 2 1\n", encoding="utf-8")
    assert cli.main(["rewrite", "3 2 one", "--to", "b", "--dataset", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sentences"][0]["rewritten"] == "3 2 one"


def test_a_run_of_text_style_rewrites(small, tmp_path, capsys):
    run, own = str(tmp_path / "run"), tmp_path / "more.tsv"
    lines = [f"{style}\tI see {word} {n}." for style, word in WORDS for n in range(40)]
    own.write_text("\n".join(lines), encoding="utf-8")
    sizes = ["--hidden=8", "--encoder-hidden=8", "--latent=4", "--plan=4", "--batch=8"]
    words = ["--dataset", str(own), "--steps=2", "--folder", run, "--json"]
    assert cli.main(["train", "text-style", *words, *sizes]) == 0
    assert cli.main(["rewrite", "I see thee.", "--to", "new", "--model", run, "--json"]) == 0
    capsys.readouterr()
    refused = {
        ("--to", "loud"): r"--to must be one of old, new .*'loud'",
        ("--to", "new", "--dataset", small): "give it or --dataset, not both",
        ("--to", "new", "--from", "new"): "must be two styles",
    }
    for options, told in refused.items():
        assert cli.main(["rewrite", "thee", "--model", run, *options]) == 2
        assert re.search(told, capsys.readouterr().err)
