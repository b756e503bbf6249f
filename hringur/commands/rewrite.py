"""``hringur rewrite "SENTENCE" --to modern --dataset verses``: the same in another style."""

import shlex
from dataclasses import dataclass
from typing import Annotated

import tyro

from hringur.commands.console import note, parse, present
from hringur.commands.options import Printed
from hringur.data.sentences.styles import Sentence, SentenceSet, load_sentences, words_of
from hringur.evaluation.tables import Column, Table
from hringur.generative.rewriting.channel import PhraseChannel
from hringur.types import UserError

Sentences = Annotated[
    tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="SENTENCE [SENTENCE ...]")
]
From = Annotated[str | None, tyro.conf.arg(name="from")]


@dataclass(frozen=True, kw_only=True)
class Rewrite(Printed):
    """Rewrite sentences in another style. It learns in seconds, each time: no run is needed."""

    sentences: Sentences
    """what to rewrite, each in quotes"""

    to: str
    """style to write in: modern, archaic; music, science, politics; or one of the file's"""

    source: From = None
    """style of the sentences; all others than --to together when not given"""

    dataset: str = "verses"
    """verses, topics, or a .tsv file with a style, a tab and a sentence on each line"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.sentences:
            raise UserError("give a SENTENCE to rewrite, in quotes")


def main(arguments: list[str]) -> None:
    """Learn, rewrite, print."""
    options = parse(Rewrite, arguments, "rewrite")
    sentences = [words_of(sentence) for sentence in options.sentences]
    known = load_sentences(options.dataset)
    source, target = _examples(known, options)
    note(f"learning {options.to} from {len(target):,} sentences and {len(source):,} others ...")
    made = PhraseChannel(source, target).rewrite(sentences)
    rows = list(zip(options.sentences, (" ".join(words) for words in made), strict=True))
    columns = [
        Column[tuple[str, str]]("sentence", lambda row: row[0], text=True, wrap=True),
        Column(options.to, lambda row: row[1], text=True, wrap=True),
    ]
    record = {
        "sentences": [{"sentence": given, "rewritten": words} for given, words in rows],
        "to": options.to,
        "command": shlex.join(["hringur", "rewrite", *arguments]),
    }
    present(options, record, [Table(columns=columns, rows=rows)])


def _examples(known: SentenceSet, options: Rewrite) -> tuple[list[Sentence], list[Sentence]]:
    """Training sentences to rewrite from, and to write like."""
    known.check_style("--to", options.to)
    others = [style for style in known.train if style != options.to]
    if options.source is not None:
        known.check_style("--from", options.source)
        if options.source == options.to:
            raise UserError(f"--from and --to must be two styles, both are {options.to}")
        others = [options.source]
    source = [sentence for style in others for sentence in known.train[style]]
    return source, list(known.train[options.to])
