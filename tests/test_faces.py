"""Names that are imported when asked for."""

import importlib
import subprocess
import sys
from pkgutil import resolve_name

import pytest

from hringur.faces import lazy


def test_a_name_is_imported_when_asked_for():
    sys.modules.pop("xml.sax.saxutils", None)
    get, listed, names = lazy("xml", {"sax.saxutils": "quoteattr xml_escape=escape"})
    assert names == ["quoteattr", "xml_escape"] and "xml_escape" in listed()
    assert "xml.sax.saxutils" not in sys.modules
    assert get("xml_escape")("<") == "&lt;"
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        get("other")


def test_environments_are_imported_without_torch():
    code = "import sys; from hringur.envs import IcelandTSP, TourEnv, TradingEnv; "
    code += "assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


FACES = [
    "agents", "agents.reinforce", "agents.sb3", "agents.tours", "envs", "estimators",
    "data.tours", "data.trading", "references", "references.tours", "references.trading",
    "training",
]  # fmt: skip


@pytest.mark.parametrize("face", FACES)
def test_every_name_of_a_face_is_there_and_is_no_module_of_the_same_name(face):
    package = importlib.import_module(f"hringur.{face}")
    assert package.__all__ and set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        assert resolve_name(f"hringur.{face}:{name}") is getattr(package, name)
        assert not isinstance(getattr(package, name), type(sys)), name


def test_faces_import_no_torch_before_a_name_is_asked_for():
    imports = "; ".join(f"import hringur.{face}" for face in FACES)
    code = f"import sys; {imports}; assert not {{'torch', 'stable_baselines3'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
