"""Names that are imported when asked for."""

import sys

import pytest

from hringur.faces import lazy


def test_a_name_is_imported_when_asked_for():
    sys.modules.pop("colorsys", None)
    get, listed, names = lazy(__name__, {"rgb_to_hsv": "colorsys"})
    assert names == ["rgb_to_hsv"] and "rgb_to_hsv" in listed()
    assert "colorsys" not in sys.modules
    assert get("rgb_to_hsv")(1.0, 0.0, 0.0) == (0.0, 1.0, 1.0)
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        get("other")
