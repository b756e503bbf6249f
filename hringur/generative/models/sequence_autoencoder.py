"""Autoencoder of sentences: variational, deterministic, denoising or adversarial.

``sequences/sentences.py`` and ``sequences/autoencoder.py`` have the four objectives.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from hringur.checks import check_choice
from hringur.generative.sequences.sentences import SentenceConfig, SentenceModel

Objective = Literal["deterministic", "vae", "denoising", "adversarial"]


@dataclass(frozen=True, kw_only=True)
class SequenceAutoencoderConfig(SentenceConfig):
    """Autoencoder of sentences."""

    name: ClassVar[str] = "sequence-autoencoder"
    usual_dataset: ClassVar[str] = "topics"
    usual_samples: ClassVar[int] = 300_000

    objective: Objective = "deterministic"
    """deterministic: codes without noise of their own, a density is fitted to them; vae: evidence
    lower bound; denoising: a critic holds codes to a normal law; adversarial: to a generator's"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "objective", get_args(Objective))


class SentenceAutoencoder(SentenceModel):
    """Sentences behind codes, whatever their style."""

    settings = SequenceAutoencoderConfig
    config: SequenceAutoencoderConfig
