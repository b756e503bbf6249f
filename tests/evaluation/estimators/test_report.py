import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from hringur.evaluation.estimators import report as estimator_report
from hringur.evaluation.estimators.bench import Measurement
from hringur.evaluation.estimators.plots import short, variance_chart
from hringur.evaluation.estimators.report import bias
from hringur.evaluation.statistics import Estimate

METRICS = Path(__file__).parents[3] / "docs" / "metrics.md"


def measurement(
    problem: str,
    estimator: str,
    relative: float,
    bias_percent: float = 0.0,
    unbiased: bool = True,
    p_value: float = 0.5,
) -> Measurement:
    return Measurement(
        problem=problem,
        estimator=estimator,
        unbiased=unbiased,
        evaluations=4,
        estimates=1000,
        bias_percent=Estimate(bias_percent, bias_percent - 0.5, bias_percent + 0.5),
        p_value=p_value,
        variance=Estimate(2 * relative, 1.9 * relative, 2.1 * relative),
        seconds=5e-4,
        relative_variance=relative,
        curve=((100, 1.0, 2.0), (1000, bias_percent, 2 * relative)),
    )


MEASURED = [
    measurement("lecture", "reinforce", 1.0),
    measurement("lecture", "disarm", 0.25),
    measurement("lecture", "gumbel-softmax", 0.1, -31.0, unbiased=False, p_value=0.0),
    measurement("gaussian", "reinforce", 1.0),
    measurement("gaussian", "reinforce-batch-mean", 0.2, -25.0, unbiased=False, p_value=0.0),
    measurement("gaussian", "pathwise", 0.02),
]


def printed(table) -> str:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text()


def test_tables_have_a_line_for_each_estimator_the_least_variance_first():
    lecture, gaussian = map(printed, estimator_report.tables(MEASURED, samples=4))
    assert "4 samples" in lecture and "1,000 estimates" in lecture
    order = [lecture.index(name) for name in ("gumbel-softmax *", "disarm", "reinforce")]
    assert order == sorted(order)
    assert "−31.0 ± 0.5" in lecture and "500" in lecture and "…" not in lecture
    assert "pathwise" in gaussian and "1.0e-03" in gaussian


def test_a_broken_promise_is_called_one():
    liar = measurement("lecture", "disarm", 0.5, 9.0, p_value=1e-9)
    assert "disarm BROKEN" in estimator_report.markdown([MEASURED[0], liar], 4)
    assert "BROKEN" not in estimator_report.markdown(MEASURED, 4)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0.834, "0.83"),
        (6.83, "6.8"),
        (47.2, "47"),
        (96_600.0, "97,000"),
        (3.41e6, "3,400,000"),
        (4e9, "4,000,000,000"),
        (float("inf"), "inf"),
    ],
)
def test_two_digits_say_enough(number, words):
    assert short(number) == words


def test_a_bias_has_digits_to_fit():
    row = measurement("lecture", "disarm", 1.0, 0.123)
    assert bias(row) == "+0.12 ± 0.50"
    wide = replace(row, bias_percent=Estimate(-6264.9, -6443.2, -6086.7))
    assert bias(wide) == "−6,265 ± 178"


def test_everything_is_written_and_every_tag_is_documented(tmp_path):
    folder = tmp_path / "new" / "bench"
    estimator_report.make_folder(folder)
    files = estimator_report.write(MEASURED, {"seed": 0}, folder, 4)
    assert [path.name for path in files] == ["results.md", "results.json", "estimators.png"]
    assert files[2].read_bytes().startswith(b"\x89PNG")
    record = json.loads(files[1].read_text())
    assert record["settings"] == {"seed": 0}
    assert record["measurements"][0]["variance_interval"] == [1.9, 2.1]
    assert [row["relative_variance"] for row in record["measurements"]][:3] == [1.0, 0.25, 0.1]

    events = EventAccumulator(str(folder / "disarm"))
    events.Reload()
    tags = events.Tags()["scalars"]
    assert [event.step for event in events.Scalars("lecture/variance")] == [100, 1000]
    documented = METRICS.read_text(encoding="utf-8")
    for tag in tags:
        assert f"`{tag.replace('lecture', 'PROBLEM')}`" in documented, tag
    assert len(tags) == 5


def test_a_figure_has_a_panel_for_each_problem_and_names_each_estimator():
    figure = variance_chart(list(estimator_report.by_problem(MEASURED)), 4)
    lecture, gaussian = figure.axes
    labels = [label.get_text() for label in lecture.get_yticklabels()]
    assert labels == ["gumbel-softmax", "disarm", "reinforce"] and lecture.yaxis_inverted()
    texts = [text.get_text() for text in gaussian.texts]
    assert texts == ["1 / 50", "1 / 5   bias −25 %", "1"]


def test_a_ratio_of_nothing_stays_on_the_axis_and_out_of_the_json(tmp_path):
    exact = [MEASURED[0], replace(measurement("lecture", "relax", 0.0))]
    figure = variance_chart(list(estimator_report.by_problem(exact)), 4)
    figure.canvas.draw()
    assert figure.axes[0].get_xlim()[0] > 0
    estimator_report.write(exact, {}, tmp_path, 4)
    assert "| inf |" in (tmp_path / "results.md").read_text()
