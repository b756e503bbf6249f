"""What every model of strings shares: reading and writing them, samples, measures, pictures.

model = GrammarVAE("molecules", seed=1).fit(seconds=300)
strings = model.sample(8, density="fitted")
"""

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor

from hringur.data.molecules.grammar import Grammar
from hringur.data.molecules.strings import StringSet, load_strings
from hringur.evaluators.strings import DOMAINS, OTHER, StringDomain, StringEvaluator
from hringur.generative.base import DensityName, GenerativeModel
from hringur.generative.sequences import pictures
from hringur.generative.sequences.batches import SequenceBatches, Sequences
from hringur.generative.sequences.derivations import (
    Derivations,
    GrammarDerivations,
    GrammarTables,
)
from hringur.generative.sequences.valence import MoleculeDerivations, MoleculeTables
from hringur.training.fabric import rank, world_size
from hringur.training.random_state import undisturbed
from hringur.types import Metrics, State, UserError

Mask = Literal["grammar", "valence"]

AT_ONCE = 500
"""Strings that pass through a network together outside of training."""

CODES_FOR_DENSITY = 10_000
WHILE_TRAINING = 500
"""Held-out strings that are reconstructed, and samples that are drawn, at each evaluation."""


class SequenceModel(GenerativeModel):
    """A generative model of strings."""

    saved_as = "sequence_model"
    of = "strings"
    evaluation = "hringur.commands.evaluate.strings:main"
    grammar_class: ClassVar[type[Grammar]] = Grammar
    own_headline: ClassVar[str] = "evaluation/reconstructed_percent"
    larger_is_better: ClassVar[frozenset[str]] = frozenset({own_headline})

    def __init__(
        self,
        dataset: str | StringSet = "molecules",
        config: Any = None,
        *,
        grammar: Grammar | None = None,
        longest: int | None = None,
        seed: int = 0,
        device: str = "auto",
        fabric: Fabric | None = None,
    ) -> None:
        """Load the strings and draw the first weights.

        ``dataset`` is a name for ``load_strings``, or a ``StringSet``. ``grammar`` and ``longest``,
        the most tokens of a string, are those of the training strings when not given.
        """
        super().__init__(config, seed=seed, device=device, fabric=fabric)
        self.strings = self.named(dataset) if isinstance(dataset, str) else dataset
        self.grammar = grammar or self.own_grammar()
        self.longest = longest or int(self.train.length.max())
        torch.manual_seed(seed)
        self.build_networks()

    # What a model states itself ---------------------------------------------------------------

    @abstractmethod
    def codes(self, tokens: Sequences) -> Float[Tensor, "B Z"]:
        """The code of each sequence by the averaged encoder, the mean where codes are random."""

    @abstractmethod
    def write(
        self,
        latent: Float[Tensor, "B Z"],
        derivations: Derivations,
        temperature: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Sequences:
        """Sequences by the averaged decoder; at temperature 0 the likeliest token each time."""

    def noised(
        self, latent: Float[Tensor, "B Z"], generator: torch.Generator
    ) -> Float[Tensor, "B Z"]:
        """Codes drawn from a density as the decoder is to see them."""
        return latent

    # What a model may override ----------------------------------------------------------------

    @property
    def usual_mask(self) -> Mask:
        """What strings are written under where no mask is named."""
        return "grammar"

    def named(self, dataset: str) -> StringSet:
        """The set of strings of this name."""
        return load_strings(dataset)

    def own_grammar(self) -> Grammar:
        """The grammar whose rules are the tokens."""
        return self.strings.grammar

    @cached_property
    def domain(self) -> StringDomain:
        """What is known of the strings."""
        return DOMAINS.get(self.strings.name, OTHER)

    # Strings and codes ------------------------------------------------------------------------

    @cached_property
    def train(self) -> Sequences:
        """The training strings as tokens."""
        rules = self.grammar.encode(self.strings.train)
        return Sequences.of(rules, self.fabric.device, self.strings.train_styles)

    @cached_property
    def test(self) -> Sequences:
        """The first held-out strings as tokens."""
        few = slice(2 * CODES_FOR_DENSITY)
        styles = self.strings.test_styles
        rules = self.grammar.encode(self.strings.test[few])
        return Sequences.of(rules, self.fabric.device, None if styles is None else styles[few])

    @cached_property
    def _tables(self) -> dict[str, Any]:
        found: dict[str, Any] = {"grammar": GrammarTables(self.grammar, self.fabric.device)}
        if self.grammar.name == "molecules":
            found["valence"] = MoleculeTables(self.grammar, self.fabric.device)
        return found

    @property
    def masks(self) -> tuple[str, ...]:
        """Masks that fit the grammar."""
        return tuple(self._tables)

    def derivations(self, count: int, mask: Mask | None = None) -> Derivations:
        """So many empty strings; ``mask`` is that of the settings when not given."""
        mask = mask or self.usual_mask
        if mask not in self._tables:
            raise UserError(f"mask valence is for rules of molecules, not for {self.grammar.name}")
        kind = MoleculeDerivations if mask == "valence" else GrammarDerivations
        return kind(self._tables[mask], count, self.longest)

    def sequences(self, strings: Sequence[str]) -> Sequences:
        """Strings as tokens.

        Raises:
            UserError: a string is outside the grammar, or longer than any that was learned.
        """
        rules = self.grammar.encode(strings)
        for string, found in zip(strings, rules, strict=True):
            if len(found) > self.longest:
                raise UserError(
                    f"{string!r} has {len(found)} tokens, the model knows {self.longest}"
                )
        return Sequences.of(rules, self.fabric.device)

    @torch.no_grad()
    def encode(self, strings: Any) -> Float[Tensor, "B Z"]:
        """The code of each string; strings may also be given as ``Sequences``.

        Raises:
            UserError: a string is outside the grammar, or longer than any that was learned.
        """
        if not isinstance(strings, Sequences):
            strings = self.sequences(strings)
        parts = range(0, len(strings), AT_ONCE)
        return torch.cat([self.codes(strings[first : first + AT_ONCE]) for first in parts])

    @torch.no_grad()
    def decode(self, latent: Float[Tensor, "B Z"], mask: Mask | None = None) -> list[str]:
        """The likeliest string of each code, token by token."""
        found = []
        for part in latent.to(self.fabric.device).split(AT_ONCE):
            found += self.write(part, self.derivations(len(part), mask)).lists()
        return [self.grammar.string(rules) for rules in found]

    def sample(
        self,
        count: int,
        *,
        density: DensityName = "prior",
        seed: int | None = None,
        mask: Mask | None = None,
    ) -> list[str]:
        """New strings; other ones at each call without a ``seed``.

        Codes come from the ``prior``, or from a mixture ``fitted`` to the training codes.
        """
        latent = self.draw(count, density, seed)
        generator = torch.Generator().manual_seed(0 if seed is None else seed + 1)
        return self.decode(self.noised(latent, generator), mask)

    def reconstruct(self, strings: Any) -> list[str]:
        """Each string, encoded and decoded."""
        return self.decode(self.encode(strings))

    def codes_for_density(self) -> Float[Tensor, "N Z"]:
        """Codes of training strings."""
        if not self.strings.train:
            return torch.zeros(0, 1)
        return self.encode(self.train[:CODES_FOR_DENSITY])

    # Training and evaluation ------------------------------------------------------------------

    def batches(self) -> SequenceBatches:
        """Endless batches of training strings of nearly one length."""
        name, config = self.strings.name, self.config
        return SequenceBatches(self.train, config.batch, self.seed, name, rank(), world_size())

    def reconstructed_percent(self, count: int) -> float:
        """Share of the first held-out strings that are written again exactly [%]."""
        few = self.strings.test[:count]
        same = [a == b for a, b in zip(few, self.reconstruct(self.test[:count]), strict=True)]
        return 100 * sum(same) / len(few)

    def evaluate(self) -> Metrics:
        """Reconstruction of held-out strings, and how many samples of the prior are valid."""
        if not self.strings.test:
            raise UserError("there are no held-out strings: load with a data set")
        with undisturbed():
            made = self.sample(min(WHILE_TRAINING, len(self.strings.test)), seed=0)
            valid = [self.domain.canonical(one) for one in made]
            real = [one for one in valid if one is not None]
            return {
                "evaluation/reconstructed_percent": self.reconstructed_percent(WHILE_TRAINING),
                "evaluation/valid_percent": 100 * len(real) / len(made),
                "evaluation/unique_percent": 100 * len(set(real)) / max(1, len(real)),
            }

    def evaluator(self, count: int) -> StringEvaluator:
        """Compares samples with ``count`` held-out strings of the model's data set."""
        return StringEvaluator(self.strings, count, self.domain)

    def untrained(self) -> Any:
        """A model of the same settings and seed before its first update."""
        with undisturbed():
            return type(self)(
                self.strings,
                self.config,
                grammar=self.grammar,
                longest=self.longest,
                seed=self.seed,
                fabric=self.fabric,
            )

    def figures(self) -> dict[str, Any]:
        """Samples and reconstructions as text, molecules as pictures too."""
        return pictures.figures(self)

    def write_pictures(self, folder: Path) -> list[Path]:
        """Drawn samples, and samples of a fitted density, where strings are drawn."""
        return pictures.write_pictures(self, folder)

    # Saving and loading -----------------------------------------------------------------------

    @classmethod
    def from_description(cls, about: State, config: Any, device: str, dataset: Any) -> Any:
        """A model with fresh weights for strings of the grammar told of."""
        grammar = cls.grammar_class(about["grammar"]["name"], about["grammar"]["text"])
        styles = tuple(about.get("styles", ()))  # older files name none
        none = StringSet(about["dataset"], grammar, (), (), styles=styles)
        strings = none if dataset is None else dataset
        return cls(strings, config, grammar=grammar, longest=about["longest"], device=device)

    def description(self) -> State:
        """Settings, data set and grammar."""
        return self.told() | {
            "dataset": self.strings.name,
            "grammar": {"name": self.grammar.name, "text": self.grammar.text},
            "longest": self.longest,
            "styles": list(self.strings.styles),
        }
