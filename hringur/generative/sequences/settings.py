"""Settings that autoencoders of sequences share: their sizes, their noise, how they learn."""

from dataclasses import dataclass

from hringur.checks import check_not_negative, check_positive, check_share
from hringur.generative.settings import ModelConfig
from hringur.types import UserError


@dataclass(frozen=True, kw_only=True)
class SequenceConfig(ModelConfig):
    """How an autoencoder of sequences learns."""

    latent: int = 128
    """numbers in a code"""

    hidden: int = 128
    """units of the decoder's recurrence"""

    encoder_hidden: int = 384
    """units of the encoder's layers"""

    plan: int = 64
    """numbers that the code says of each place"""

    embedding: int = 32
    """numbers of a token"""

    lr: float = 2e-3
    lr_warm_up: int = 200
    beta1: float = 0.9
    beta2: float = 0.99
    average_decay: float = 0.99

    least_noise: float = 0.1
    """weakest noise on a code, its numbers having variance 1 (deterministic)"""

    most_noise: float = 5.0
    """strongest noise on a code (deterministic)"""

    sample_noise: float = 3.0
    """noise on codes that are drawn from a density (deterministic)"""

    beta: float = 1.0
    """weight of the rate (vae)"""

    token_dropout: float = 0.0
    """share of tokens before that are hidden from the decoder (Bowman et al. 2016)"""

    input_dropout: float = 0.0
    """share of tokens that are hidden from the encoder: denoising (Shen et al. 2020)"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "hidden", "encoder_hidden", "plan", "embedding")
        check_positive(self, "least_noise", "most_noise")
        check_not_negative(self, "sample_noise", "beta")
        check_share(self, "token_dropout", "input_dropout")
        if self.least_noise > self.most_noise:
            raise UserError(
                f"least_noise must be at most most_noise, {self.most_noise}, got {self.least_noise}"
            )
