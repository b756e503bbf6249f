"""What serves as a callback."""

import pytest

from hringur.training.callbacks import FunctionCallback, callbacks_of
from hringur.types import UserError


def test_lists_and_functions_become_callbacks_in_order():
    def first(agent):
        return None

    def second(agent):
        return False

    found = callbacks_of([first, [second]])
    assert found == [FunctionCallback(first), FunctionCallback(second)]
    assert callbacks_of(None) == [] and found[1].on_update(None) is False


def test_what_is_none_is_refused():
    with pytest.raises(UserError, match="callback must have on_start"):
        callbacks_of([3])
