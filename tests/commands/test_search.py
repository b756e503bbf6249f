import json
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
from PIL import Image

from hringur import cli
from hringur.commands import search
from hringur.generative.models.grammar_vae import GrammarVAE, GrammarVAEConfig
from tests.generative.sequences.small_strings import few_molecules

TINY = {"latent": 6, "hidden": 12, "encoder_hidden": 16, "plan": 8, "embedding": 4, "batch": 8}


@pytest.fixture
def trained(monkeypatch):
    model = GrammarVAE(few_molecules(), GrammarVAEConfig(**TINY), seed=0, device="cpu")
    found = SimpleNamespace(learner=model)
    monkeypatch.setattr(search, "load_trained", lambda path, device: found)
    return found


def test_methods_side_by_side_with_pictures(trained, tmp_path, capsys):
    words = ["search", "--model", "run", "--evaluations", "12", "--known", "20", "--json"]
    pictures = ["--figure", str(tmp_path / "a.svg"), "--neighbours", str(tmp_path / "b.pdf")]
    assert cli.main([*words, "--method", "bayesian", "random", *pictures]) == 0
    record = json.loads(capsys.readouterr().out)
    (found,) = record["methods"]["bayesian"]
    assert found["value"] == max(found["best_so_far"]) and len(found["best_so_far"]) == 12
    assert found["best_so_far"].index(found["value"]) == found["found_after"] - 1
    assert "</svg>" in (tmp_path / "a.svg").read_text()
    assert (tmp_path / "b.pdf").read_bytes().startswith(b"%PDF")


def test_the_best_of_several_seeds_are_averaged_and_drawn(trained, tmp_path, capsys):
    path = tmp_path / "winners.png"
    words = ["--method", "random", "--evaluations", "10", "--seeds", "2", "--winners", str(path)]
    assert cli.main(["search", "--model", "run", *words, "--known", "20"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if "random" in line]
    first, second, mean = (float(line[2 if line[1] == "10" else 1]) for line in lines)
    assert mean == pytest.approx((first + second) / 2, abs=1e-4)
    with Image.open(path) as sheet:
        assert sheet.width > sheet.height  # side by side


def test_how_many_searches_find_a_known_optimum_is_told(trained, monkeypatch, capsys):
    best = {0: (["a", "b", "c"], [3.0, 0.0, 1.0]), 1: (["a", "b"], [0.5, 0.25]), 2: (["a"], [0.0])}
    seeds = iter(best)

    def found(one):
        one.evaluated = dict(zip(*best[next(seeds)], strict=True))

    domain = replace(trained.learner.domain, optimum={"sa": 0.0})
    monkeypatch.setattr(trained.learner, "domain", domain)
    monkeypatch.setitem(search.METHODS, "random", found)
    words = ["--method", "random", "--seeds", "3", "--known", "20", "--property", "sa"]
    assert cli.main(["search", "--model", "run", *words, "--markdown"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[-4].endswith("| find 0 | after, median |")
    assert told[-2].endswith("| 2 of 3 | 1.5 |")  # after 2 evaluations and after 1


def test_a_saved_model_searches_among_the_strings_that_it_names(
    trained, tmp_path, monkeypatch, capsys
):
    path = tmp_path / "model.safetensors"
    trained.learner.save(path)
    monkeypatch.undo()
    monkeypatch.setattr(search, "load_strings", lambda name: few_molecules())
    words = ["--method", "random", "--evaluations", "10", "--known", "20", "--json"]
    assert cli.main(["search", "--model", str(path), *words]) == 0
    found = json.loads(capsys.readouterr().out)["methods"]["random"]
    assert found[0]["best_known"] > 0


@pytest.mark.parametrize(
    "words, told",
    [
        (["--property", "error"], "unknown property 'error' of molecules; there are logp, qed, sa"),
        (["--method", "magic"], "method must be one of bayesian, .*'magic'"),
        (["--evaluations", "0"], "evaluations must be in 1..100,000, got 0"),
        (["--figure", "a.gif"], "a.gif"),
        (["--winners", "a.gif"], "--winners.*a.gif"),
    ],
)
def test_bad_input_is_one_line(trained, words, told, capsys):
    assert cli.main(["search", "--model", "run", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(told, line), line


def test_an_unknown_property_is_refused_before_the_model_is_read(capsys):
    assert cli.main(["search", "--model", "nowhere", "--property", "charm"]) == 2
    told = capsys.readouterr().err
    assert "property must be one of logp, qed, sa, error, got 'charm'" in told
    assert "nowhere" not in told and len(told.splitlines()) == 1


def test_a_model_of_images_is_refused(trained, capsys):
    trained.learner = SimpleNamespace(of="images")
    assert cli.main(["search", "--model", "run"]) == 2
    assert "no model of strings" in capsys.readouterr().err
