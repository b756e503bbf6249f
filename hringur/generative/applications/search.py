"""Search for the string of the best property, in the space of codes and without it.

Bayesian optimisation (Kusner et al. 2017, section 4): a Gaussian process is fitted to the codes of
the strings whose value is known, and the strings of the largest expected improvement are evaluated
next. Candidates are draws of the model, and what it makes of the best codes after noise of a
strength that it was trained with: a step alone decodes to the same string, or to nothing sensible.
Their codes must have at least the density that 99 of 100 training codes have. The others to
compare with: draws of the model, hill climbing in the space of codes, and REINFORCE on the decoder.
"""

import copy
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float64
from scipy.stats import norm, rankdata
from torch import Tensor

from hringur.estimators.score_functions import score_function
from hringur.generative.fitted_density import Mixture
from hringur.generative.sequences.autoencoder import channel
from hringur.generative.sequences.batches import Sequences
from hringur.generative.sequences.derivations import Derivations
from hringur.generative.sequences.networks import shifted
from hringur.types import UserError, optional

TOGETHER = 10
"""Strings that are evaluated before the process is fitted again."""

CANDIDATES, BEST, FITTED_TO = 400, 20, 500
"""Codes that are tried in one round, the best strings that they begin at, strings of a fit."""

STRENGTHS = (0.2, 0.4, 0.6, 1.0)
"""Of the noise on a code, as shares of the strongest in training, or of the prior's deviation."""

LEARNING_RATE = 1e-3


def check_property(model: Any, name: str) -> None:
    """Refuse a property that the model's strings do not have.

    Raises:
        UserError: it is unknown; the message lists those there are.
    """
    properties = model.domain.properties
    if name not in properties:
        known, what = ", ".join(properties) or "none", model.strings.name
        raise UserError(f"unknown property {name!r} of {what}; there are {known}")


@dataclass
class Search:
    """A budget of evaluations; each different string counts once."""

    model: Any
    name: str
    budget: int
    rng: np.random.Generator
    score: Callable[[Sequence[str]], Float64[np.ndarray, " N"]] | None = None
    """cost or value of strings, instead of the property ``name`` of the model's strings"""

    known: dict[str, float] = field(default_factory=dict)
    """costs of strings that are known before: what is larger is better counts negative"""

    evaluated: dict[str, float] = field(default_factory=dict)
    """costs of the strings that were evaluated, in their order"""

    def __post_init__(self) -> None:
        if self.score is None:
            check_property(self.model, self.name)
        self.sign = -1.0 if self.name in self.model.domain.larger_is_better else 1.0

    @property
    def left(self) -> int:
        """Evaluations that are left."""
        return self.budget - len(self.evaluated)

    @property
    def mask(self) -> str:
        """The strictest mask that fits the strings: of molecules, valence is kept."""
        return self.model.masks[-1]

    def sample(self, count: int) -> list[str]:
        """Draws of the fitted density."""
        return self.model.sample(count, density="fitted", seed=self.seed, mask=self.mask)

    @property
    def seed(self) -> int:
        """A seed for torch."""
        return int(self.rng.integers(2**31))

    def costs(self, strings: Sequence[str]) -> Float64[np.ndarray, " N"]:
        """Costs of strings; infinite where a string means nothing."""
        values = (self.score or self.model.domain.properties[self.name])(strings)
        return np.nan_to_num(self.sign * values, nan=np.inf)

    def learn(self, count: int) -> None:
        """Know the costs of so many training strings."""
        rows = self.rng.permutation(len(self.model.strings.train))[:count]
        strings = [self.model.strings.train[row] for row in rows]
        self.known = dict(zip(strings, self.costs(strings).tolist(), strict=True))

    def evaluate(self, strings: Sequence[str]) -> None:
        """Evaluate those that are new, as far as the budget goes."""
        new = [one for one in dict.fromkeys(strings) if one not in self.evaluated]
        new = [one for one in new if one not in self.known][: self.left]
        if new:
            self.evaluated.update(zip(new, self.costs(new).tolist(), strict=True))

    def ranked(self) -> list[str]:
        """All strings with a finite cost, the best first."""
        every = {key: cost for key, cost in (self.known | self.evaluated).items() if cost < np.inf}
        return sorted(every, key=lambda one: every[one])

    @property
    def winner(self) -> tuple[str, float]:
        """The evaluated string of the least cost, and its cost."""
        return min(self.evaluated.items(), key=lambda one: one[1])

    def best_so_far(self) -> Float64[np.ndarray, " T"]:
        """The best value after each evaluation, larger or smaller as the property has it."""
        return self.sign * np.minimum.accumulate(np.array(list(self.evaluated.values())))


def random_draws(search: Search) -> None:
    """Draws of the fitted density."""
    for _ in _rounds(search):
        search.evaluate(search.sample(2 * TOGETHER))


def hill_climbing(search: Search) -> None:
    """What the best code decodes to after noise."""
    for _ in _rounds(search):
        search.evaluate(around(search, search.ranked()[:1], TOGETHER))


def bayesian(search: Search) -> None:
    """Gaussian process and expected improvement, within the fitted density."""
    model = search.model
    density = model.fitted()
    least = log_density(density, model.encode(model.train[:1000])).quantile(0.01)
    for _ in _rounds(search):
        ranked = search.ranked()
        tried = search.sample(CANDIDATES // 4) + around(search, ranked[:BEST], CANDIDATES)
        every = search.known | search.evaluated
        new = [one for one in dict.fromkeys(tried) if one not in every and _learned(model, one)]
        if not new:
            continue
        codes = model.encode(new).cpu()
        dense = log_density(density, codes) >= least
        if not bool(dense.any()):
            continue
        new = list(compress(new, dense.tolist()))
        known = {one: every[one] for one in ranked[:FITTED_TO]}
        gain = expected_improvement(model, known, codes[dense])
        search.evaluate([new[k] for k in gain.argsort()[::-1][:TOGETHER]])


def reinforce(search: Search) -> None:
    """REINFORCE on the decoder: rules that led to better strings become likelier."""
    model = search.model
    learner = copy.deepcopy(model.autoencoder.average).requires_grad_(True)
    optimizer = torch.optim.Adam(learner.decoder.parameters(), lr=LEARNING_RATE)
    kept = model.autoencoder.average
    try:
        model.autoencoder.average = learner
        for _ in _rounds(search):
            generator = torch.Generator().manual_seed(search.seed)
            latent = model.noised(model.draw(2 * TOGETHER, "fitted", search.seed), generator)
            derivations = model.derivations(len(latent), search.mask)
            with torch.no_grad():
                made = model.write(latent, derivations, 1.0, generator)
            strings = [model.grammar.string(rules) for rules in made.lists()]
            search.evaluate(strings)
            every = search.known | search.evaluated
            costs = torch.tensor([every.get(one, math.inf) for one in strings])
            ranks = costs.argsort().argsort().float() / len(costs)  # of any unit, infinity too
            chance = log_prob(
                learner.decoder, latent, made, model.derivations(len(latent), search.mask)
            )
            optimizer.zero_grad()
            score_function(chance, ranks - ranks.mean()).backward()
            optimizer.step()
    finally:
        model.autoencoder.average = kept


def log_prob(
    decoder: Any, latent: Float[Tensor, "B Z"], made: Sequences, derivations: Derivations
) -> Float[Tensor, " B"]:
    """Log-probability of strings as they were written, under the mask of fresh derivations."""
    allowed, tokens = [], made.tokens.clamp(min=0)
    for column in tokens.T:
        allowed.append(derivations.allowed())
        derivations.apply(column)
    logits = decoder(latent, shifted(made.tokens))
    logits = logits.masked_fill(~torch.stack(allowed, dim=1), -math.inf)
    chosen = logits.log_softmax(dim=2).gather(2, tokens[:, :, None])[:, :, 0]
    return (chosen * made.present).sum(dim=1)


METHODS: dict[str, Callable[[Search], None]] = {
    "bayesian": bayesian,
    "random": random_draws,
    "hill-climbing": hill_climbing,
    "reinforce": reinforce,
}


def expected_improvement(
    model: Any, costs: dict[str, float], codes: Float[Tensor, "N Z"]
) -> Float64[np.ndarray, " N"]:
    """Expected improvement on the least of ``costs``, by a Gaussian process of codes.

    With mean m, standard deviation s and the least cost b, (b - m) Phi(u) + s phi(u), u = (b - m)/s
    (Jones et al. 1998, eq. 15). Costs enter by their rank, as normal scores: they may lie anywhere.
    """
    process = optional("sklearn.gaussian_process", "Bayesian optimisation", "generative")
    kernels = process.kernels
    known = list(costs)
    scores = norm.ppf((rankdata([costs[one] for one in known]) - 0.5) / len(known))
    scale = math.sqrt(model.config.latent)
    kernel = kernels.Matern(scale, (0.1 * scale, 10 * scale), nu=2.5) + kernels.WhiteKernel(0.1)
    gaussian = process.GaussianProcessRegressor(kernel, random_state=0)
    with warnings.catch_warnings():  # nearly the likeliest length serves as well
        warnings.simplefilter("ignore")
        gaussian.fit(model.encode(known).cpu().numpy(), scores)
        mean, std = gaussian.predict(codes.cpu().numpy(), return_std=True)
    return improvement(mean, std, scores.min())


def improvement(
    mean: Float64[np.ndarray, " N"], std: Float64[np.ndarray, " N"], least: float
) -> Float64[np.ndarray, " N"]:
    """E[max(0, least - x)] of normal x (Jones et al. 1998, eq. 15)."""
    std = np.maximum(std, 1e-12)
    u = (least - mean) / std
    return (least - mean) * norm.cdf(u) + std * norm.pdf(u)


def log_density(density: Mixture, codes: Float[Tensor, "N Z"]) -> Float[Tensor, " N"]:
    """The logarithm of a mixture of Gaussians at codes [nats]."""
    assert density.cholesky is not None
    parts = torch.distributions.MultivariateNormal(density.mean, scale_tril=density.cholesky)
    return (parts.log_prob(codes.cpu()[:, None]) + density.weight.log()).logsumexp(dim=1)


def _rounds(search: Search) -> Iterator[int]:
    """Until the budget is used up; given up where nothing new is found for long."""
    idle = 0
    while search.left > 0 and idle < 50:
        before = search.left
        yield idle
        idle = idle + 1 if search.left == before else 0


def _learned(model: Any, string: str) -> bool:
    """Whether a string is of tokens that the model has a code for."""
    return len(model.grammar.rules_of(string)) <= model.longest


def around(search: Search, strings: Sequence[str], count: int) -> list[str]:
    """What the codes of some strings decode to after noise of several strengths."""
    model, generator = search.model, torch.Generator().manual_seed(search.seed)
    codes = model.encode(strings).cpu()
    chosen = codes[torch.randint(len(codes), (count,), generator=generator)]
    strength = torch.tensor(STRENGTHS)[
        torch.randint(len(STRENGTHS), (count, 1), generator=generator)
    ]
    noise = torch.randn(chosen.shape, generator=generator)
    if model.config.objective == "vae":  # keeps the prior as it is
        noised = (chosen + strength * noise) / (1 + strength.square()).sqrt()
    else:
        noised = channel(chosen, strength * model.config.most_noise, noise)
    return model.decode(noised, search.mask)
