"""Tables of the documentation are read as they stand, and figures outside are found."""

import json
import re
import shlex
from pathlib import Path

import pytest

from hringur.cli import COMMANDS
from hringur.commands.options import IcelandOptions
from hringur.commands.train.command import Train
from hringur.commands.train.model import TrainModel
from hringur.registry import config_of, models
from hringur.training.config import TrainerConfig
from hringur.types import UserError
from tests.fuzz.cases import CONFIGS, option_fields
from tests.scripts.loading import load_script

reproduce = load_script("reproduce")
Figure, Recipe = reproduce.Figure, reproduce.Recipe
figures, read_figure, recipes = reproduce.figures, reproduce.read_figure, reproduce.recipes
run, show = reproduce.run, reproduce.show


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("0.13 % [0.09, 0.17]", Figure(0.13, 0.09, 0.17)),
        ("−24.6 ± 0.5", Figure(-24.6, -25.1, -24.1)),
        ("-127.1 -127.8 to -126.2", Figure(-127.1, -127.8, -126.2)),
        ("0.0145 0.0000-0.0436", Figure(0.0145, 0.0, 0.0436)),
        ("2,471", Figure(2471.0)),
        ("8.6e-09", Figure(8.6e-9)),
        ("", None),
        ("none", None),
    ],
)
def test_figures_are_read(cell, expected):
    found = read_figure(cell)
    assert (found is None) == (expected is None)
    if expected is not None:
        numbers = found.value, found.low, found.high
        assert numbers == pytest.approx((expected.value, expected.low, expected.high))


def test_an_interval_of_its_own_column_belongs_to_the_figure_before():
    table = "| a | x | interval | y |\n| --- | --: | --: | --: |\n| `b` * | 2 | [1, 3] | 5 |\n"
    assert figures(table) == {("b", "x"): Figure(2, 1, 3), ("b", "y"): Figure(5)}


def test_an_empty_name_is_that_of_the_row_above():
    rows = "| p | open | 2 |\n| | close | 3 |\n| q | either | 4 |\n"
    table = f"| a | b | x |\n| --- | --- | --: |\n{rows}"
    assert figures(table) == {
        ("p, open", "x"): Figure(2),
        ("p, close", "x"): Figure(3),
        ("q", "x"): Figure(4),
    }


def test_a_row_may_be_of_one_of_several_commands(tmp_path):
    for name, value in (("one", 2), ("two", 3)):
        (tmp_path / f"{name}.py").write_text(
            f"print('| m | g |\\n| --- | --: |\\n| r | {value} |')"
        )
    commands = ["python one.py", "python two.py"]
    one = Recipe(name="t", page=tmp_path, figures={}, commands=commands)
    found = run(one, tmp_path)
    assert found["1: r", "g"] == Figure(2) and found["2: r", "g"] == Figure(3)


def recipe(new: str, tmp_path: Path):
    """One whose command prints ``new`` in the place of 2 [1, 3]."""
    (tmp_path / "print.py").write_text(f"print('| m | g |\\n| --- | --: |\\n| theirs | {new} |')")
    old = {("ours", "gap"): Figure(2, 1, 3), ("ours", "seconds"): Figure(4)}
    names = {"rows": {"ours": "theirs"}, "columns": {"gap": "1: g", "seconds": "g"}}
    return Recipe(name="t", page=tmp_path, figures=old, commands=["python print.py"], **names), (
        tmp_path
    )


@pytest.mark.parametrize(
    ("new", "outside", "said"), [("2.9", 0, "0 without"), ("9", 1, "1 without"), ("4", 1, "0 w")]
)
def test_what_lies_outside_is_said(new, outside, said, tmp_path, capsys):
    one, folder = recipe(new, tmp_path)
    assert show(one, run(one, folder)) == outside
    assert f"2 figures of 2 compared, {outside} outside their intervals, {said}" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("0", "0", "difference 0"),
        ("0.0", "0.04", "difference 0.04"),  # printed alike
        ("0.0", "0.06", "DIFFERS, difference 0.06"),
        ("0 %", "-0.5 %", "DIFFERS, difference -0.5"),
        ("0.10", "0.12", "ratio 1.2"),
        ("0.10", "-0.12", "DIFFERS, ratio -1.2"),
    ],
)
def test_an_old_figure_of_0_has_a_difference_and_no_ratio(old, new, said):
    assert reproduce.beside(read_figure(old), read_figure(new)) == said


def test_figures_of_json_are_named_by_their_path(tmp_path, capsys):
    printed = {"rate": {"ours 8": {"median": 2.5, "least": 2.0, "most": 3.0}}, "all": [{"a": 7}]}
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(f"print({json.dumps(printed)!r})")
        printed["rate"]["ours 8"]["median"] = 2.9
    one = Recipe(name="t", page=tmp_path, figures={("us", "8, now"): Figure(2, 1, 3)})
    one.figures["us", "all"] = Figure(7000)
    for line in (
        "cell: us | 8, now = 2: rate/ours 8",
        "cell: us | all = 1: all/0/a x 1e3",
        "takes: a second",
        "python one.py",
        "python two.py",
    ):
        reproduce.add_line(one, line)
    found = run(one, tmp_path)
    assert sorted(found.values(), key=lambda figure: figure.value) == [
        Figure(2.9, 2, 3), Figure(7000),
    ]  # fmt: skip
    assert one.about == ["takes: a second"] and show(one, found) == 0
    assert "2 figures of 2 compared" in capsys.readouterr().out
    assert reproduce.figure_at([9, 1, 4], "") is None
    assert reproduce.figure_at({"x": [9, 1, 4]}, "x") == Figure(4, 1, 9)


def test_a_table_is_one_of_several_that_a_command_prints(tmp_path):
    text = "".join(f"| m | g |\n| --- | --: |\n| r | {value} |\n\n" for value in (2, 3))
    (tmp_path / "two.py").write_text(f"print({text!r})")
    one = Recipe(name="t", page=tmp_path, figures={("r", "g"): Figure(3)})
    for line in ("python two.py", "table: 1.2", "cell: r | other = 1.1: r | g"):
        reproduce.add_line(one, line)
    found = run(one, tmp_path)
    assert found[one.printed(("r", "g"))] == Figure(3)
    assert found[one.printed(("r", "other"))] == Figure(2)


def test_names_that_nothing_prints_are_refused(tmp_path):
    one, folder = recipe("2", tmp_path)
    one.rows["ours"] = "nobody"
    with pytest.raises(UserError, match="none of its rows and columns was printed"):
        show(one, run(one, folder))
    one.commands[:] = ["python nowhere.py"]
    with pytest.raises(UserError, match="exit code 2 of: python nowhere.py"):
        run(one, folder)


@pytest.mark.parametrize("name", recipes())
def test_every_recipe_names_commands_rows_and_columns_that_exist(name):
    one = recipes()[name]
    rows, columns = ({key[k] for key in one.figures} for k in (0, 1))
    assert one.figures and set(one.rows) <= rows and set(one.columns) <= columns
    assert set(one.cells) <= set(one.figures)
    for command in one.commands:
        words = shlex.split(command)
        words = words[words.index("hringur") :] if words[0] == "torchrun" else words
        script = words[0] == "python" and (reproduce.DOCS.parent / words[1]).is_file()
        assert script or words[0] == "hringur" and words[1] in COMMANDS
    last = one.commands[-1]
    assert last.startswith("python scripts/") or re.search("compare|--markdown|--json", last)
    for command in filter(lambda line: line.startswith("hringur"), one.commands):
        words = shlex.split(command)[1:]
        kinds = [word for word in ("--models", "--agents") if word in words]
        classes = CONFIGS.get(" ".join([words[0], *kinds])) or [
            TrainModel if words[1] in models() else Train,
            config_of(words[1]),
            TrainerConfig,
            IcelandOptions,
        ]
        given = {word for word in words if word.startswith("--")}
        assert given <= {*option_fields(classes), "--option"}, command


def test_an_unknown_table_is_refused():
    with pytest.raises(UserError, match="unknown table 'nope'; there are .*iceland-20"):
        reproduce.main(["nope"])
