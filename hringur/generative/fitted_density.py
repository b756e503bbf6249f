"""A mixture fitted to the codes of the training images (Ghosh et al. 2020).

An autoencoder's codes never fill the prior exactly, and what lies between them was never trained.
The mixture samples only where codes are; as another model, its figures are reported apart.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hringur.types import State, optional

COMPONENTS = 25
BERNOULLI_ROUNDS = 60


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture of K distributions of codes; ``cholesky`` is None where a code is made of bits."""

    weight: Float[Tensor, " K"]
    mean: Float[Tensor, "K Z"]
    cholesky: Float[Tensor, "K Z Z"] | None

    def sample(self, count: int, generator: torch.Generator) -> Float[Tensor, "B Z"]:
        """Codes, on the CPU as the generator is."""
        component = torch.multinomial(self.weight, count, replacement=True, generator=generator)
        mean = self.mean[component]
        if self.cholesky is None:
            return (torch.rand(mean.shape, generator=generator) < mean).float()
        noise = torch.randn(mean.shape, generator=generator)
        return mean + torch.einsum("bij,bj->bi", self.cholesky[component], noise)

    def state_dict(self) -> State:
        """The mixture's parameters."""
        return {"weight": self.weight, "mean": self.mean, "cholesky": self.cholesky}


def scikit_learn_mixture() -> Any:
    """The module of scikit-learn, which is an extra."""
    return optional("sklearn.mixture", "a density fitted to the codes", "generative")


def fit_gaussians(
    codes: Float[Tensor, "N Z"], components: int = COMPONENTS, seed: int = 0
) -> Mixture:
    """A mixture of Gaussians with full covariances, fitted by scikit-learn."""
    GaussianMixture = scikit_learn_mixture().GaussianMixture
    from sklearn.exceptions import ConvergenceWarning

    mixture = GaussianMixture(
        min(components, max(1, len(codes) // (2 * codes.shape[1]))),
        max_iter=40,
        reg_covar=1e-4,
        random_state=seed,
    )
    with warnings.catch_warnings():  # nearly the best mixture serves as well
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(codes.double().cpu().numpy())
    return Mixture(
        torch.tensor(mixture.weights_, dtype=torch.float32),
        torch.tensor(mixture.means_, dtype=torch.float32),
        torch.linalg.cholesky(torch.tensor(mixture.covariances_)).float(),
    )


def fit_bernoullis(
    bits: Float[Tensor, "N Z"], components: int = COMPONENTS, seed: int = 0
) -> Mixture:
    """A mixture of independent bits, fitted by expectation maximisation."""
    bits = bits.float().cpu()
    generator = torch.Generator().manual_seed(seed)
    components = min(components, len(bits))
    first = torch.randperm(len(bits), generator=generator)[:components]
    mean = 0.25 + 0.5 * bits[first]
    weight = torch.full((components,), 1 / components)
    for _ in range(BERNOULLI_ROUNDS):
        joint = bits @ mean.log().T + (1 - bits) @ (-mean).log1p().T + weight.log()
        share = joint.softmax(dim=1)  # N K
        mass = share.sum(dim=0)
        # half a lit and half an unlit image each: a bit never seen is not impossible
        mean = (share.T @ bits + 0.5) / (mass[:, None] + 1)
        weight = (mass + 1e-3) / (mass + 1e-3).sum()
    return Mixture(weight, mean, None)
