"""What commands say besides their results."""

import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import tyro

from hringur.commands import console
from hringur.commands.options import Imports, parse_options
from hringur.types import UserError


def test_long_work_says_every_ten_seconds_how_far_it_is(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    patience = console.ProgressNotes("episodes", 1_000)
    for second in range(25):
        now[0] = 100.0 + second
        patience(40 * second, 300 * second)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "400 of 1,000 episodes over after 3,000 decisions",
        "800 of 1,000 episodes over after 6,000 decisions",
    ]


def test_what_settings_refuse_themselves_needs_no_more_than_their_own_words():
    def boxed(*lines):
        return "\n".join(["╭─ Value error ─╮", *(f"│ {line} │" for line in lines), "╰──╯"])

    refused = boxed("Error parsing learner: depth must be positive, got 0", "─────", "For help")
    assert console.first_paragraph(refused) == "depth must be positive, got 0"
    unread = "Error parsing --depth: invalid literal for int(): 'x'"
    assert console.first_paragraph(boxed(unread)) == unread


def test_a_refusal_is_one_line_where_only_ascii_is_taken(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    with pytest.raises(UserError) as refused:
        console.parse(Given, ["--steps", "x"], "x")
    monkeypatch.undo()
    assert str(refused.value).startswith("Error parsing --steps: invalid literal for int()")
    assert "--- " not in str(refused.value)


@dataclass
class Written:
    images: tuple[str, ...] = ()
    model: Path | None = None
    output: Path = Path("mix.png")
    figure: Path | None = None


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("--figure ./a.png --output b/../a.png", "--figure: a.png is what --output names"),
        ("--images a.png b.png --output link.png", "--output: link.png is what --images names"),
        ("--images mix.png", "--output: mix.png is what --images names"),
        ("--model run/config.json --output run/config.json", "--output: .* is a file of a run"),
        ("--figure run/checkpoints/1.safetensors", "--figure: .* is a file of a run"),
    ],
)
def test_what_is_written_is_not_what_is_read_or_written_too(words, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    (tmp_path / "b").mkdir()
    for name in ("a.png", "mix.png", "run/config.json", "run/checkpoints/1.safetensors"):
        (tmp_path / name).touch()
    (tmp_path / "link.png").symlink_to("a.png")
    with pytest.raises(UserError, match=reason):
        console.parse(Written, words.split(), "x")
    free = console.parse(Written, "--images face:1 b.png --figure c.png".split(), "x")
    assert free.images == ("face:1", "b.png")


@dataclass
class Given:
    option: Annotated[tuple[str, ...], tyro.conf.arg(metavar="KEY=VALUE ...")] = ()
    steps: int = 1
    imports: Imports = ()


def test_an_option_of_several_values_may_come_twice():
    words = ["--option", "a=1", "--steps=2", "--option=b=2", "--import", "x", "--steps", "3"]
    given = console.parse(Given, [*words, "--import", "y", "z"], "x")
    assert given == Given(("a=1", "b=2"), 3, ("x", "y", "z"))
    with pytest.raises(UserError, match="--option a is given twice"):
        parse_options(console.parse(Given, ["--option", "a=1", "--option", "a=2"], "x").option)
