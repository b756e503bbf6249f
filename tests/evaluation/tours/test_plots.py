import json

import numpy as np
import pytest

from hringur.evaluation.tours.plots import gap_chart, learning_curve
from hringur.types import UserError
from tests.evaluation.tours.scores import score

TAG = "gap_percent"


def texts(figure):
    """Every word that the figure shows."""
    figure.canvas.draw()
    return " ".join(text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text")))


def ink(figure):
    """Share of pixels that are not white."""
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    return (pixels < 200).any(axis=-1).mean()


def run_folder(path, gaps):
    path.mkdir()
    (path / "config.json").write_text("{}")
    entries = [
        {"step": i, "samples": 100 * i, "seconds": 10.0 * i, "metrics": {TAG: gap}}
        for i, gap in enumerate(gaps, start=1)
    ]
    (path / "history.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


def test_learning_curve_draws_the_history(tmp_path):
    runs = {
        "ours": (run_folder(tmp_path / "a", [20.0, 5.0, 1.25]), TAG),
        "theirs": (run_folder(tmp_path / "b", [30.0, 9.0]), TAG),
    }
    figure = learning_curve(runs, {"nearest neighbour": 14.7})
    by_time, by_samples = figure.axes
    np.testing.assert_allclose(by_time.lines[0].get_xydata(), [[10, 20], [20, 5], [30, 1.25]])
    np.testing.assert_allclose(by_samples.lines[1].get_xydata(), [[100, 30], [200, 9]])
    assert by_time.get_yscale() == "log" and "[s]" in by_time.get_xlabel()
    assert "[%]" in by_time.get_ylabel()
    shown = texts(figure)
    assert "ours  1.25 %" in shown and "theirs  9.00 %" in shown
    assert "nearest neighbour 14.70 %" in shown
    assert ink(figure) > 0.01


def test_a_gap_of_zero_stays_on_the_logarithmic_axis(tmp_path):
    figure = learning_curve({"ours": (run_folder(tmp_path / "a", [1.0, 0.0]), TAG)})
    assert figure.axes[0].lines[0].get_ydata().min() > 0


def test_learning_curve_of_a_run_without_evaluations(tmp_path):
    folder = run_folder(tmp_path / "a", [])
    with pytest.raises(UserError, match="no evaluation with gap_percent"):
        learning_curve({"ours": (folder, TAG)})


def test_gap_chart_has_a_row_for_each_method_best_on_top():
    scores = [
        score("nearest neighbour", [0.1, 0.2]),
        score("solver", [0.0, 0.0], "exact"),
        score("model", [0.01, 0.02], "learned", "greedy"),
        score("invalid", [0.0, np.inf], "learned"),
    ]
    figure = gap_chart(scores)
    (axes,) = figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["solver", "model, greedy", "nearest neighbour"]
    assert axes.yaxis_inverted() and "[%]" in axes.get_xlabel()
    shown = texts(figure)
    assert "1.50 %" in shown and "15.00 %" in shown and "toy, 2 instances" in shown
    assert ink(figure) > 0.01
