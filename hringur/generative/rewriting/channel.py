"""Rewriting as a noisy channel (Brown et al. 1993), learned without pairs.

First each word takes the form that the target style has (``forms``), then phrases are substituted
(``search``). The edges of a sentence are words there, so that what begins or ends sentences of one
style only is learned as any phrase.
"""

from collections.abc import Iterable, Sequence

from hringur.data.sentences.styles import Sentence
from hringur.generative.rewriting.forms import WordForms
from hringur.generative.rewriting.search import ChannelConfig, PhraseSearch

EDGES = "<s>", "</s>"
"""No words of a sentence look like this."""


class PhraseChannel:
    """Rewrites sentences of one style in another."""

    def __init__(
        self,
        source: Sequence[Sentence],
        target: Sequence[Sentence],
        config: ChannelConfig | None = None,
        recounts: bool = True,
    ) -> None:
        """Learn from sentences of both styles, no two of which need belong together.

        ``recounts``: learn again from own rewritings, both ways.
        """
        self.forms = WordForms(source, target)
        self.search = PhraseSearch(self._prepared(source), _edged(target), config, recounts)

    def rewrite(self, sentences: Sequence[Sentence]) -> list[Sentence]:
        """Each sentence in the target style; unknown words stay."""
        made = self.search.rewrite(self._prepared(sentences))
        return [tuple(word for word in sentence if word not in EDGES) for sentence in made]

    def _prepared(self, sentences: Iterable[Sentence]) -> list[Sentence]:
        return _edged(self.forms.rewrite(sentences))


def _edged(sentences: Iterable[Sentence]) -> list[Sentence]:
    return [(EDGES[0], *sentence, EDGES[1]) for sentence in sentences]
