"""Autoencoder with a code of K bits b ~ Bernoulli(sigmoid(l(x))), trained by any estimator.

    -ELBO(x) = E_{b ~ q(b|x)}[f(b)] - H(q(.|x)),    f(b) = -log p(x|b) - log p(b)

The entropy H has a closed form; the gradient of the expectation comes from an estimator of
``hringur.estimators``. VIMCO's bound has log q(b|x) within f instead of the entropy.
"""

import math
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from hringur.checks import check_choice, check_not_negative, check_positive, check_share
from hringur.estimators.catalogue import ESTIMATORS, check_estimator, make_estimator
from hringur.estimators.distributions import bernoullis
from hringur.generative import measures
from hringur.generative.batches import Batch
from hringur.generative.fitted_density import Mixture, fit_bernoullis
from hringur.generative.model import ImageModel, in_parts
from hringur.generative.networks import Autoencoder, Decoder, Encoder
from hringur.generative.pixels import LIKELIHOODS, LikelihoodName, PixelLikelihood
from hringur.generative.settings import ImageModelConfig
from hringur.types import Metrics

BitPriorName = Literal["coins", "belief-network"]

VARIANCE_IMAGES = 50
"""Held-out images on which the gradient's variance is measured."""


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
    """estimator of the gradient through the bits, by its name in hringur.estimators"""

    draws: int = 4
    """codes drawn for an image; of the antithetic estimators (arm, disarm), pairs"""

    entropy_bonus: float = 3.0
    """added to the entropy's weight of 1 at first, so that bits are not decided too early; decays
    linearly to zero"""

    entropy_share: float = 0.25
    """share of the budget over which it decays [0 .. 1]"""

    prior: BitPriorName = "belief-network"
    """coins: fair and independent; belief-network: each bit knows those before it, learned"""

    likelihood: LikelihoodName = "bernoulli"
    """distribution of the pixels, given a code"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "estimator", tuple(ESTIMATORS))
        check_choice(self, "prior", get_args(BitPriorName))
        check_choice(self, "likelihood", LIKELIHOODS)
        check_positive(self, "draws")
        check_not_negative(self, "entropy_bonus")
        check_share(self, "entropy_share")
        check_estimator(self.estimator, self.draws, "bernoulli", "bits")

    def entropy_weight(self, progress: float) -> float:
        """Weight of the entropy at this share of the budget; the bound's own is 1."""
        left = 1 - progress / self.entropy_share if progress < self.entropy_share else 0.0
        return 1 + self.entropy_bonus * left


class BitPrior(nn.Module):
    """log p(b) of fair coins, or of a fully visible belief network (Frey 1998).

    It is also defined between the bits, for relaxations.
    """

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
        """A code from each row of uniform numbers, one bit after the other."""
        bits, weight = torch.zeros_like(uniform), self.weight.tril(-1)
        for k in range(uniform.shape[1]):
            logit = (2 * bits[:, :k] - 1) @ weight[k, :k] + self.bias[k]
            bits[:, k] = (uniform[:, k] < logit.sigmoid()).float()
        return bits


class DiscreteNetwork(nn.Module):
    """Encoder, decoder, prior and learned part of the estimator, trained by one optimiser."""

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
    """Trained on its evidence lower bound, by an estimator of the gradient through the bits."""

    settings = DiscreteAutoencoderConfig
    config: DiscreteAutoencoderConfig
    own_headline = "evaluation/elbo_nats"
    larger_is_better = frozenset({own_headline})

    def build_networks(self) -> None:
        """Build encoder, decoder, prior and the learned part of the estimator as one network."""
        config = self.config
        self.estimator = make_estimator(config.estimator, (config.latent,))
        encoder = Encoder(self.shape, config.latent, config.architecture)
        decoder = Decoder(config.latent, self.shape, config.architecture)
        prior, learned = BitPrior(config.latent, config.prior), self.estimator.learned
        autoencoder = Autoencoder(encoder, decoder)
        network = DiscreteNetwork(autoencoder, prior, config.likelihood, learned)
        self.autoencoder = self.add_network("autoencoder", network)

    def loss(
        self, image: Float[Tensor, "B C H W"], entropy_weight: float = 1.0
    ) -> tuple[Float[Tensor, ""], Metrics]:
        """Minus the evidence lower bound per image [nats], with the estimator's gradient."""
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
        """Make one gradient step."""
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
        """The averaged decoder's logits of the pixels."""
        return self.autoencoder.average.decode(latent)

    def prior(self, count: int, generator: torch.Generator) -> Float[Tensor, "B Z"]:
        """Codes drawn from the learned prior, or from fair coins."""
        uniform = torch.rand(count, self.config.latent, generator=generator)
        return self.autoencoder.average.prior.decide(uniform.to(self.fabric.device))

    @classmethod
    def check_extras(cls) -> None:
        """Do nothing: the mixture of bits needs no extra."""

    def fit_density(self, codes: Float[Tensor, "N Z"]) -> Mixture:
        """A mixture of independent bits."""
        return fit_bernoullis(codes, seed=self.seed)

    @torch.no_grad()
    def log_weights(self, image: Any, samples: int) -> Float[Tensor, "S B"]:
        """Log p(x, b) - log q(b|x) of codes drawn from q(b|x) [nats]; the mean is the ELBO."""
        image, network = self.pixels(image), self.autoencoder.average
        posterior = bernoullis(network.encode(image))
        bits = posterior.sample(torch.Size([samples]))
        return -network.cost(image, bits) - posterior.log_prob(bits)

    def gradient_variance(
        self, image: Any, estimator: str | None = None, repeats: int = 20
    ) -> float:
        """Variance of the model's or of another estimator's gradient in an image's logits.

        It is a sum over the bits and a mean over the images.
        """
        image, network = self.pixels(image), self.autoencoder.average
        other = estimator not in (None, self.config.estimator)
        latent = (self.config.latent,)
        chosen = make_estimator(str(estimator), latent) if other else deepcopy(self.estimator)
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
        """Bounds, bits in use, reconstruction error, and the variance of the gradient."""
        images = measures.test_images(self)
        with torch.no_grad():
            logits = self.autoencoder.average.encode(images)
            # a bit that is the same for all images is not used, and its logit is infinite
            used = entropy_of_bits(logits.sigmoid().mean(dim=0).logit(eps=1e-6)[None])
        found = measures.bounds(self) | measures.reconstruction(self)
        return found | {
            "evaluation/code_entropy_bits": entropy_of_bits(logits).mean().item() / math.log(2),
            "evaluation/used_bits": used.item() / math.log(2),
            "evaluation/gradient_variance_nats2": self.gradient_variance(images[:VARIANCE_IMAGES]),
        }

    def latent_figures(self) -> dict[str, Any]:
        """No pictures, as bits have neither axes nor transport to the prior."""
        return {}


def entropy_of_bits(logits: Float[Tensor, "B K"]) -> Float[Tensor, " B"]:
    """Entropy of independent bits with these logits [nats]."""
    return (F.softplus(logits) - logits * logits.sigmoid()).sum(dim=-1)
