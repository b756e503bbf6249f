import math
from types import SimpleNamespace

import pytest

from hringur.checks import check_choice, check_not_negative, check_positive, check_share
from hringur.types import UserError


@pytest.mark.parametrize(
    "check, allowed, refused, told",
    [
        (check_positive, [1e-9, 3, None], [0, -1, math.inf, math.nan], "positive and finite"),
        (check_positive, [1e-300], [1e-320], "positive and finite"),
        (check_not_negative, [0, 0.5], [-1e-9, math.inf, math.nan], "0 or more and finite"),
        (check_share, [0, 0.5, 1], [-0.1, 1.1, math.nan], "in 0..1"),
    ],
)
def test_values_out_of_range_are_named(check, allowed, refused, told):
    for value in allowed:
        check(SimpleNamespace(size=value), "size")
    for value in refused:
        with pytest.raises(UserError, match=f"^size must be {told}, got {value}$"):
            check(SimpleNamespace(size=value), "size")


def test_a_word_that_is_no_choice_is_refused():
    check_choice(SimpleNamespace(encoder="other"), "encoder", ("gaussian", "other"))
    with pytest.raises(UserError, match="encoder must be one of gaussian, other, got 'random'"):
        check_choice(SimpleNamespace(encoder="random"), "encoder", ("gaussian", "other"))


def test_a_share_may_have_to_be_below_one():
    check_share(SimpleNamespace(beta=0.999), "beta", below_one=True)
    with pytest.raises(UserError, match="beta must be in 0..1, below 1, got 1"):
        check_share(SimpleNamespace(beta=1.0), "beta", below_one=True)
