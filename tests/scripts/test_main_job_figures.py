import json

import gymnasium as gym
import numpy as np
import pytest

from hringur.agents.tours.agent import TourAgent
from hringur.agents.tours.attention_model import AttentionModelConfig
from hringur.agents.tours.pictures import next_place_probability
from hringur.envs.tours.drawing import tour_figure
from hringur.references.tours.heuristics import nearest_neighbour
from hringur.types import UserError
from tests.evaluation.tours.scores import score
from tests.evaluation.tours.test_plots import ink, texts
from tests.scripts.loading import load_script

figures = load_script("main_job_figures")
learning_curve = figures.learning_curve

TAG = "gap_percent"
SCORES = [score("nearest neighbour", [0.1, 0.2]), score("model", [0.01, 0.02], "learned")]


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


def test_tables_are_written_for_readers_and_for_programs(tmp_path):
    markdown, as_json = figures.write_tables(SCORES, tmp_path)
    assert "| nearest neighbour | heuristic | 15.00 |" in markdown.read_text()
    rows = json.loads(as_json.read_text())
    assert [row["name"] for row in rows] == ["model", "nearest neighbour"]
    assert len(rows[0]["gap"]) == 2


def test_figures_are_written(tmp_path):
    runs = {"model": (run_folder(tmp_path / "run", [20.0, 2.0]), TAG)}
    files = figures.draw_gaps(SCORES, runs, tmp_path)
    config = AttentionModelConfig(width=16, layers=1, heads=2, decoder_heads=2, feed_forward=16)
    agent = TourAgent("IcelandTSP-v0", config, device="cpu")
    maps, tours = figures.draw_tours(agent, tmp_path)
    assert {path.name for path in [*files, *maps]} == {
        "learning_curve.png",
        "gaps.png",
        "lecture.png",
        "towns.png",
        "next_place.png",
    }
    assert all(path.stat().st_size > 10_000 for path in [*files, *maps])
    assert len(tours[0].names) == 6 and "km" in tours[1].note


class Nearest:
    def plan(self, instances, decoding=None):
        return nearest_neighbour(instances.distance)


def test_a_tour_is_driven_and_drawn():
    """Oracle: the same choices, made one at a time in the single environment."""
    found = figures.tour_on_map(Nearest(), "lecture", title="six places")
    env = gym.make("IcelandTSP-v0", places="lecture").unwrapped
    env.reset(seed=0)
    names = list(env.sampler.names(env.instance))
    assert list(found.names) == names and sorted(found.tour) == list(range(6))
    env.reset(options={"instances": env.instance, "start": found.tour[0]})
    for place in found.tour[1:]:
        *_, info = env.step(place)
    driven = f"{info['tour_km']:,.1f} km"
    assert found.note.startswith(driven) and f"{env.optimal_km():,.1f} km" in found.note
    shown = tour_figure(found)
    assert "six places" in texts(shown) and driven in texts(shown)
    assert ink(shown) > 0.01


def test_a_shortest_tour_is_said_to_be_one():
    found = figures.tour_on_map(Nearest(), ["Reykjavík", "Selfoss", "Akureyri"], title="three")
    assert "proven shortest" in found.note and "over" not in found.note


def test_the_hardest_moment_of_a_tour_is_shown():
    config = AttentionModelConfig(width=16, layers=1, heads=2, decoder_heads=2, feed_forward=16)
    agent = TourAgent("IcelandTSP-v0", config, env_options={"places": 8}, device="cpu")
    env = gym.make("IcelandTSP-v0", places=8).unwrapped
    env.reset(seed=1)
    tour = np.random.default_rng(0).permutation(8)
    so_far, probability = figures.most_open_decision(agent, env.instance, tour)
    assert 2 <= len(so_far) and (so_far == tour[: len(so_far)]).all()
    entropies = [
        -sum(
            p * np.log(p)
            for p in next_place_probability(agent.average, env.instance, tour[:n])
            if p
        )
        for n in range(2, 7)
    ]
    shown = -sum(p * np.log(p) for p in probability if p)
    assert shown == pytest.approx(max(entropies), abs=1e-6)
