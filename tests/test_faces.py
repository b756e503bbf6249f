"""Names that are imported when asked for."""

import importlib
import subprocess
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


@pytest.mark.parametrize(
    "package", ["agents", "agents.reinforce", "envs", "estimators", "references.trading"]
)
def test_a_face_has_every_name_that_it_promises(package):
    face = importlib.import_module(f"hringur.{package}")
    for name in face.__all__:
        assert (
            getattr(face, name).__name__.replace("_", "").lower() == name.replace("_", "").lower()
        )


def test_environments_are_imported_without_torch():
    code = "import sys; from hringur.envs import IcelandTSP, TourEnv, TradingEnv; "
    code += "assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
