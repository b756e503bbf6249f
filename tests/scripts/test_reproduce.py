"""Tables of the documentation are read as they stand, and figures outside are found."""

import shlex
from pathlib import Path

import pytest

from hringur.cli import COMMANDS
from hringur.types import UserError
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
    for command in one.commands:
        words = shlex.split(command)
        script = words[0] == "python" and (reproduce.DOCS.parent / words[1]).is_file()
        assert script or words[0] == "hringur" and words[1] in COMMANDS
    assert "--markdown" in one.commands[-1] or one.commands[-1].startswith("python scripts/")


def test_an_unknown_table_is_refused():
    with pytest.raises(UserError, match="unknown table 'nope'; there are iceland-20"):
        reproduce.main(["nope"])
