"""The comparison of estimators on binary codes: its table, and the script that fills it."""

import pytest

from tests.scripts.loading import load_script

script = load_script("discrete_codes")


def run(estimator: str, seed: int, elbo: float):
    return script.CodeRun(
        estimator=estimator, seed=seed, elbo_nats=elbo, gradient_variance_nats2=2.0 + seed
    )


def test_the_best_bound_comes_first_with_its_interval():
    runs = [run("reinforce", s, -200.0 - s) for s in range(3)]
    runs += [run("rebar", s, -100.0 - s) for s in range(3)]
    groups = script.by_estimator(runs)
    assert list(groups) == ["rebar", "reinforce"]
    _, bound, variance = groups["rebar"]
    half = 4.302653 / 3**0.5  # Student's t with two degrees of freedom; the runs' deviation is 1
    assert bound.value == -101.0 and variance.value == 3.0
    assert (bound.low, bound.high) == pytest.approx((-101 - half, -101 + half), rel=1e-6)
    assert "| rebar | 3 | -101 | [-103.5, -98.52] | 3 | [0.516, 5.48] |" in script.markdown(runs)


def test_the_script_keeps_what_is_done(tmp_path, monkeypatch, capsys):
    options = script.DiscreteCodes(
        dataset="digits",
        estimators=("reinforce", "disarm"),
        seeds=2,
        samples=256,
        latent=4,
        folder=tmp_path / "runs",
        figure=tmp_path / "codes.png",
    )
    script.main(options)
    table = capsys.readouterr().out
    assert "| reinforce | 2 |" in table and "| disarm | 2 |" in table
    assert options.figure.read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr(script, "train", None)  # nothing is trained again
    script.main(options)
    assert capsys.readouterr().out == table[table.index("means over runs") :]
