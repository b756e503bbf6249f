"""The lecture's cells in IPython: word for word, in a row, from any folder; refusals in red."""

from collections.abc import Iterator

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib.figure import Figure

import hringur
from hringur.evaluation.tables import Column, Table
from hringur.generative import VAE, VAEConfig
from hringur.notebook import Run
from hringur.training.config import Counters
from hringur.training.inline import Inline
from tests.scripts.loading import SCRIPTS

CELL = (
    "run run_models --xp_id exp2 --dataset digits --steps 2 --batch 8 --channels 4 --hidden 16"
    " --device cpu"
)
REFUSED = "run run_models --xp_id exp9"


@pytest.fixture
def shell(tmp_path, monkeypatch) -> Iterator[InteractiveShell]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    yield shell
    InteractiveShell.clear_instance()


def execute(shell: InteractiveShell, cell: str) -> str:
    """Run a cell as a user would; what it printed and showed."""
    with capture_output() as output:
        shell.run_cell(cell).raise_error()
    return output.stdout + output.stderr


@pytest.fixture
def beside_the_script(shell, tmp_path) -> InteractiveShell:
    """A shell in the folder of the script; nothing else is loaded."""
    (tmp_path / "run_models.py").write_text((SCRIPTS / "run_models.py").read_text())
    return shell


def test_the_slides_cell_runs_as_often_as_one_likes(beside_the_script, tmp_path):
    lecture = beside_the_script
    execute(lecture, CELL)
    shown = execute(lecture, CELL)
    assert "frechet distance" in shown and "this run" in shown
    assert "evaluation/recall" not in shown  # no raw tags
    assert isinstance(lecture.user_ns["model"], VAE)
    run = lecture.user_ns["run"]
    assert run.path.name == "exp2-digits-0-2" and (run.path / "pictures" / "prior.png").is_file()
    assert isinstance(lecture.user_ns["figures"]["samples/prior"], Figure)
    assert "<td>frechet distance</td>" in run._repr_html_()
    (tmp_path / "other.py").write_text("answer = 42")
    execute(lecture, "run other.py")  # a variable of the name has not hidden the magic
    assert lecture.user_ns["answer"] == 42
    execute(lecture, 'text = """\nrun run_models\n"""\nrun.path')  # Python stays what it is
    assert lecture.user_ns["text"] == "\nrun run_models\n"


def test_from_any_folder_a_refusal_is_one_red_line(shell):
    execute(shell, "%load_ext hringur")
    for cell in (REFUSED, f"%{REFUSED}", REFUSED.removeprefix("run "), f"%{REFUSED[4:]}"):
        (line,) = execute(shell, cell).splitlines()
        assert line.startswith("\x1b[31mrun_models: unknown experiment 'exp9'")
    assert "model" not in shell.user_ns


def test_what_stands_below_a_cell_has_a_bar_pictures_and_curves(monkeypatch):
    shown = Inline()
    monkeypatch.setattr(shown, "_refresh", lambda: None)
    now = Counters(steps=5, samples=50, seconds=2.0)
    shown.show(0.25, now, "<headline>")
    shown.measured({"evaluation/frechet_distance": 3.0, "floor/frechet_distance": 1.0}, now)
    shown.draw({"samples/prior": Figure(), "latent/plane": Figure()})
    page = shown.html()
    assert 'value="0.2500"' in page and "&lt;headline&gt;" in page
    assert page.count("<img") == 2 and 'alt="samples"' in page and 'alt="curves"' in page


def test_agents_models_and_tables_show_themselves():
    agent = hringur.TourAgent("EuclideanTSP-v0", env_options={"places": 5})
    assert agent._repr_png_().startswith(b"\x89PNG")
    model = VAE(np.zeros((8, 8, 8), dtype=np.uint8), VAEConfig(batch=4, channels=4, hidden=16))
    assert model._repr_png_().startswith(b"\x89PNG")
    table = Table(columns=[Column("a<b", str)], rows=[1, 2], title="of numbers")
    assert "<th>a&lt;b</th>" in table._repr_html_() and "<td>2</td>" in table._repr_html_()


def test_a_run_is_a_table_of_its_measures(tmp_path):
    run = Run(tmp_path, {"evaluation/recall": 0.5, "floor/recall": 0.9, "model/loss": 1.0})
    assert run.rows() == [["recall", "0.5", "0.9", ""]]
