"""WAE-MMD: the relaxed transport problem (Tolstikhin et al. 2018, algorithm 2).

    E_x E_{z ~ Q(z|x)} c(x, G(z)) + lambda * MMD^2_k(Q_Z, P_Z)

The divergence is the unbiased estimate of the squared maximum mean discrepancy, with inverse
multiquadratic kernels at several scales.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from hringur.checks import check_positive
from hringur.divergences.kernels import HIGHEST_POWER, Kernels, mmd_to_normal
from hringur.generative.matching import MatchingAutoencoder, MatchingConfig
from hringur.types import UserError


@dataclass(frozen=True, kw_only=True)
class WAEMMDConfig(MatchingConfig):
    """Wasserstein autoencoder whose codes match the prior by kernels."""

    name: ClassVar[str] = "wae-mmd"
    usual_samples: ClassVar[int] = 2_000_000

    batch: int = 100
    """images of an update; the kernels compare all codes of a batch"""

    lr: float = 1.4e-3
    """Adam's learning rate, before it decays"""

    reconstruction: float = 0.3
    """weight of that cost, a sum over the pixels of an image; the authors' 0.05 blurs more"""

    strength: float = 50.0
    """lambda, the weight of the divergence from the prior"""

    kernel_scales: tuple[float, ...] = (0.1, 0.2, 0.5, 1.0)
    """of the inverse multiquadratic kernels, as shares of the one that fits the prior"""

    kernel_power: float = 4.0
    """to which they are raised; the authors' 1, with scales from 0.1 to 10 and a strength of 10,
    overlooks the gaps between kinds of images"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "kernel_power")
        if self.kernel_power > HIGHEST_POWER:
            raise UserError(
                f"kernel_power must be at most {HIGHEST_POWER:g}, got {self.kernel_power}"
            )
        scales = self.kernel_scales
        if not scales or not all(0 < scale < math.inf for scale in scales):
            raise UserError(f"kernel_scales must be positive numbers, got {scales}")

    @property
    def kernels(self) -> Kernels:
        """The kernels that compare codes with the prior."""
        return Kernels(tuple(self.kernel_scales), self.kernel_power)


class WAEMMD(MatchingAutoencoder):
    """Reconstructions, and codes distributed as the prior is, by kernels."""

    settings = WAEMMDConfig
    config: WAEMMDConfig
    divergence_tag = "model/mmd"

    def divergence(self, code: Float[Tensor, "B Z"]) -> Float[Tensor, ""]:
        """The squared maximum mean discrepancy of codes and prior, estimated without bias."""
        return mmd_to_normal(code, self.config.kernels)
