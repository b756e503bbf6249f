"""Walk-forward splits: nothing trained on is seen again, and the tests tile the end."""

import pytest

from hringur.data.trading.walk_forward import walk_forward


@pytest.mark.parametrize("days, embargo, folds", [(500, 30, 1), (1003, 30, 4), (2148, 60, 6)])
def test_train_validation_and_test_follow_each_other_with_an_embargo(days, embargo, folds):
    found = walk_forward(days, embargo, folds)
    assert len(found) == folds
    for fold in found:
        assert fold.train[0] == 0
        assert fold.validation[0] - fold.train[1] == embargo
        assert fold.test[0] - fold.validation[1] == embargo
        for first, last in (fold.train, fold.validation, fold.test):
            assert first < last <= days
        assert fold.days("all") == (0, fold.test[1]) and fold.days("test") == fold.test
    for fold, later in zip(found, found[1:], strict=False):
        assert later.test[0] - embargo == fold.test[1]  # end to end but for the embargo
        assert later.train[1] == fold.validation[1] > fold.train[1]
    assert found[-1].test[1] == days


def test_one_fold_is_sixty_twenty_twenty():
    (fold,) = walk_forward(1000, 30)
    assert (fold.train, fold.validation, fold.test) == ((0, 600), (630, 800), (830, 1000))
