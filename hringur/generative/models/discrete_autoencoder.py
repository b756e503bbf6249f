"""Autoencoder with a binary code: the discrete latent variable, and every estimator for it.

A code is K bits b ~ Bernoulli(sigmoid(l(x))), and minus the evidence lower bound is

    -ELBO(x) = E_{b ~ q(b|x)}[f(b)] - H(q(.|x)),    f(b) = -log p(x|b) - log p(b).

The entropy H has a closed form. The expectation has none, b has no path to differentiate along, and
so its gradient is the affair of an estimator of ``hringur.estimators``, chosen by name: REINFORCE
with a baseline (exp5), or a relaxation and what corrects it (exp6). Nothing else differs, but that
VIMCO's bound wants log q(b|x) within f, and then no entropy.

The prior may be fair coins, or ask each bit about those before it,
log p(b) = sum_k log p(b_k | b_1 .. b_{k-1}), by a logistic regression for each: a fully visible
belief network (Frey 1998), learned with the rest.
"""

import math
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from hringur.checks import check_choice, check_not_negative, check_share
from hringur.estimators.catalogue import ESTIMATORS, make_estimator
from hringur.estimators.distributions import bernoullis
from hringur.generative import measures
from hringur.generative.batches import Batch
from hringur.generative.fitted_density import Mixture, fit_bernoullis
from hringur.generative.model import ImageModel, in_parts
from hringur.generative.networks import Autoencoder, Decoder, Encoder
from hringur.generative.pixels import LIKELIHOODS, LikelihoodName, PixelLikelihood
from hringur.generative.settings import ImageModelConfig
from hringur.types import Metrics, UserError

BitPriorName = Literal["coins", "belief-network"]

VARIANCE_IMAGES = 50
"""held-out images whose gradient's variance is measured"""

VARIANCE_REPEATS = 20
"""estimates that it is measured from"""


@dataclass(frozen=True, kw_only=True)
class DiscreteAutoencoderConfig(ImageModelConfig):
    """Autoencoder with a code of bits, trained by any estimator of gradients."""

    name: ClassVar[str] = "discrete-autoencoder"

    usual_samples: ClassVar[int] = 900_000
    """images to train on when no budget is given"""

    latent: int = 32
    """bits in a code"""

    lr_warm_up: int = 1
    """updates over which the learning rate grows at first"""

    beta1: float = 0.9
    """Adam's decay rate of the mean of gradients"""

    estimator: str = "reinforce-leave-one-out"
    """of the gradient through the bits, by its name in hringur.estimators"""

    draws: int = 4
    """codes drawn for an image; of the antithetic estimators (arm, disarm), pairs"""

    entropy_bonus: float = 3.0
    """on top of the entropy's weight of 1 at first, so that no bit is settled before it says
    something; falls in a straight line to nothing"""

    entropy_share: float = 0.25
    """share of the budget over which it falls [0 .. 1]"""

    prior: BitPriorName = "belief-network"
    """coins: fair and independent; belief-network: each bit knows those before it, learned"""

    likelihood: LikelihoodName = "bernoulli"
    """of the pixels, given a code"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "estimator", tuple(ESTIMATORS))
        check_choice(self, "prior", get_args(BitPriorName))
        check_choice(self, "likelihood", LIKELIHOODS)
        check_not_negative(self, "entropy_bonus")
        check_share(self, "entropy_share")
        promises = make_estimator(self.estimator, (self.latent,)).promises
        if not {"any", "bernoulli"} & set(promises.families):
            raise UserError(f"the estimator {self.estimator!r} does not take bits")
        if self.draws < promises.least_samples:
            least = promises.least_samples
            raise UserError(f"{self.estimator} needs draws >= {least}, got {self.draws}")

    def model(self) -> "type[DiscreteAutoencoder]":
        """The class that these are the settings of."""
        return DiscreteAutoencoder

    def entropy_weight(self, progress: float) -> float:
        """At this share of the budget: 1 is the bound's own."""
        left = 1 - progress / self.entropy_share if progress < self.entropy_share else 0.0
        return 1 + self.entropy_bonus * left


class BitPrior(nn.Module):
    """log p(b); also at bits that are no bits, as relaxations ask for."""

    def __init__(self, bits: int, name: BitPriorName) -> None:
        super().__init__()
        learned = name == "belief-network"
        self.bias = nn.Parameter(torch.zeros(bits), requires_grad=learned)
        self.weight = nn.Parameter(torch.zeros(bits, bits), requires_grad=learned)

    def log_prob(self, bits: Float[Tensor, "*batch K"]) -> Float[Tensor, "*batch"]:
        """sum_k b_k log p_k + (1 - b_k) log(1 - p_k), p_k given the bits before k."""
        logits = (2 * bits - 1) @ self.weight.tril(-1).T + self.bias
        return (bits * logits - F.softplus(logits)).sum(dim=-1)

    @torch.no_grad()
    def decide(self, uniform: Float[Tensor, "B K"]) -> Float[Tensor, "B K"]:
        """A code from each row of uniform numbers, bit after bit."""
        bits, weight = torch.zeros_like(uniform), self.weight.tril(-1)
        for k in range(uniform.shape[1]):
            logit = (2 * bits[:, :k] - 1) @ weight[k, :k] + self.bias[k]
            bits[:, k] = (uniform[:, k] < logit.sigmoid()).float()
        return bits


class DiscreteNetwork(nn.Module):
    """Encoder, decoder, prior, and what the estimator learns: trained by one optimiser."""

    forward_methods = ("encode", "cost")

    def __init__(
        self, autoencoder: Autoencoder, prior: BitPrior, likelihood: LikelihoodName, own: nn.Module
    ) -> None:
        super().__init__()
        self.autoencoder, self.prior = autoencoder, prior
        self.likelihood, self.of_estimator = PixelLikelihood(likelihood), own

    def encode(self, image: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        """Logits of the bits."""
        return self.autoencoder.encode(image)

    def decode(self, bits: Float[Tensor, "B K"]) -> Float[Tensor, "B C H W"]:
        """Logits of the pixels."""
        return self.autoencoder.decode(2 * bits - 1)

    def cost(
        self, image: Float[Tensor, "B C H W"], bits: Float[Tensor, "S B K"]
    ) -> Float[Tensor, "S B"]:
        """f(b) = -log p(x|b) - log p(b) [nats]."""
        logits = self.decode(bits.flatten(0, 1)).unflatten(0, bits.shape[:2])
        return self.likelihood(image.expand_as(logits), logits) - self.prior.log_prob(bits)


class DiscreteAutoencoder(ImageModel):
    """Images in bits."""

    settings = DiscreteAutoencoderConfig
    config: DiscreteAutoencoderConfig
    own_headline = "evaluation/elbo_nats"

    def build_networks(self) -> None:
        """Encoder, decoder, prior and what the estimator learns."""
        config = self.config
        self.estimator = make_estimator(config.estimator, (config.latent,))
        autoencoder = Autoencoder(
            Encoder(self.shape, config.latent, config.architecture),
            Decoder(config.latent, self.shape, config.architecture),
        )
        prior = BitPrior(config.latent, config.prior)
        learned = self.estimator.learned
        network = DiscreteNetwork(autoencoder, prior, config.likelihood, learned)
        self.autoencoder = self.add_network("autoencoder", network)

    def loss(
        self, image: Float[Tensor, "B C H W"], entropy_weight: float = 1.0
    ) -> tuple[Float[Tensor, ""], Metrics]:
        """Minus the evidence lower bound per image [nats], as the estimator sees it."""
        network = self.autoencoder.network
        logits = network.encode(image)
        posterior, entropy = bernoullis(logits), entropy_of_bits(logits).mean()
        mean_cost = self.estimator.promises.objective == "mean"

        def cost(bits: Float[Tensor, "S B K"]) -> Float[Tensor, "S B"]:
            f = network.cost(image, bits)
            return f if mean_cost else f + posterior.log_prob(bits)

        expected = self.estimator.surrogate(cost, posterior, self.config.draws)
        metrics = {
            "model/expected_cost_nats": expected.item(),
            "model/code_entropy_bits": entropy.item() / math.log(2),
        }
        own = entropy_weight if mean_cost else entropy_weight - 1
        return expected - own * entropy, metrics

    def update(self, batch: Batch, progress: float) -> Metrics:
        """Make one step."""
        loss, metrics = self.loss(batch.image, self.config.entropy_weight(progress))
        norm = self.autoencoder.step(loss, self.config.lr_factor(progress))
        return metrics | {"train/loss": loss.item(), "model/grad_norm": norm}

    @torch.no_grad()
    def encode(self, image: Any) -> Float[Tensor, "B Z"]:
        """The likeliest bits of each image."""
        network = self.autoencoder.average
        return in_parts(lambda part: (network.encode(self.pixels(part)) > 0).float(), image)

    @torch.no_grad()
    def draw_codes(self, image: Any) -> Float[Tensor, "B Z"]:
        """Bits of each image, drawn."""
        network = self.autoencoder.average
        return in_parts(lambda part: network.encode(self.pixels(part)).sigmoid().bernoulli(), image)

    def logits(self, latent: Float[Tensor, "B Z"]) -> Float[Tensor, "B C H W"]:
        """Logits of the averaged decoder's images."""
        return self.autoencoder.average.decode(latent)

    def prior(self, count: int, generator: torch.Generator) -> Float[Tensor, "B Z"]:
        """Codes of the learned prior, or of fair coins."""
        uniform = torch.rand(count, self.config.latent, generator=generator)
        return self.autoencoder.average.prior.decide(uniform.to(self.fabric.device))

    @classmethod
    def check_extras(cls) -> None:
        """Nothing: the mixture of bits needs no extra."""

    def fit_density(self, codes: Float[Tensor, "N Z"]) -> Mixture:
        """A mixture of independent bits."""
        return fit_bernoullis(codes, seed=self.seed)

    @torch.no_grad()
    def log_weights(self, image: Any, samples: int) -> Float[Tensor, "S B"]:
        """Of codes drawn from q(b|x), log p(x, b) - log q(b|x) [nats]; the mean is the ELBO."""
        image, network = self.pixels(image), self.autoencoder.average
        posterior = bernoullis(network.encode(image))
        bits = posterior.sample(torch.Size([samples]))
        return -network.cost(image, bits) - posterior.log_prob(bits)

    def gradient_variance(
        self, image: Any, estimator: str | None = None, repeats: int = VARIANCE_REPEATS
    ) -> float:
        """Variance of an estimate of the gradient in an image's logits, summed over the bits.

        A mean over the images; of the model's own estimator if none is named.
        """
        image, network = self.pixels(image), self.autoencoder.average
        own = deepcopy(self.estimator)
        other = estimator is not None and estimator != self.config.estimator
        chosen = make_estimator(str(estimator), (self.config.latent,)) if other else own
        found = []
        for _ in range(repeats):
            logits = network.encode(image).detach().requires_grad_()
            with torch.enable_grad():
                expected = chosen.surrogate(
                    lambda bits: network.cost(image, bits), bernoullis(logits), self.config.draws
                )
                (slope,) = torch.autograd.grad(expected, logits)
            found.append(slope * len(image))  # the surrogate is a mean over the images
        return torch.stack(found).var(dim=0).sum(dim=1).mean().item()

    def own_measures(self) -> Metrics:
        """Bounds, bits, reconstructions, and the variance of the estimator's gradient."""
        images = measures.test_images(self)
        with torch.no_grad():
            logits = self.autoencoder.average.encode(images)
            # a bit that is the same for all images is in no use, and its logit is infinite
            used = entropy_of_bits(logits.sigmoid().mean(dim=0).logit(eps=1e-6)[None])
        found = measures.bounds(self) | measures.reconstruction(self)
        return found | {
            "evaluation/code_entropy_bits": entropy_of_bits(logits).mean().item() / math.log(2),
            "evaluation/used_bits": used.item() / math.log(2),
            "evaluation/gradient_variance_nats2": self.gradient_variance(images[:VARIANCE_IMAGES]),
        }

    def latent_figures(self) -> dict[str, Any]:
        """None: bits have no plane and no way to the prior."""
        return {}


def entropy_of_bits(logits: Float[Tensor, "B K"]) -> Float[Tensor, " B"]:
    """Of independent bits with these logits [nats]."""
    return (F.softplus(logits) - logits * logits.sigmoid()).sum(dim=-1)
