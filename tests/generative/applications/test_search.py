from random import Random

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from hringur.data.molecules.grammar import Grammar
from hringur.data.molecules.strings import StringSet
from hringur.generative.applications.search import (
    METHODS,
    Search,
    expected_improvement,
    improvement,
    log_density,
    log_prob,
)
from hringur.generative.fitted_density import fit_gaussians
from hringur.generative.models.grammar_vae import GrammarVAE, GrammarVAEConfig
from hringur.generative.sequences.batches import Sequences
from hringur.types import UserError

SUMS = Grammar("sums", 'start: start "+" term | term\nterm: "1" | "x" | "7"')
EVERY = sorted(SUMS.every(8), key=lambda one: Random(one).random())


def ones(strings):
    """Minus the number of ones: of at most four terms, 1+1+1+1 is the best."""
    return np.array([-string.count("1") + 0.0 for string in strings])


@pytest.fixture(scope="module")
def model():
    strings = StringSet("sums", SUMS, tuple(EVERY[:100]), tuple(EVERY[100:]))
    config = GrammarVAEConfig(
        latent=8,
        hidden=32,
        encoder_hidden=32,
        plan=8,
        embedding=4,
        batch=20,
        lr=1e-2,
        lr_warm_up=20,
        most_noise=0.5,
        sample_noise=0.5,
    )
    return GrammarVAE(strings, config, seed=0, device="cpu").fit(samples=6_000)


def test_all_strings_of_a_small_grammar_are_listed():
    assert len(EVERY) == len(set(EVERY)) == 3 + 9 + 27 + 81
    assert set(SUMS.every(4)) == {"1", "x", "7"} | {f"{a}+{b}" for a in "1x7" for b in "1x7"}


@pytest.mark.parametrize("method", METHODS)
def test_a_search_keeps_to_its_budget_and_knows_what_it_found(model, method):
    before = {key: value.clone() for key, value in model.autoencoder.average.state_dict().items()}
    search = Search(model, "ones", 25, np.random.default_rng(0), ones)
    search.learn(5)
    METHODS[method](search)
    assert 10 <= len(search.evaluated) <= 25 and not search.evaluated.keys() & search.known.keys()
    assert all(ones([key])[0] == cost for key, cost in search.evaluated.items())
    curve = search.best_so_far()
    assert np.all(np.diff(curve) <= 0) and curve[-1] == min(search.evaluated.values())
    for key, value in model.autoencoder.average.state_dict().items():
        assert torch.equal(before[key], value)


def test_bayesian_search_finds_the_optimum_that_enumeration_knows(model):
    best = min(ones([one])[0] for one in EVERY)
    search = Search(model, "ones", 60, np.random.default_rng(1), ones)
    search.learn(20)
    METHODS["bayesian"](search)
    assert min((search.known | search.evaluated).values()) == best == -4


def test_a_round_encodes_each_candidate_once(model, monkeypatch):
    encoded, encode = [], model.encode

    def counting(strings):
        encoded.extend(strings if isinstance(strings, list) else [])
        return encode(strings)

    monkeypatch.setattr(model, "encode", counting)
    search = Search(model, "ones", 10, np.random.default_rng(0), ones)
    search.learn(5)
    known = set(search.known)
    METHODS["bayesian"](search)
    assert set(search.evaluated) <= set(encoded)
    candidates = [one for one in encoded if one not in known]
    assert len(search.evaluated) == 10 and len(candidates) == len(set(candidates))


def test_expected_improvement_by_drawing():
    """Oracle: the mean of max(0, b - x) over draws of a normal distribution."""
    rng = np.random.default_rng(0)
    mean, std, least = np.array([0.0, 1.0, -1.0]), np.array([1.0, 0.5, 2.0]), 0.3
    drawn = mean + std * rng.standard_normal((400_000, 3))
    found = np.maximum(0, least - drawn).mean(axis=0)
    np.testing.assert_allclose(improvement(mean, std, least), found, rtol=0.02)


def test_what_is_near_good_strings_is_expected_to_be_better(model):
    costs = {one: float(ones([one])[0]) for one in EVERY[:60]}
    new = EVERY[60:]
    gain = expected_improvement(model, costs, model.encode(new))
    assert np.corrcoef(gain, -ones(new))[0, 1] > 0.2


def test_the_density_is_that_of_the_mixture():
    torch.manual_seed(0)
    codes = torch.cat([torch.randn(60, 3), 4 + torch.randn(60, 3)])
    mixture = fit_gaussians(codes, components=2)
    covariance = mixture.cholesky @ mixture.cholesky.mT
    parts = [
        weight * multivariate_normal(mean, cov).pdf(codes[:5])
        for weight, mean, cov in zip(
            mixture.weight.tolist(), mixture.mean.numpy(), covariance.numpy(), strict=True
        )
    ]
    found = log_density(mixture, codes[:5]).numpy()
    np.testing.assert_allclose(found, np.log(np.sum(parts, axis=0)), rtol=1e-3)


def test_the_chances_of_all_strings_add_up_to_one(model):
    latent = torch.randn(1, 8).expand(len(EVERY), 8)
    every = model.grammar.encode(EVERY)
    made = Sequences.of(every)
    derivations = model.derivations(len(EVERY))
    chances = log_prob(model.autoencoder.average.decoder, latent, made, derivations).exp()
    assert chances.sum().item() == pytest.approx(1, abs=1e-4)


def test_an_unknown_property_is_refused(model):
    with pytest.raises(UserError, match="unknown property 'qed' of sums; there are none"):
        Search(model, "qed", 5, np.random.default_rng(0))
