"""Structure: the site has every page once, and its generated pages say what they promise."""

import ast
import importlib.util
import re
import runpy
from pathlib import Path

import pytest

from hringur.registry import ENVIRONMENTS, LEARNERS, MODELS

DOCS = Path(__file__).parents[1] / "docs"
spec = importlib.util.spec_from_file_location("generated", DOCS / "generated.py")
assert spec is not None and spec.loader is not None
generated = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generated)

ORDER = [
    "Action space", "Observation space", "Rewards", "Starting state", "Episode end",
    "Information", "Arguments", "Vectorised", "Version history",
]  # fmt: skip


def test_every_page_is_in_the_navigation_once():
    tree = ast.parse((DOCS / "conf.py").read_text(encoding="utf-8"))
    (parts,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "NAVIGATION"
    )
    listed = [page for pages in parts.values() for page in pages if "/" not in page]
    assert sorted(listed) == sorted({path.stem for path in DOCS.glob("*.md")} - {"index"})


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_page_of_an_environment_has_faramas_parts_and_explains_every_argument(name, tmp_path):
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / f"{name}.gif").touch()  # drawn already
    page = generated.environment(name, tmp_path)
    assert re.findall(r"^## (.*)", page, re.MULTILINE) == ORDER
    assert re.findall(r"^\| (`\w+`) \|.*\|  \|$", page, re.MULTILINE) == [], "without a meaning"


@pytest.mark.parametrize("name", [*LEARNERS, *MODELS])
def test_a_page_of_a_learner_explains_every_setting_and_has_its_picture(name):
    page = generated.learner(name, (LEARNERS | MODELS)[name])
    assert re.findall(r"^\| (`--[\w-]+`) \|.*\|  \|$", page, re.MULTILINE) == []
    for picture in re.findall(r"\]\(/(pictures/.*?)\)", page):
        assert (DOCS / picture).exists()


def test_the_gallery_has_every_picture_that_a_page_shows():
    pages = "\n".join(path.read_text(encoding="utf-8") for path in DOCS.glob("*.md"))
    shown = set(re.findall(r"\]\((pictures/[\w.]+)\)", pages))
    assert shown <= set(re.findall(r"\]\(/(pictures/[\w.]+)\)", generated.gallery()))


def test_every_picture_has_a_command_and_is_shown():
    drawn = {path.stem for path in (DOCS / "pictures").glob("*.png")}
    assert drawn == set(generated.DRAWN_BY)
    gallery = generated.gallery()
    assert drawn == set(re.findall(r"/pictures/(\w+)\.png", gallery))


def test_cells_that_are_not_executed_have_a_language(monkeypatch):
    pytest.importorskip("docutils", reason="pip install hringur[docs]")
    monkeypatch.setenv("HRINGUR_NOTEBOOKS", "off")
    monkeypatch.syspath_prepend(str(DOCS))
    settings = runpy.run_path(str(DOCS / "conf.py"))
    for path in (DOCS / "lecture").glob("[1-6]_*.md"):
        source = [path.read_text(encoding="utf-8")]
        settings["read"](None, f"lecture/{path.stem}", source)
        assert "\n  pygments_lexer: ipython3\n" in source[0].split("---")[1]
