import pytest

from hringur.commands.options import parse_options
from hringur.types import UserError


def test_values_are_literals_or_text():
    given = ["a=3", "b=0.5", "c=true", "d=None", "e=[1, 2]", "f=hidden-regime", "g=x=y", "h='3'"]
    assert parse_options(given) == {
        "a": 3,
        "b": 0.5,
        "c": True,
        "d": None,
        "e": [1, 2],
        "f": "hidden-regime",
        "g": "x=y",
        "h": "3",
    }


def test_no_code_is_run():
    assert parse_options(["a=__import__('os').getcwd()"]) == {"a": "__import__('os').getcwd()"}


@pytest.mark.parametrize("wrong", [["places"], ["=3"], ["a b=3"], ["a=1", "a=2"]])
def test_other_forms_are_refused(wrong):
    with pytest.raises(UserError, match="--option"):
        parse_options(wrong)
