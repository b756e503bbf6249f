"""Sentences of one style rewritten in another, behind a code, with no pairs to learn from.

    model = TextStyle("verses", TextStyleConfig(method="arae")).fit(seconds=600)
    model.rewrite([("thou", "art", "wise", ".")], to="modern")

``arae`` (Zhao et al. 2018): an adversary of the code takes the style out of it, and the decoder is
told the style to write. ``denoising-transport``: a denoising autoencoder (Shen et al. 2020) leaves
the style in the code, and afterwards a light bridge (Korotin et al. 2024) is fitted between the
codes of two styles; the code is moved to the mean of the plan.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hringur.checks import check_between, check_choice, check_not_negative, check_positive
from hringur.data.sentences.styles import Sentence
from hringur.data.sentences.words import UNKNOWN
from hringur.divergences.light_bridge import LightBridge
from hringur.generative.applications.transport import light_bridge
from hringur.generative.rewriting.language_model import TrigramModel
from hringur.generative.sequences.adversaries import StyleClassifier
from hringur.generative.sequences.batches import Sequences
from hringur.generative.sequences.pictures import SHOWN
from hringur.generative.sequences.sentences import SentenceConfig, SentenceModel, kept_share
from hringur.training.random_state import undisturbed
from hringur.types import Metrics, State, UserError

Method = Literal["arae", "denoising-transport"]

OBJECTIVES: Mapping[Method, str] = {"arae": "adversarial", "denoising-transport": "denoising"}
MEASURED = 200
"""Held-out sentences of each style that are rewritten at an evaluation."""


@dataclass(frozen=True, kw_only=True)
class TextStyleConfig(SentenceConfig):
    """Sentences of one style rewritten in another, without pairs."""

    name: ClassVar[str] = "text-style"
    usual_dataset: ClassVar[str] = "verses"
    usual_samples: ClassVar[int] = 300_000

    method: Method = "arae"
    """arae: code without style, decoder of each style; denoising-transport: codes are moved"""

    style_weight: float = 10.0
    """of the classifier of style in the encoder's loss (arae)"""

    parts: int = 20
    """Gaussians of the light bridge (denoising-transport)"""

    epsilon: float = 1.0
    """entropy of its plan, in units of half the squared distance of codes"""

    bridge_steps: int = 1000
    """updates of the bridge"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "method", get_args(Method))
        check_not_negative(self, "style_weight")
        check_positive(self, "parts", "bridge_steps")
        check_between(self, "epsilon", 1e-3, 1e3)  # beyond, exponents leave float32

    @property
    def objective(self) -> str:
        """The autoencoder's."""
        return OBJECTIVES[self.method]


class TextStyle(SentenceModel):
    """An autoencoder of sentences that writes in a style that is asked for."""

    settings = TextStyleConfig
    config: TextStyleConfig
    own_headline = "evaluation/style_and_words_percent"
    larger_is_better = frozenset({own_headline})

    def build_networks(self) -> None:
        """Those of the autoencoder, and the classifier of style."""
        if len(self.styles) < 2:
            raise UserError(f"text-style needs two styles or more, {self.strings.name} has none")
        super().build_networks()
        self.classifier = StyleClassifier(self, len(self.styles)) if self.styles_told else None
        self.bridges: dict[tuple[str, str], LightBridge] = {}

    @property
    def styles(self) -> tuple[str, ...]:
        """Names of the styles."""
        return self.strings.styles

    @property
    def styles_told(self) -> int:
        """Those that the decoder is told of."""
        return len(self.styles) if self.config.method == "arae" else 0

    # Training ---------------------------------------------------------------------------------

    def with_style(self, latent: Float[Tensor, "B Z"], batch: Sequences) -> Float[Tensor, "B Y"]:
        """Beside each code a number for each style, all zero where the style is not known."""
        if not self.styles_told:
            return latent
        if batch.style is None:
            return F.pad(latent, (0, self.styles_told))
        return torch.cat([latent, F.one_hot(batch.style, self.styles_told).to(latent)], dim=1)

    def against(
        self, code: Float[Tensor, "B Z"], batch: Sequences
    ) -> tuple[Float[Tensor, ""], Metrics]:
        """What critic and classifier ask."""
        asked, metrics = super().against(code, batch)
        if self.classifier is None or batch.style is None:
            return asked, metrics
        more, told = self.classifier.against(code, batch.style, self.factor)
        return asked + self.config.style_weight * more, metrics | told

    def update(self, batch: Sequences, progress: float) -> Metrics:
        """Make one gradient step of each network; bridges of former weights are forgotten."""
        self.bridges = {}
        return super().update(batch, progress)

    def prior(self, count: int, generator: torch.Generator) -> Float[Tensor, "B Y"]:
        """Codes of the prior, with the styles in turn where the decoder is told one."""
        code = super().prior(count, generator)
        style = torch.arange(count) % len(self.styles)
        return self.with_style(code, Sequences(code.new_zeros(count, 1).long(), style))

    # Rewriting --------------------------------------------------------------------------------

    @torch.no_grad()
    def rewrite(
        self, sentences: Sequence[Sentence], to: str, source: str | None = None
    ) -> list[Sentence]:
        """Each sentence in the style ``to``; unknown words of it take the place of unknown ones.

        ``source``: style of the sentences; all others together when not given.
        """
        tokens = self.sequences([" ".join(one) for one in sentences])
        if self.styles_told:
            style = torch.full((len(tokens),), self.styles.index(to), device=self.fabric.device)
            code = self.encode(Sequences(tokens.tokens, style))
        else:
            moved = self._bridge(source, to).barycentre(self.encode(tokens))
            code = F.layer_norm(moved, moved.shape[1:])
        written = [made.split() for made in self.decode(code)]
        return [self._named(*pair) for pair in zip(written, sentences, strict=True)]

    def _named(self, made: Sequence[str], sentence: Sentence) -> Sentence:
        """The unknown words of ``made`` in their order from ``sentence``, left out if too many."""
        unknown = iter([word for word in sentence if word not in self.grammar.number])
        named = (next(unknown, UNKNOWN) if word == UNKNOWN else word for word in made)
        return tuple(word for word in named if word != UNKNOWN)

    def _bridge(self, source: str | None, to: str) -> LightBridge:
        """The plan from codes of one style to those of another, fitted once for these weights."""
        key = source or "", to
        if key not in self.bridges:
            style, target = self.train.style, self.styles.index(to)
            if style is None:
                raise UserError("a bridge is fitted to codes of sentences; load with a data set")
            others = style != target
            if source is not None:
                others = style == self.styles.index(source)
            sides = others, style == target
            x, y = (self.encode(self.train[rows.nonzero()[:, 0]]) for rows in sides)
            config = self.config
            with torch.enable_grad():
                self.bridges[key] = light_bridge(
                    x, y, config.epsilon, self.seed, config.parts, config.bridge_steps, batch=128
                )
        return self.bridges[key]

    # Measures and pictures --------------------------------------------------------------------

    @cached_property
    def language_models(self) -> dict[str, TrigramModel]:
        """A language model of each style; the one that a sentence surprises least names it."""
        found: dict[str, list[Sentence]] = {style: [] for style in self.styles}
        styles = self.strings.train_styles
        numbers = () if styles is None else styles.tolist()
        for sentence, style in zip(self.strings.train, numbers, strict=True):
            found[self.styles[style]].append(tuple(sentence.split()))
        return {style: TrigramModel.of(sentences) for style, sentences in found.items()}

    def held_out(self, style: str, count: int) -> list[Sentence]:
        """The first held-out sentences of a style."""
        number = self.styles.index(style)
        rows = np.flatnonzero(self.strings.test_styles == number)[:count]
        return [tuple(self.strings.test[row].split()) for row in rows]

    def evaluate(self) -> Metrics:
        """Also of held-out sentences rewritten in the next style: style, words, and both."""
        found = super().evaluate()
        style, kept, models = [], [], self.language_models
        with undisturbed():
            for source, to in self._turns():
                given = self.held_out(source, MEASURED)
                for sentence, made in zip(given, self.rewrite(given, to, source), strict=True):
                    by = {name: one.surprise(made) for name, one in models.items()}
                    style.append(min(by, key=lambda name: by[name]) == to)
                    kept.append(kept_share(" ".join(sentence), " ".join(made)))
        return found | {
            "evaluation/style_percent": 100 * float(np.mean(style)),
            "evaluation/source_words_percent": 100 * float(np.mean(kept)),
            "evaluation/style_and_words_percent": 100 * float(np.mean(np.multiply(style, kept))),
        }

    def _turns(self) -> list[tuple[str, str]]:
        return list(zip(self.styles, (*self.styles[1:], self.styles[0]), strict=True))

    def figures(self) -> dict[str, Any]:
        """Also held-out sentences in the next style, as text."""
        lines = ["| held out | as | rewritten |", "|---|---|---|"]
        for source, to in self._turns():
            given = self.held_out(source, SHOWN // 2)
            made = self.rewrite(given, to, source)
            for pair in zip(given, made, strict=True):
                before, after = map(" ".join, pair)
                lines.append(f"| {before} | {to} | {after} |")
        return super().figures() | {"strings/rewritten": "\n".join(lines)}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        super().load_state_dict(state)
        self.bridges = {}
