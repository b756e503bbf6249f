"""Structure: what the README says can be typed, and what it names exists."""

import re
from pathlib import Path

import pytest

from hringur.cli import COMMANDS
from hringur.references.tours.heuristics import HEURISTICS
from hringur.registry import LEARNERS, models

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def test_the_ten_lines_run(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    exec(compile(code, "README.md", "exec"), {})
    driven = re.fullmatch(r"(\d+) km, (-?\d+\.\d\d) % over the optimum\n", capsys.readouterr().out)
    assert driven and int(driven[1]) > 1000 and float(driven[2]) >= 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_files_exist(page):
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:hringur|scripts|tests|docs)/[\w/]+\.\w+)`", text)
    placeholders = {"tests/x/test_y.py", "hringur/x/y.py"}
    missing = [name for name in named if name not in placeholders and not (ROOT / name).exists()]
    linked = [target for target in re.findall(r"\]\(([^)#]+)", text) if "://" not in target]
    missing += [target for target in linked if not (page.parent / target).exists()]
    assert missing == []


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^(\w+):", makefile, flags=re.MULTILINE))
    assert {"make run", "make test"} <= {block.strip() for block in blocks("")}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert set(re.findall(r"`make (\w+)", text)) <= targets, page.name


def test_commands_learners_and_heuristics_exist():
    results = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    for command, argument in re.findall(r"hringur (\w+) ([\w.-]+)", README + results):
        if command in ("train", "evaluate", "compare", "tour"):
            assert command in COMMANDS
        if command == "train":
            assert argument in {**LEARNERS, **models()}
    assert set(re.findall(r"--heuristics ([\w+-]+)", results)) <= HEURISTICS.keys()
    for name in LEARNERS:
        assert f"hringur train {name}" in results, f"{name} has no row"


def test_the_two_sentences_that_licences_ask_for():
    for line in ("IS 50V", "© OpenStreetMap contributors", "Vegagerðin", "Natural Earth"):
        assert line in README
        assert line in (ROOT / "NOTICE").read_text(encoding="utf-8")
