"""Functions that make environments from the options of a problem."""

import inspect

import pytest

from hringur.envs.factories import factory


def doubled(number: int = 2, word: str = "a") -> str:
    """A problem."""
    return number * word


class Made:
    def __init__(self, problem: str, num_envs: int = 1) -> None:
        self.problem, self.num_envs = problem, num_envs


def test_options_of_the_problem_and_of_the_environment_go_where_they_belong():
    make = factory(doubled, Made)
    assert list(inspect.signature(make).parameters) == ["number", "word", "num_envs"]
    assert make.__doc__ == "A problem."
    made = make(3, num_envs=4, word="b")
    assert (made.problem, made.num_envs) == ("bbb", 4)
    assert make().problem == "aa"
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        make(colour="red")
    with pytest.raises(TypeError):
        make(1, "a", 2)
