import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from hringur.agents.tours.agent import TourAgent
from hringur.cli import main
from hringur.data.tours.held_out import held_out
from hringur.evaluation.tours.methods import learner_scores
from hringur.evaluators.tours import own_held_out
from hringur.trained import load_run
from tests.commands.tiny_runs import files, refusal, train

COUNT = "--count=8"


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    for name in ("attention-model", "ppo", "maskable-ppo"):
        assert train(name, folder / name, "--steps=1") == 0
    assert train("attention-model", folder / "small", "--steps=1", "--places=6") == 0
    assert train("ppo", folder / "small-ppo", "--steps=1", "--places=6") == 0
    agent = TourAgent("IcelandTSP-v0", device="cpu", env_options={"round_trip": False})
    agent.save(folder / "open.safetensors")
    return {path.stem: path for path in folder.iterdir()}


def evaluated(capsys, *arguments: str) -> dict:
    assert main(["evaluate", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_it_is_what_the_evaluation_says(runs, capsys):
    """Oracle: the same learner, loaded by hand and scored by the library."""
    record = evaluated(capsys, runs["attention-model"], COUNT)
    assert (record["held_out"], record["instances"]) == ("iceland-20", 8)
    assert record["learner"] == "attention-model"
    agent_file = runs["attention-model"].parent / "copy.safetensors"
    load_run(runs["attention-model"], "cpu")[1].save(agent_file)
    scores = learner_scores("x", TourAgent.load(agent_file, "cpu"), held_out("iceland-20").first(8))
    expected = {score.decoding: score.mean_gap.value for score in scores}
    found = {row["decoding"]: row["mean_gap"] for row in record["scores"]}
    assert found == pytest.approx(expected)
    assert set(found) == {"greedy", "greedy from all starts"}
    from_file = evaluated(capsys, agent_file, COUNT)
    assert {row["decoding"]: row["mean_gap"] for row in from_file["scores"]} == found


def test_two_opt_has_its_own_rows_and_is_never_longer(runs, capsys):
    methods = ["--method", "greedy", "sampling", "--samples=3"]
    record = evaluated(capsys, runs["attention-model"], COUNT, *methods, "--two-opt", "--seed=5")
    gaps = {row["decoding"]: row["mean_gap"] for row in record["scores"]}
    assert len(gaps) == 4
    for label in ("greedy", "best of 3 samples"):
        assert 0 <= gaps[f"{label} + 2-opt"] < gaps[label]


def test_samples_follow_the_seed(runs, capsys):
    def gap(seed):
        options = ["--method", "sampling", "--samples=2", f"--seed={seed}"]
        return evaluated(capsys, runs["attention-model"], COUNT, *options)["scores"][0]["mean_gap"]

    assert gap(1) == gap(1) != gap(2)


def test_beams_and_symmetries_are_named(runs, capsys):
    options = ["--method", "beam", "--beam-width=2", "--symmetries=8"]
    (row,) = evaluated(capsys, runs["attention-model"], COUNT, *options)["scores"]
    assert row["decoding"] == "beam of 2 + 8 symmetries"
    assert row["command"].endswith("--beam-width=2 --symmetries=8 --json")


def test_learners_that_decide_step_by_step(runs, capsys):
    rows = evaluated(capsys, runs["ppo"], COUNT)["scores"]
    assert {row["decoding"] for row in rows} == {"greedy, masked", "greedy"}
    (row,) = evaluated(capsys, runs["maskable-ppo"], COUNT)["scores"]
    assert row["share_valid"] == 1 and row["mean_gap"] > 0


def test_a_network_serves_other_sets_when_asked(runs, capsys):
    record = evaluated(capsys, runs["small"], "--held-out=euclidean-20", COUNT)
    assert record["held_out"] == "euclidean-20"
    assert record["scores"][0]["unit"] == "unit lengths"


@pytest.mark.parametrize("run, places", [("small", 6), ("open", 20)])
def test_without_a_shipped_set_its_own_instances_are_drawn_and_solved(run, places, runs, capsys):
    record = evaluated(capsys, runs[run], "--count=5")
    assert record["held_out"] == f"IcelandTSP-v0, {places} places" and record["instances"] == 5
    problem = own_held_out("IcelandTSP-v0", {"places": places, "round_trip": run != "open"}, 5)
    for row in record["scores"]:
        assert row["share_valid"] == 1 and row["mean_gap"] > 0
    for table, shortest in zip(problem.instances.distance, problem.optimal, strict=True):
        if run == "small":
            ways = [[0, *rest] for rest in itertools.permutations(range(1, 6))]
            assert shortest == pytest.approx(min(table[w, np.roll(w, -1)].sum() for w in ways))


def test_the_shipped_agent_by_name(capsys):
    record = evaluated(capsys, "attention-model", "--held-out=iceland-20", COUNT)
    assert record["scores"][0]["mean_gap"] < 0.05


def test_table(runs, capsys):
    assert main(["evaluate", str(runs["attention-model"]), COUNT]) == 0
    shown = capsys.readouterr()
    assert "iceland-20, 8 instances" in shown.out and "optimal %" in shown.out
    assert "measuring" in shown.err and "measuring" not in shown.out


def test_output_holds_every_instance_and_nothing_is_written_unasked(runs, tmp_path, capsys):
    before = files(runs["attention-model"])
    output = runs["attention-model"] / "evaluation.json"
    assert main(["evaluate", str(runs["attention-model"]), COUNT, f"--output={output}"]) == 0
    rows = json.loads(output.read_text())["scores"]
    assert all(len(row["gap"]) == 8 and np.mean(row["gap"]) == row["mean_gap"] for row in rows)
    assert files(runs["attention-model"]).keys() - before.keys() == {"evaluation.json"}

    capsys.readouterr()
    kept = output.read_bytes()
    assert main(["evaluate", str(runs["attention-model"]), f"--output={output}"]) == 2
    assert "exists already" in refusal(capsys)
    assert output.read_bytes() == kept
    output.unlink()
    nowhere = tmp_path / "no" / "file.json"
    assert main(["evaluate", str(runs["attention-model"]), f"--output={nowhere}"]) == 2
    assert "no folder" in refusal(capsys)
    assert (
        evaluated(capsys, runs["attention-model"], COUNT)
        and files(runs["attention-model"]) == before
    )


@pytest.mark.parametrize(
    "run, options, said",
    [
        ("small-ppo", ["--held-out=iceland-20"], "decides on 6 places"),
        ("open", ["--held-out=iceland-20"], "open paths"),
        ("attention-model", ["--held-out=iceland-21"], "iceland-20, iceland-50"),
        ("attention-model", ["--count=0"], "--count must be at least 1, got 0"),
        ("attention-model", ["--count=1001"], "got 1001"),
        ("attention-model", ["--episodes=5"], "--episodes is of agents without tours"),
        ("attention-model", ["--samples=0"], "--samples must be in 1..100,000, got 0"),
        ("attention-model", ["--method=best"], "best"),
        ("attention-model", ["--symmetries=4"], "4"),
        ("attention-model", ["--seed=-1"], "--seed"),
        ("maskable-ppo", ["--method=beam"], "has no --method beam"),
        ("maskable-ppo", ["--two-opt"], "has no --two-opt"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(run, options, said, runs, capsys):
    before = files(runs[run])
    assert main(["evaluate", str(runs[run]), *options]) == 2
    assert said in refusal(capsys)
    assert files(runs[run]) == before


def test_files_that_are_no_agents(tmp_path, capsys):
    cut_off, text = tmp_path / "cut.safetensors", tmp_path / "notes.txt"
    TourAgent("IcelandTSP-v0", device="cpu").save(cut_off)
    cut_off.write_bytes(cut_off.read_bytes()[:-1000])
    text.write_text("not a checkpoint")
    for path, said in [
        (cut_off, "cut off or damaged"),
        (text, "no checkpoint"),
        (tmp_path / "missing", "nothing is there"),
        (tmp_path, "no run folder"),
    ]:
        assert main(["evaluate", str(path)]) == 2
        assert said in refusal(capsys)


def test_help_tells_defaults(capsys):
    assert main(["evaluate", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "RUN" in shown and "tours drawn for each instance (sampling) (default: 128)" in shown
