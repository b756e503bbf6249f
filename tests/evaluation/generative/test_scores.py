"""Models beside held-out images: rows, references, and what training sees of it."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from hringur.data.images.images import ImageSet
from hringur.evaluation.generative.report import COLUMNS
from hringur.evaluation.generative.scores import (
    ImageEvaluator,
    Judge,
    code_scores,
    evaluator_of,
    latent_mismatch,
    let_judge,
    sample_scores,
    score_model,
    untrained,
)
from hringur.evaluators.digit_classifier import DigitClassifier, DigitNetwork
from hringur.registry import model_config
from hringur.training.log import NoLog
from hringur.training.trainer import TrainerConfig, train
from hringur.types import UserError

# Small enough for seconds; a field that a configuration lacks is left out.
TINY = {"batch": 8, "latent": 2, "channels": 4, "hidden": 16, "network": "dense"}


def stripes(train=80, test=40):
    """Upright stripes of several widths and strengths."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 40, (train + test, 1, 8, 8)).astype(np.uint8)
    for image in images:
        left = rng.integers(0, 6)
        image[0, :, left : left + rng.integers(1, 3)] += rng.integers(100, 200, dtype=np.uint8)
    return ImageSet("stripes", images[:train], images[train:], None, None, ())


@pytest.fixture(scope="module")
def classifier():
    torch.manual_seed(0)
    network = DigitNetwork(classes=3, width=2, hidden=8)
    network(torch.rand(64, 1, 28, 28))
    small = DigitClassifier(network, "abc")
    small.standardise(torch.tensor(stripes().train))
    return small


@pytest.fixture
def evaluator(classifier):
    return ImageEvaluator(stripes(), count=30, classifier=classifier)


def build(name, seed=0, images=None, **settings):
    config_class = model_config(name)
    known = {field.name for field in dataclasses.fields(config_class)}
    config = config_class(
        **({key: value for key, value in TINY.items() if key in known} | settings)
    )
    return config.model()(images or stripes(), config, seed=seed, device="cpu")


def test_the_held_out_images_themselves_are_perfect(evaluator):
    found = evaluator.measure(evaluator.held_out)
    assert found["evaluation/frechet_distance"] == pytest.approx(0, abs=1e-4)
    for tag in ("precision", "recall", "coverage"):
        assert found[f"evaluation/{tag}"] == 1
    assert found["evaluation/kernel_distance"] < 0  # unbiased: below nothing for the same set


def test_noise_is_worse_than_the_floor_in_every_way(evaluator):
    floor = evaluator.halves
    noise = evaluator.measure(torch.rand(30, 1, 8, 8))
    for tag in ("frechet_distance", "kernel_distance"):
        assert noise[f"evaluation/{tag}"] > 2 * floor[f"evaluation/{tag}"]
    for tag in ("precision", "density", "coverage"):
        assert noise[f"evaluation/{tag}"] < floor[f"evaluation/{tag}"]


def test_bytes_and_numbers_measure_alike(evaluator):
    made = torch.randint(0, 256, (30, 1, 8, 8), dtype=torch.uint8)
    numbers = evaluator.measure(made / 255)
    assert evaluator.measure(made) == pytest.approx(numbers, rel=1e-3, abs=1e-3)


def test_other_counts_are_refused(evaluator):
    with pytest.raises(UserError, match="30 images must be measured, got 29"):
        evaluator.measure(torch.rand(29, 1, 8, 8))


def test_what_is_not_finite_is_refused(evaluator):
    with pytest.raises(UserError, match="not finite"):
        evaluator.measure(torch.full((30, 1, 8, 8), torch.nan))


def test_too_few_held_out_images_are_refused(classifier):
    with pytest.raises(UserError, match="at least 10 held-out images and 20.*stripes has 9 and 80"):
        ImageEvaluator(stripes(test=9), classifier=classifier)


def test_no_more_are_taken_than_there_are(classifier):
    assert ImageEvaluator(stripes(test=12), classifier=classifier).count == 12
    assert ImageEvaluator(stripes(train=25), classifier=classifier).count == 12  # in each half


def test_the_halves_have_no_image_in_common(evaluator):
    first, second = evaluator._training_halves
    assert len(first) == len(second) == 30
    assert not {bytes(image.numpy()) for image in first} & {bytes(one.numpy()) for one in second}


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


def test_the_untrained_model_is_the_one_that_was_begun_with():
    model, other = build("vae", seed=3), build("vae", seed=3)
    batches = model.batches()
    for _ in range(3):
        model.update(next(batches), 0.5)
    fresh = untrained(model)
    assert torch.equal(fresh.sample(5, seed=1), other.sample(5, seed=1))
    assert not torch.equal(fresh.sample(5, seed=1), model.sample(5, seed=1))


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
        mean = model.player.average.encode(evaluator.held_out / 255).sigmoid()
    assert (many - mean).abs().mean() < 0.1


def test_a_code_without_chance_is_drawn_as_it_is(evaluator):
    model = build("wae-mmd", encoder="deterministic")
    assert torch.equal(model.draw_codes(evaluator.held_out), model.encode(evaluator.held_out))


def test_codes_far_from_the_prior_are_seen_by_all_three():
    prior, other, far = (torch.randn(300, 3) + shift for shift in (0.0, 0.0, 2.0))
    near, away = latent_mismatch(other, prior), latent_mismatch(far, prior)
    for tag, value in near.items():
        assert away[tag] > 2 * value, tag
    # moved by (2, 2, 2): that far, on average over lines too
    assert away["evaluation/latent_transport"] == pytest.approx(12**0.5, rel=0.1)
    assert away["evaluation/latent_sliced_wasserstein"] == pytest.approx(12**0.5, rel=0.1)


def test_training_sees_the_scores_beside_both_references(evaluator):
    model = build("vae")
    fresh = sample_scores(model, evaluator)
    model.judge = Judge(evaluator)
    outcome = train(model, model.batches(), TrainerConfig(steps=2, device="cpu"), NoLog())
    assert outcome.metrics.keys() > {"evaluation/coverage", "evaluation/elbo_nats"}
    for tag, value in evaluator.halves.items():
        assert outcome.metrics[tag.replace("evaluation", "floor")] == value
    for tag, value in fresh.items():
        assert outcome.metrics[tag.replace("evaluation", "untrained")] == value
    assert outcome.metrics["evaluation/frechet_distance"] != fresh["evaluation/frechet_distance"]


def test_a_model_is_judged_where_there_are_images_enough():
    model = build("gan")
    let_judge(model, count=12)
    found = model.evaluate()
    assert model.headline in found and "floor/coverage" in found
    assert model.judge.evaluator.count == 12

    few = build("gan", images=stripes(test=9))
    let_judge(few)
    assert few.judge is None and few.headline in few.evaluate()


def test_the_evaluator_of_a_model_is_that_of_its_images(classifier):
    model = build("vae")
    found = evaluator_of(model, 20)
    expected = ImageEvaluator(stripes(), 20)
    assert torch.equal(found.features, expected.features)


def test_every_own_measure_has_its_row(evaluator):
    report = score_model(build("vae"), evaluator)
    for name in ("samples", "untrained model"):
        assert "evaluation/elbo_nats" in report.rows[name]
    assert "ELBO [nats]" in report.markdown()
    table = report.table()
    headings = report.markdown().splitlines()[0].count("|") - 2  # but for the first column
    assert (len(table.columns), len(table.rows)) == (1 + len(report.rows), headings)
