"""Grammar autoencoder of strings (Kusner et al. 2017), variational or with noise of many strengths.

A string is the rules of its derivation, and the decoder chooses among rules that may follow.
``sequences/autoencoder.py`` has the objectives.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from hringur.checks import check_choice
from hringur.data.molecules.grammar import Grammar, characters
from hringur.generative.sequences.autoencoder import StringAutoencoder
from hringur.generative.sequences.model import Mask
from hringur.generative.sequences.settings import SequenceConfig


@dataclass(frozen=True, kw_only=True)
class GrammarVAEConfig(SequenceConfig):
    """Grammar autoencoder of molecules or expressions."""

    name: ClassVar[str] = "grammar-vae"
    usual_dataset: ClassVar[str] = "molecules"
    usual_samples: ClassVar[int] = 600_000

    tokens: Literal["rules", "characters"] = "rules"
    """what strings are written in: rules of their grammar, or characters, in any order"""

    mask: Mask = "grammar"
    """what may follow: what the grammar allows; with valence only what ends in a molecule"""

    objective: Literal["deterministic", "vae"] = "deterministic"
    """deterministic: codes without noise of their own, a density is fitted to them; vae: evidence
    lower bound"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "tokens", ("rules", "characters"))
        check_choice(self, "mask", get_args(Mask))
        check_choice(self, "objective", ("deterministic", "vae"))


class GrammarVAE(StringAutoencoder):
    """Strings as the rules of their grammar, or as characters."""

    settings = GrammarVAEConfig
    config: GrammarVAEConfig

    @property
    def usual_mask(self) -> Mask:
        """That of the settings."""
        return self.config.mask

    def own_grammar(self) -> Grammar:
        """Of the set, or of its characters."""
        if self.config.tokens == "characters":
            return characters(self.strings.name, self.strings.train)
        return self.strings.grammar
