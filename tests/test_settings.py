"""Settings read back from plain values, and names of before."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import pytest

from hringur.commands.console import parse
from hringur.settings import read
from hringur.types import UserError


@dataclass(frozen=True, kw_only=True)
class Shared:
    renamed: ClassVar[Mapping[str, str]] = {"ramp": "warm_up"}

    warm_up: int = 0
    """updates"""


@dataclass(frozen=True, kw_only=True)
class Learning(Shared):
    renamed: ClassVar[Mapping[str, str]] = {"parts": "minibatches"}

    minibatches: int | None = None
    """of an epoch"""

    rate: float = 1e-3
    """learning rate"""

    sizes: tuple[int, ...] = ()
    """of layers"""

    initial: Path | None = None
    """weights"""

    schedule: Literal["linear", "cosine"] = "linear"
    """of the learning rate"""

    fast: bool = False
    """or not"""

    def __post_init__(self) -> None:
        if self.rate <= 0:
            raise UserError(f"rate must be positive, got {self.rate}")


def test_what_was_written_is_read():
    values = {"minibatches": 3, "rate": 1, "sizes": [4, 5], "initial": "a/b", "schedule": "cosine"}
    assert read(Learning, values, "here") == Learning(
        minibatches=3, rate=1.0, sizes=(4, 5), initial=Path("a/b"), schedule="cosine"
    )


def test_names_of_before_are_read_too():
    assert read(Learning, {"parts": 3, "ramp": 5}, "x") == Learning(minibatches=3, warm_up=5)


@pytest.mark.parametrize(
    "values, said",
    [
        ({"minibatches": "3"}, "minibatches is '3'"),
        ({"minibatches": 2.5}, "minibatches is 2.5"),
        ({"minibatches": True}, "minibatches is True"),
        ({"fast": "yes"}, "fast is 'yes'"),
        ({"fast": 1}, "fast is 1"),
        ({"rate": None}, "rate is None"),
        ({"rate": -1.0}, "rate must be positive, got -1.0"),
        ({"sizes": [1, "2"]}, "sizes.1 is '2'"),
        ({"schedule": "soon"}, "schedule is 'soon'"),
        ({"pace": 1}, "unknown pace"),
        ([1], "an object was expected"),
        (None, "an object was expected"),
    ],
)
def test_other_values_are_refused_in_one_line(values, said):
    with pytest.raises(UserError, match="^here") as refused:
        read(Learning, values, "here")
    assert said in str(refused.value) and "\n" not in str(refused.value)


@dataclass(frozen=True, kw_only=True)
class Options:
    learning: Learning
    """nested, as in hringur train"""

    name: str = ""
    """of a run"""


def test_the_command_line_takes_names_of_before_and_warns(capsys):
    options = parse(Options, ["--parts=3", "--ramp", "5", "--name=--parts"], "train")
    assert options.learning == Learning(minibatches=3, warm_up=5)
    warnings = capsys.readouterr().err.splitlines()
    assert warnings[0] == (
        "hringur: --parts is now called --minibatches; the old name goes with the next release"
    )
    assert len(warnings) == 2


def test_the_command_line_warns_of_nothing_else(capsys):
    assert parse(Options, ["--minibatches=3"], "train").learning.minibatches == 3
    assert capsys.readouterr().err == ""
