"""What autoencoders of sentences share: words, objectives with adversaries, measures.

Beside ``vae`` and ``deterministic`` (``autoencoder.py``) there are ``denoising``, words hidden from
the encoder and a critic between codes and a standard normal prior (Shen et al. 2020), and
``adversarial``, where a generator makes the prior (ARAE, Zhao et al. 2018).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hringur.checks import check_not_negative, check_positive
from hringur.data.molecules.strings import StringSet
from hringur.data.sentences.words import Words, sentence_strings
from hringur.evaluators.strings import StringDomain
from hringur.generative.rewriting.language_model import TrigramModel
from hringur.generative.sequences.adversaries import CodeCritic
from hringur.generative.sequences.autoencoder import StringAutoencoder, channel
from hringur.generative.sequences.batches import Sequences
from hringur.generative.sequences.model import WHILE_TRAINING
from hringur.generative.sequences.networks import WordEncoder
from hringur.generative.sequences.settings import SequenceConfig
from hringur.training.random_state import undisturbed
from hringur.types import Metrics


@dataclass(frozen=True, kw_only=True)
class SentenceConfig(SequenceConfig):
    """How an autoencoder of sentences learns."""

    fewest: int = 2
    """how often a word must occur in the training sentences to be known"""

    batch: int = 64
    hidden: int = 192
    encoder_hidden: int = 192
    """numbers of a word, and units of the encoder's recurrence"""

    embedding: int = 64
    input_dropout: float = 0.2
    token_dropout: float = 0.2

    critic_width: int = 256
    """units of the critic's layers, the generator's and the classifier's"""

    critic_lr: float = 5e-4
    """Adam's learning rate of these"""

    critic_weight: float = 1.0
    """of the critic's output in the encoder's loss (denoising, adversarial)"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "fewest", "critic_width", "critic_lr")
        check_not_negative(self, "critic_weight")


class SentenceModel(StringAutoencoder):
    """An autoencoder of sentences."""

    grammar: Words
    encoder = WordEncoder
    grammar_class = Words
    own_headline = "evaluation/words_kept_percent"
    larger_is_better = frozenset({own_headline})

    def named(self, dataset: str) -> StringSet:
        """Sentences of all styles."""
        return sentence_strings(dataset, self.config.fewest)

    @cached_property
    def domain(self) -> StringDomain:
        """How long sentences are, and how far they surprise a trigram model."""

        def surprise(sentences: Sequence[str]) -> np.ndarray:
            return np.array([self.trigrams.surprise(tuple(one.split())) for one in sentences])

        def words(sentences: Sequence[str]) -> np.ndarray:
            return np.array([float(len(one.split())) for one in sentences])

        return StringDomain(
            canonical=lambda sentence: sentence or None,
            properties={"words": words, "surprise": surprise},
        )

    @cached_property
    def trigrams(self) -> TrigramModel:
        """Of the training sentences."""
        return TrigramModel.of([tuple(one.split()) for one in self.strings.train])

    def build_networks(self) -> None:
        """Encoder and decoder, and the critic where the objective has one."""
        super().build_networks()
        self.critic: CodeCritic | None = None
        if self.config.objective in ("denoising", "adversarial"):
            self.critic = CodeCritic(self, self.config.objective == "adversarial")

    def through_noise(
        self, code: Float[Tensor, "B Z"], scale: Float[Tensor, "B Z"] | None
    ) -> tuple[Float[Tensor, "B Z"], Float[Tensor, ""]]:
        """With a critic the noise is always the weakest."""
        if self.critic is None:
            return super().through_noise(code, scale)
        strength = torch.tensor(self.config.least_noise)
        return channel(code, strength, torch.randn_like(code)), code.new_zeros(())

    def against(
        self, code: Float[Tensor, "B Z"], batch: Sequences
    ) -> tuple[Float[Tensor, ""], Metrics]:
        """What the critic asks."""
        if self.critic is None:
            return super().against(code, batch)
        asked, metrics = self.critic.against(code, self.factor)
        return self.config.critic_weight * asked, metrics

    def prior(self, count: int, generator: torch.Generator) -> Float[Tensor, "B Z"]:
        """Standard normal codes, or those of the generator."""
        noise = super().prior(count, generator)
        if self.critic is None or self.critic.generator is None:
            return noise
        with torch.no_grad():
            return self.critic.generator.average(noise.to(self.fabric.device)).cpu()

    def evaluate(self) -> Metrics:
        """Also how many words of held-out sentences are written again."""
        found = super().evaluate()
        with undisturbed():
            again = self.reconstruct(self.test[:WHILE_TRAINING])
        kept = [kept_share(*pair) for pair in zip(self.strings.test, again, strict=False)]
        return found | {"evaluation/words_kept_percent": 100 * float(np.mean(kept))}


def kept_share(sentence: str, made: str) -> float:
    """Share of the words of a sentence that stand in another one, anywhere."""
    words = sentence.split()
    return (Counter(words) & Counter(made.split())).total() / max(1, len(words))
