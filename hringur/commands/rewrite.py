"""``hringur rewrite "SENTENCE" --to modern``: the same in another style."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from hringur.commands.console import note, parse, present
from hringur.commands.options import Printed
from hringur.data.sentences.styles import Sentence, check_style, load_sentences, words_of
from hringur.evaluation.tables import Column, Table
from hringur.generative.rewriting.channel import PhraseChannel
from hringur.generative.rewriting.markers import MarkerEditor
from hringur.types import UserError

Sentences = Annotated[
    tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="SENTENCE [SENTENCE ...]")
]
From = Annotated[str | None, tyro.conf.arg(name="from")]


@dataclass(frozen=True, kw_only=True)
class Rewrite(Printed):
    """Rewrite sentences in another style, by a run of text-style or by what seconds can teach."""

    sentences: Sentences
    """what to rewrite, each in quotes"""

    to: str
    """style to write in: modern, archaic; music, science, politics; or one of the file's"""

    source: From = None
    """style of the sentences; all others than --to together when not given"""

    dataset: str | None = None
    """verses (when not given), topics, or a .tsv file with STYLE, a tab, SENTENCE on each line"""

    method: Literal["channel", "markers"] = "channel"
    """channel: substitutions of phrases, found without pairs; markers: what tells the style is
    replaced by markers of similar sentences, for styles that differ in what they speak of"""

    model: Path | None = None
    """run folder of hringur train text-style, which knows its own data set"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model is not None and self.dataset is not None:
            raise UserError("--model knows its own data set: give it or --dataset, not both")
        if not self.sentences:
            raise UserError("give a SENTENCE to rewrite, in quotes")


def main(arguments: list[str]) -> None:
    """Learn, rewrite, print."""
    options = parse(Rewrite, arguments, "rewrite")
    sentences = [words_of(sentence) for sentence in options.sentences]
    rewrite = _by_counts if options.model is None else _by_model
    made = rewrite(sentences, options)
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


def _by_model(sentences: list[Sentence], options: Rewrite) -> list[Sentence]:
    """By a trained model of text-style."""
    from hringur.generative.models.text_style import TextStyle  # the channel needs no torch
    from hringur.trained import load_trained

    model = load_trained(Path(str(options.model)), "auto").learner
    if not isinstance(model, TextStyle):
        raise UserError(f"{options.model} is of {type(model).__name__}, no model of text-style")
    _check_styles(model.styles, model.strings.name, options)
    return model.rewrite(sentences, options.to, options.source)


def _by_counts(sentences: list[Sentence], options: Rewrite) -> list[Sentence]:
    """By the named method, learned now."""
    known = load_sentences(options.dataset or "verses")
    _check_styles(tuple(known.train), known.name, options)
    others = [options.source] if options.source else [s for s in known.train if s != options.to]
    source = [sentence for style in others for sentence in known.train[style]]
    target = known.train[options.to]
    note(f"learning {options.to} from {len(target):,} sentences and {len(source):,} others ...")
    method = PhraseChannel if options.method == "channel" else MarkerEditor
    return method(source, target).rewrite(sentences)


def _check_styles(styles: tuple[str, ...], name: str, options: Rewrite) -> None:
    check_style("--to", options.to, styles, name)
    if options.source is not None:
        check_style("--from", options.source, styles, name)
        if options.source == options.to:
            raise UserError(f"--from and --to must be two styles, both are {options.to}")
