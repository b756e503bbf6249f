"""Contract: what every model of strings keeps, and what is true of the grammar autoencoder."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from hringur.evaluators.strings import StringEvaluator
from hringur.generative.models.grammar_vae import GrammarVAE, GrammarVAEConfig
from hringur.generative.sequences.autoencoder import channel
from hringur.generative.sequences.batches import SequenceBatches, Sequences
from hringur.generative.sequences.networks import shifted
from hringur.registry import MODELS, model_config
from hringur.training import checkpoint
from hringur.training.random_state import random_state, restore_random_state, seed_everything
from hringur.types import Batches, Learner, UserError
from tests.generative.sequences.small_strings import few_expressions, few_molecules, few_sentences

DOCUMENTED = Path(__file__).parents[3] / "docs" / "metrics.md"
TINY = {"batch": 8, "hidden": 12, "encoder_hidden": 16, "latent": 6, "plan": 8, "embedding": 4}
EVERY = [name for name in MODELS if model_config(name)().model().of == "strings"]
CASES = [
    ("grammar-vae", {}),
    ("grammar-vae", {"objective": "vae", "token_dropout": 0.2, "input_dropout": 0.2}),
    ("grammar-vae", {"tokens": "characters"}),
    ("sequence-autoencoder", {}),
    ("sequence-autoencoder", {"objective": "vae"}),
    ("sequence-autoencoder", {"objective": "denoising"}),
    ("sequence-autoencoder", {"objective": "adversarial"}),
    ("text-style", {"method": "arae"}),
    ("text-style", {"method": "denoising-transport", "bridge_steps": 5, "parts": 3}),
]

every_model = pytest.mark.parametrize("name", EVERY)
every_case = pytest.mark.parametrize("name, settings", CASES, ids=str)


def test_every_model_of_strings_has_a_case():
    assert {name for name, _ in CASES} == set(EVERY)


def build(name="grammar-vae", seed=0, strings=None, **settings):
    seed_everything(seed)
    config = model_config(name)(**{**TINY, **settings})
    usual = few_expressions() if name == "grammar-vae" else few_sentences()
    model = config.model()(strings or usual, config, seed=seed, device="cpu")
    return model, model.batches()


def updates(learner, batches, count, first=0):
    return [learner.update(next(batches), (first + step) / 8) for step in range(count)]


@every_model
def test_settings_are_frozen_documented_and_keyword_only(name):
    config_class = model_config(name)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config_class().latent = 1
    assert config_class.__doc__ and config_class.name == name
    assert config_class().model().settings is config_class


@every_case
def test_updates_are_finite_and_every_tag_is_documented(name, settings):
    model, batches = build(name, **settings)
    assert isinstance(model, Learner) and isinstance(batches, Batches)
    assert len(next(batches)) == 8
    found = [*updates(model, batches, 3), model.evaluate()]
    assert model.headline in found[-1]
    documented = DOCUMENTED.read_text(encoding="utf-8")
    for metrics in found:
        for tag, value in metrics.items():
            assert math.isfinite(value), tag
            assert f"`{tag}`" in documented, f"{tag} is not in docs/metrics.md"
    shown = build(strings=few_molecules())[0] if name == "grammar-vae" else model
    for tag in shown.figures():
        assert f"`{tag}`" in documented, f"{tag} is not in docs/metrics.md"


@every_model
def test_same_seed_same_scalars_and_another_seed_others(name):
    first, again, other = (updates(*build(name, seed), 3) for seed in (3, 3, 4))
    assert first == again != other


@every_case
def test_resumed_from_a_file_it_goes_on_to_the_very_same_weights(name, settings, tmp_path):
    model, batches = build(name, **settings)
    updates(model, batches, 3)
    path = tmp_path / "checkpoint.safetensors"
    parts = {"learner": model.state_dict(), "batches": batches.state_dict()}
    checkpoint.save(path, parts | {"random": random_state()})
    unbroken = updates(model, batches, 13, first=3)  # into the next epoch

    resumed, batches = build(name, seed=9, **settings)
    state = checkpoint.load(path)
    resumed.load_state_dict(state["learner"])
    batches.load_state_dict(state["batches"])
    restore_random_state(state["random"])
    assert updates(resumed, batches, 13, first=3) == unbroken
    for network, other in zip(model.networks.values(), resumed.networks.values(), strict=True):
        for kept, value in other.state_dict()["network"].items():
            assert torch.equal(value, network.state_dict()["network"][kept])


@every_case
def test_a_saved_model_samples_as_before(name, settings, tmp_path):
    model, batches = build(name, **settings)
    updates(model, batches, 2)
    made = model.sample(5, density="fitted", seed=0)
    assert made == model.sample(5, density="fitted", seed=0)
    assert all(model.grammar.rules_of(one) for one in made)
    model.save(tmp_path / "model.safetensors")
    loaded = type(model).load(tmp_path / "model.safetensors", device="cpu")
    assert loaded.sample(5, density="fitted", seed=0) == made
    assert loaded.config == model.config
    with pytest.raises(UserError, match="load with a data set"):
        loaded.evaluate()


@every_case
def test_every_weight_learns(name, settings):
    model, batches = build(name, **settings)
    before = {
        f"{role} {key}": value.clone()
        for role, network in model.networks.items()
        for key, value in network.module.named_parameters()
    }
    updates(model, batches, 4)
    for role, network in model.networks.items():
        for key, value in network.module.named_parameters():
            assert not torch.equal(before[f"{role} {key}"], value), f"{role} {key}"


def test_with_valence_kept_an_untrained_model_writes_molecules():
    model = build(strings=few_molecules(), mask="valence")[0]
    made = StringEvaluator(model.strings, 40).measure(model.sample(40, seed=0))
    assert made["evaluation/valid_percent"] == 100
    worse = build(strings=few_molecules())[0].sample(40, seed=0)
    assert StringEvaluator(model.strings, 40).measure(worse)["evaluation/valid_percent"] < 100


def test_a_small_set_is_learned_by_heart():
    strings = few_expressions(16, 10)
    wide = {"latent": 24, "hidden": 32, "encoder_hidden": 64, "plan": 16}
    model = build(strings=strings, **wide, most_noise=0.2, batch=16, lr=1e-2, lr_warm_up=20)[0]
    model.fit(samples=4_000)
    assert model.reconstruct(strings.train) == list(strings.train)


def test_the_cost_is_that_of_the_tokens_one_after_the_other():
    """Oracle: the decoder step by step, as it writes, against all places at once."""
    model, batches = build()
    network, tokens = model.autoencoder.average, next(batches)
    code = model.codes(tokens)
    state, plan = network.decoder.start(code, model.longest)
    before, total = torch.full((8, 1), -1), torch.zeros(8)
    for place in range(tokens.tokens.shape[1]):
        logits, state = network.decoder.advance(before, plan[:, place : place + 1], state)
        token = tokens.tokens[:, place]
        chosen = F.log_softmax(logits[:, 0], dim=1)[torch.arange(8), token.clamp(min=0)]
        total -= torch.where(token >= 0, chosen, 0.0)
        before = token[:, None]
    cost = network.cost(code, shifted(tokens.tokens), tokens.tokens)
    torch.testing.assert_close(cost, total)


def test_what_is_absent_changes_no_code():
    model, _ = build()
    alone = model.encode(["x+1"])
    torch.testing.assert_close(model.encode(["x+1", "sin(x)*sin(x)+exp(x)"])[:1], alone)


def test_the_channel_gives_the_best_linear_estimate():
    """Oracle: regression of codes of variance 1 on their noised values has slope 1."""
    torch.manual_seed(0)
    code, strength = torch.randn(100_000, 1), torch.tensor(1.5)
    seen = channel(code, strength, torch.randn_like(code))
    slope = (code * seen).mean() / seen.square().mean()
    assert slope.item() == pytest.approx(1, abs=0.02)
    assert torch.equal(channel(code, torch.tensor(0.0), code), code)


def test_batches_hold_strings_of_nearly_one_length_and_each_string_once():
    sequences = Sequences.of([np.full(1 + k % 10, k) for k in range(200)])
    batches = SequenceBatches(sequences, 10, seed=0, name="numbers")
    seen = [next(batches) for _ in range(20)]
    assert sorted(row[0] for batch in seen for row in batch.lists()) == list(range(200))
    assert all(int(batch.length.max() - batch.length.min()) <= 1 for batch in seen)
    waste = 1 - sum(int(b.length.sum()) for b in seen) / sum(b.tokens.numel() for b in seen)
    assert waste < 0.05
    assert [len(b.tokens[0]) for b in seen] != sorted(len(b.tokens[0]) for b in seen)


def test_made_strings_are_counted_by_hand():
    strings = few_molecules()
    made = ["CCO", "OCC", "C1CC", "CCN", *strings.train[:1]]
    found = StringEvaluator(strings, 40).measure(made)
    assert found["evaluation/valid_percent"] == pytest.approx(80)
    assert found["evaluation/unique_percent"] == pytest.approx(75)  # CCO is OCC
    assert found["evaluation/new_percent"] == pytest.approx(200 / 3)
    same = StringEvaluator(strings, 40).measure(strings.test)
    assert same["evaluation/qed_distance"] < 0.001 < found["evaluation/qed_distance"]


@pytest.mark.parametrize(
    "settings, told",
    [
        ({"latent": 0}, "latent must be"),
        ({"batch": 1}, "batch must be at least 2, got 1"),
        ({"least_noise": 6.0}, "least_noise must be at most most_noise, 5.0, got 6.0"),
        ({"token_dropout": 1.5}, "token_dropout must be .*1.5"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(settings, told):
    with pytest.raises(UserError, match=told):
        GrammarVAEConfig(**settings)


def test_what_does_not_fit_is_refused():
    with pytest.raises(UserError, match="mask valence is for rules of molecules, not for expr"):
        build(mask="valence")
    with pytest.raises(UserError, match="mask valence .* characters of molecules"):
        build(strings=few_molecules(), mask="valence", tokens="characters")
    model, _ = build()
    with pytest.raises(UserError, match="'y\\+1' is outside the grammar"):
        model.encode(["y+1"])
    with pytest.raises(UserError, match="has 40 tokens, the model knows 14"):
        model.encode(["+".join("x" * 20)])
    with pytest.raises(UserError, match="batch must be at most 96 .*strings of expressions"):
        build(batch=500)
    assert GrammarVAE.of == "strings"
