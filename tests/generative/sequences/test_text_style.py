import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from hringur.divergences.light_bridge import LightBridge
from hringur.generative.models import text_style
from hringur.generative.models.text_style import TextStyle, TextStyleConfig
from hringur.generative.sequences.adversaries import StyleClassifier
from hringur.generative.sequences.networks import SequenceSizes, WordEncoder
from hringur.types import UserError
from tests.generative.sequences.small_strings import few_expressions, few_sentences

SMALL = {
    "batch": 24, "hidden": 32, "encoder_hidden": 32, "latent": 24, "plan": 16, "embedding": 8,
    "critic_width": 32, "lr": 1e-2, "lr_warm_up": 20, "input_dropout": 0.0, "token_dropout": 0.0,
}  # fmt: skip
WORDS = {"thee": "you", "hieth": "goes", "unto": "to"}


def small(method, **more):
    config = TextStyleConfig(**{**SMALL, "method": method, **more})
    return TextStyle(few_sentences(200, 20), config, seed=0, device="cpu")


def test_a_told_style_is_written_and_the_rest_is_kept():
    model = small("arae").fit(samples=4_000)
    given = model.held_out("archaic", 20)
    made = model.rewrite(given, "modern")
    marks = [[word for word in one if word in {*WORDS, *WORDS.values()}] for one in made]
    assert sum(found == ["goes", "to", "you"] for found in marks) >= 16
    assert model.evaluate()["evaluation/style_percent"] > 80
    assert model.rewrite(given, "archaic") != made


def test_moved_codes_are_written_in_the_other_style():
    model = small("denoising-transport", bridge_steps=200, parts=5).fit(samples=3_000)
    made = model.rewrite(model.held_out("archaic", 20), "modern", "archaic")
    assert sum("you" in one and "thee" not in one for one in made) >= 15
    assert ("archaic", "modern") in model.bridges
    model.update(next(model.batches()), 0.5)
    assert not model.bridges


def test_a_bridge_leads_to_the_style_that_is_asked_for_alone(monkeypatch):
    strings = few_sentences(30, 5)
    style = np.arange(len(strings.train)) % 3
    three = replace(strings, styles=("archaic", "modern", "new"), train_styles=style)
    config = TextStyleConfig(**SMALL, method="denoising-transport")
    model = TextStyle(three, config, seed=0, device="cpu")
    fitted = []

    def bridge(x, y, epsilon, *_, **__):
        fitted.append((x, y))
        return LightBridge(y[:2], epsilon)

    monkeypatch.setattr(text_style, "light_bridge", bridge)
    codes, known = model.encode(model.train), torch.tensor(style)
    for source, others in ("archaic", known == 0), (None, known != 1):
        model._bridge(source, "modern")
        torch.testing.assert_close(fitted.pop(), (codes[others], codes[known == 1]))


def test_unknown_words_take_the_place_of_unknown_ones():
    model = small("arae")
    assert model._named(["<unknown>", "goes", "<unknown>"], ("the", "zebra")) == ("zebra", "goes")


def test_absent_words_are_as_if_the_sentence_were_shorter():
    sizes = SequenceSizes(9, 6, 4, 8, 8, 4, 4)
    encoder = WordEncoder(sizes, 4)
    given = torch.tensor([[3, 5, 2, 0, -1, -1], [3, -1, 5, 2, -1, 0], [-1, -1, -1, -1, -1, -1]])
    found = encoder(given)
    torch.testing.assert_close(found[0], encoder(torch.tensor([[3, 5, 2, 0]]))[0])
    torch.testing.assert_close(found[0], found[1])
    assert not torch.allclose(found[0], encoder(torch.tensor([[5, 3, 2, 0]]))[0])
    assert found.isfinite().all()


def test_the_encoder_is_asked_to_leave_the_classifier_guessing():
    """Oracle: cross entropy to a guess is least, log 2, where both logits are equal."""
    model = small("arae")
    classifier, code, style = StyleClassifier(model, 2), torch.randn(6, 24), torch.arange(6) % 2
    asked, _ = classifier.against(code, style, 1.0)
    with torch.no_grad():
        logits = classifier.classifier.network(code)
    expected = -F.log_softmax(logits, dim=1).sum(dim=1).mean() / 2
    torch.testing.assert_close(asked, expected)
    assert asked > 0.6931


def test_what_does_not_fit_is_refused():
    with pytest.raises(UserError, match="needs two styles or more, expressions has none"):
        TextStyle(few_expressions(), TextStyleConfig(), device="cpu")
    with pytest.raises(UserError, match="parts must be .*0"):
        TextStyleConfig(parts=0)
    with pytest.raises(UserError, match="has 21 tokens, the model knows 14"):
        small("arae").rewrite([("thee",) * 20], "modern")


@pytest.mark.parametrize("epsilon", [1e-300, 1e4, math.nan])
def test_a_plan_has_an_entropy_that_can_be_computed(epsilon):
    with pytest.raises(UserError, match=r"epsilon must be in 0\.001\.\.1000, got"):
        TextStyleConfig(epsilon=epsilon)
