"""The table of estimators on counts: rows from runs, and variances at one network."""

import hringur
from hringur.generative.models.attend_infer_repeat import AttendInferRepeat, AttendInferRepeatConfig
from tests.scripts.loading import load_script

script = load_script("measure_counting")


def test_a_row_has_the_mean_with_its_interval_and_the_runs_that_succeed(monkeypatch, capsys):
    def trained(options, name, seed):
        return {script.COUNT: 94.0 + seed, script.UNSEEN: 50.0}

    monkeypatch.setattr(script, "trained", trained)
    monkeypatch.setattr(script, "variance", lambda options, name: 12.345)
    script.main(script.Counting(folder="nowhere", estimators=("vimco",)))
    rows = capsys.readouterr().out.splitlines()
    # Student's t with two degrees of freedom: 4.3027 / sqrt(3) times the runs' deviation, 1.
    assert rows[2] == "| `vimco` | 95.00 [92.52, 97.48] | 94.00 | 2 of 3 | 50.00 | 12.3 |"
    assert rows[3].startswith("| `supervised` |") and rows[3].endswith("| 50.00 |  |")


def test_the_variance_is_that_of_the_estimator_at_the_network_of_the_exact_sum(monkeypatch):
    config = AttendInferRepeatConfig(width=8)
    exact = AttendInferRepeat(config=config, seed=3, device="cpu")
    asked = []
    monkeypatch.setattr(hringur, "load", lambda path: asked.append(path) or exact)
    options = script.Counting(folder=script.Path("runs"))
    assert script.variance(options, "exact") == 0.0
    one, four = script.variance(options, "reinforce"), script.variance(options, "vimco")
    assert one != four and min(one, four) > 0
    assert asked == [script.Path("runs/exact-0")] * 3
