import json

from hringur.agents.tours.agent import TourAgent
from hringur.agents.tours.attention_model import AttentionModelConfig
from hringur.evaluation.tours.report import draw_gaps, draw_tours, write_tables
from tests.evaluation.tours.scores import score
from tests.evaluation.tours.test_plots import TAG, run_folder

SCORES = [score("nearest neighbour", [0.1, 0.2]), score("model", [0.01, 0.02], "learned")]


def test_tables_are_written_for_readers_and_for_programs(tmp_path):
    markdown, as_json = write_tables(SCORES, tmp_path / "new")
    assert "| nearest neighbour | heuristic | 15.00 |" in markdown.read_text()
    rows = json.loads(as_json.read_text())
    assert [row["name"] for row in rows] == ["model", "nearest neighbour"]
    assert len(rows[0]["gap"]) == 2


def test_figures_are_written(tmp_path):
    runs = {"model": (run_folder(tmp_path / "run", [20.0, 2.0]), TAG)}
    files = draw_gaps(SCORES, runs, tmp_path)
    config = AttentionModelConfig(width=16, layers=1, heads=2, decoder_heads=2, feed_forward=16)
    maps, tours = draw_tours(TourAgent("IcelandTSP-v0", config, device="cpu"), tmp_path)
    assert {path.name for path in [*files, *maps]} == {
        "learning_curve.png",
        "gaps.png",
        "lecture.png",
        "towns.png",
        "next_place.png",
    }
    assert all(path.stat().st_size > 10_000 for path in [*files, *maps])
    assert len(tours["lecture"].names) == 6 and tours["towns"].gap >= 0
