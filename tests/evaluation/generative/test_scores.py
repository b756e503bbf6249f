"""Models beside held-out images: the rows of a report, and its references."""

import dataclasses
import json

import pytest
import torch

from hringur.evaluation.generative.report import COLUMNS
from hringur.evaluation.generative.scores import code_scores, score_model
from hringur.evaluators.images import ImageEvaluator
from hringur.registry import model_config
from tests.evaluators.small_classifier import small_classifier
from tests.generative.small_images import stripes

# Small enough for seconds; a field that a configuration lacks is left out.
TINY = {"batch": 8, "latent": 2, "channels": 4, "hidden": 16, "network": "dense"}


@pytest.fixture(scope="module")
def evaluator():
    return ImageEvaluator(stripes(), count=30, classifier=small_classifier())


def build(name, seed=0, images=None, **settings):
    config_class = model_config(name)
    known = {field.name for field in dataclasses.fields(config_class)}
    config = config_class(
        **({key: value for key, value in TINY.items() if key in known} | settings)
    )
    return config.model()(images or stripes(), config, seed=seed, device="cpu")


def test_a_report_has_the_model_and_both_references(evaluator):
    model = build("vae")
    report = score_model(model, evaluator)
    assert list(report.rows) == [
        "samples",
        "samples, density fitted to the codes",
        "untrained model",
        "training images",
        "the data's halves",
    ]
    assert set(report.rows["samples"]) == set(report.rows["untrained model"])
    assert set(report.rows["samples"]) & set(COLUMNS) >= evaluator.halves.keys()
    # not trained yet, so that it is its own reference
    assert report.rows["samples"] == report.rows["untrained model"]
    assert report.rows["the data's halves"].items() >= evaluator.halves.items()
    assert "evaluation/latent_transport" in report.rows["the data's halves"]
    told = report.to_json()
    assert json.loads(json.dumps(told)) == told and told["count"] == 30
    lines = report.markdown().splitlines()
    assert len(lines) == 7 and len({line.count("|") for line in lines}) == 1
    assert lines[2].startswith("| samples | ")


def test_a_game_has_no_codes_to_report(evaluator):
    report = score_model(build("gan"), evaluator)
    assert list(report.rows) == [
        "samples",
        "untrained model",
        "training images",
        "the data's halves",
    ]
    assert not any("latent" in tag for row in report.rows.values() for tag in row)
    assert code_scores(build("gan"), evaluator) == {}


def test_scores_are_the_same_again_and_leave_the_random_streams_alone(evaluator):
    model = build("vae")
    torch.manual_seed(7)
    before = torch.get_rng_state()
    first = score_model(model, evaluator)
    assert torch.equal(torch.get_rng_state(), before)
    assert score_model(model, evaluator).rows == first.rows


def test_the_reconstruction_error_is_of_the_held_out_images(evaluator):
    model = build("vae")
    found = code_scores(model, evaluator)["evaluation/reconstruction_error"]
    image = evaluator.held_out / 255
    rebuilt = model.decode(model.encode(evaluator.held_out))
    assert found == pytest.approx(float((image - rebuilt).square().sum() / 30), rel=1e-5)


@pytest.mark.parametrize("name", ["vae", "wae-mmd", "discrete-autoencoder"])
def test_codes_are_measured_as_training_draws_them(evaluator, name):
    settings = {"encoder": "gaussian"} if name == "wae-mmd" else {}
    model = build(name, **settings)
    torch.manual_seed(0)
    code, mean = model.draw_codes(evaluator.held_out), model.encode(evaluator.held_out)
    assert code.shape == mean.shape and not torch.equal(code, mean)
    many = torch.stack([model.draw_codes(evaluator.held_out) for _ in range(400)]).mean(dim=0)
    if name == "discrete-autoencoder":
        assert set(code.unique().tolist()) == {0.0, 1.0}
        mean = model.autoencoder.average.encode(evaluator.held_out / 255).sigmoid()
    assert (many - mean).abs().mean() < 0.1


def test_a_code_without_chance_is_drawn_as_it_is(evaluator):
    model = build("wae-mmd", encoder="deterministic")
    assert torch.equal(model.draw_codes(evaluator.held_out), model.encode(evaluator.held_out))


def test_every_own_measure_has_its_row(evaluator):
    report = score_model(build("vae"), evaluator)
    for name in ("samples", "untrained model"):
        assert "evaluation/elbo_nats" in report.rows[name]
    assert "ELBO [nats]" in report.markdown()
    table = report.table()
    headings = report.markdown().splitlines()[0].count("|") - 2  # but for the first column
    assert (len(table.columns), len(table.rows)) == (1 + len(report.rows), headings)
