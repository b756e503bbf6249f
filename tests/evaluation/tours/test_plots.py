import numpy as np

from hringur.evaluation.tours.plots import gap_chart
from tests.evaluation.tours.scores import score


def texts(figure):
    """Every word that the figure shows."""
    figure.canvas.draw()
    return " ".join(text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text")))


def ink(figure):
    """Share of pixels that are not white."""
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    return (pixels < 200).any(axis=-1).mean()


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
