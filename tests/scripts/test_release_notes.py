"""What a release says of itself is the same everywhere."""

import re
import runpy
from pathlib import Path

import pytest

from scripts.release_notes import newest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def metadata(monkeypatch):
    """What ``setup.py`` tells of a project that lives at an address."""

    def told(address):
        found = {}
        monkeypatch.setattr("setuptools.setup", lambda **given: found.update(given))
        monkeypatch.setenv("HRINGUR_ADDRESS", address)
        runpy.run_path(str(ROOT / "setup.py"))
        return found

    return told


def test_all_say_the_same_version(metadata):
    version, text = newest((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert version == metadata("")["version"] == re.findall("^version: (.+)$", citation, re.M)[0]
    assert text.startswith("### Breaking")


def test_pictures_and_links_of_the_package_page_lead_somewhere(metadata):
    home = metadata("https://example.org/hringur/")
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", home["long_description"])
    start = f"https://example.org/hringur/raw/v{home['version']}/"
    assert pictures and all(one.startswith(start) for one in pictures)
    assert all((ROOT / one.removeprefix(start)).is_file() for one in pictures)
    relative = r"\]\((?!https?:|#)"
    assert re.search(relative, (ROOT / "README.md").read_text(encoding="utf-8"))
    assert not re.search(relative, home["long_description"])
    assert home["project_urls"]["Issues"] == "https://example.org/hringur/issues"
    homeless = metadata("")
    assert "![" not in homeless["long_description"] and homeless["project_urls"] == {}
