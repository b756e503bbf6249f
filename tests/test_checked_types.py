"""While the tests run, what the package defines is checked against its annotations."""

import numpy as np
import pytest

from hringur.data.tours.length import tour_length
from hringur.evaluation.statistics import Estimate, limits


def test_shapes():
    distance, tour = np.zeros((2, 3, 3)), np.zeros((2, 3), dtype=np.int64)
    assert tour_length(distance, tour).shape == (2,)
    with pytest.raises(Exception, match="tour"):
        tour_length(distance, np.zeros((1, 3), dtype=np.int64))


def test_types_of_a_function_without_arrays():
    assert limits("gap_percent")
    with pytest.raises(Exception, match="name"):
        limits(3)


def test_types_of_fields():
    with pytest.raises(Exception, match="value"):
        Estimate(value="1", low=0.0, high=2.0)
