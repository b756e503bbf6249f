"""Structure: the notebooks of the lecture compile, what they import exists, and the table has each.

The slow test runs every cell with small budgets.
"""

import ast
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from hringur.registry import EXPERIMENTS
from tests.test_docs import options

PAGES = sorted((Path(__file__).parents[1] / "docs" / "lecture").glob("[1-9]_*.md"))
CELL = re.compile(r"^```\{code-cell\}\n(?::tags:[^\n]*\n\n)?(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

class Notebook(InteractiveShell):
    def enable_gui(self, gui=None):
        pass  # pictures are inline

shell = Notebook.instance()
for cell in json.load(sys.stdin):
    with capture_output():
        result = shell.run_cell(cell)
    result.raise_error()
"""
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def cells(page: Path) -> list[str]:
    found = CELL.findall(page.read_text(encoding="utf-8"))
    assert len(found) == page.read_text(encoding="utf-8").count("{code-cell}")
    return found


def lecture_runs(cell: str) -> list[str]:
    return re.findall(r"^run run_models (.*)$", cell, re.MULTILINE)


def test_there_are_six_and_the_table_of_slides_links_to_each():
    table = (PAGES[0].parent / "index.md").read_text(encoding="utf-8")
    assert len(PAGES) == 6
    assert {page.name for page in PAGES} <= set(re.findall(r"\]\((\d_\w+\.md)\)", table))


@every_page
def test_cells_compile_and_what_they_import_exists(page):
    for cell in cells(page):
        python = re.sub(r"^run run_models.*$", "pass", cell, flags=re.MULTILINE)
        for node in ast.walk(ast.parse(TransformerManager().transform_cell(python))):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("hringur"):
                module = importlib.import_module(str(node.module))
                assert all(hasattr(module, alias.name) for alias in node.names), node.module
        for arguments in lecture_runs(cell):
            experiment = re.findall(r"--xp_id (\w+)", arguments)[0]
            given = set(re.findall(r"--[\w-]+", arguments)) - {"--xp_id"}
            assert given <= options("train", EXPERIMENTS[experiment].model)


@pytest.mark.slow
@every_page
def test_cells_run_with_small_budgets(page, tmp_path):
    """In a process of their own, where arguments are not checked as they are in tests."""
    small = {"HRINGUR_BUDGET": "small", "IPYTHONDIR": str(tmp_path / "ipython")}
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps(cells(page)),
        env=os.environ | small,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
