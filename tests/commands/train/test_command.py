import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from hringur.agents.tours.agent import TourAgent
from hringur.cli import main
from hringur.registry import LEARNERS
from hringur.training import checkpoint
from hringur.training.run_folder import RunFolder
from tests.commands.tiny_runs import TINY, files, refusal, train

SMALL = ["--places=6", "--evaluate-every-seconds=None", "--checkpoint-every-seconds=None"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "trained"
    assert train("attention-model", folder, "--steps=2", *SMALL) == 0
    return folder


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "hringur", *arguments]


def quiet(*arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(condition, process: subprocess.Popen, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.005)


def tensors(state, where="") -> dict[str, torch.Tensor]:
    if isinstance(state, torch.Tensor):
        return {where: state}
    parts = state.items() if isinstance(state, dict) else enumerate(state)
    found = {}
    for key, part in parts if isinstance(state, dict | list | tuple) else ():
        if isinstance(part, dict | list | tuple | torch.Tensor):
            found |= tensors(part, f"{where}/{key}")
    return found


@pytest.mark.parametrize("name", LEARNERS)
def test_every_learner_trains(name, tmp_path, capsys):
    assert train(name, tmp_path / "run", "--places=6", "--steps=2") == 0
    record = json.loads(capsys.readouterr().out)
    assert record["steps"] == 2 and not record["interrupted"]
    assert record["metrics"]["evaluation/gap_percent"] >= 0
    settings = json.loads((tmp_path / "run" / "config.json").read_text())
    assert settings["learner"] == name and settings["env_options"]["places"] == 6
    assert (tmp_path / "run" / "metrics.json").exists()


def test_a_budget_in_steps_is_not_cut_short_by_the_clock(trained):
    assert json.loads((trained / "config.json").read_text())["trainer"]["seconds"] is None


def test_the_result_is_a_table_and_the_next_command(tmp_path, capsys):
    options = [*TINY["attention-model"], *SMALL, "--steps=1", "--device=cpu"]
    assert main(["train", "attention-model", *options, f"--folder={tmp_path / 'run'}"]) == 0
    shown = capsys.readouterr()
    assert "evaluation/gap_percent" in shown.out
    assert f"hringur evaluate {tmp_path / 'run'}" in shown.out
    assert "step 1" in shown.err


def test_killed_and_resumed_it_ends_in_the_same_weights(tmp_path):
    """The whole command line: SIGKILL in mid-training, then ``--resume``."""
    budget = ["--steps=80", "--checkpoint-every-steps=5", "--places=8"]
    options = [*TINY["attention-model"], *SMALL, *budget, "--device=cpu", "--json"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert train("attention-model", whole, *SMALL, *budget) == 0

    process = quiet("train", "attention-model", *options, f"--folder={killed}")
    wait_for(lambda: list(killed.glob("checkpoints/step-*")), process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    before = RunFolder.open(killed).latest_checkpoint()
    assert before is not None and before.name < "step-0000000080"
    assert not (killed / "metrics.json").exists()

    assert main(["train", "--resume", str(killed), "--json"]) == 0
    ends = [checkpoint.load(RunFolder.open(path).latest_checkpoint()) for path in (whole, killed)]
    expected, found = (tensors(state["learner"]) for state in ends)
    assert expected.keys() == found.keys() and len(expected) > 30
    for name, tensor in expected.items():
        assert torch.equal(tensor, found[name]), name
    assert ends[0]["metrics"] == ends[1]["metrics"]


def test_killed_before_its_first_checkpoint_it_starts_again(tmp_path, trained):
    folder = tmp_path / "run"
    RunFolder.create(folder, json.loads((trained / "config.json").read_text()))
    assert main(["train", "attention-model", "--resume", str(folder), "--json"]) == 0
    ends = [checkpoint.load(RunFolder.open(path).latest_checkpoint()) for path in (trained, folder)]
    expected, found = (tensors(state["learner"]) for state in ends)
    assert all(torch.equal(tensor, found[name]) for name, tensor in expected.items())


def test_ctrl_c_saves_and_tells_how_to_go_on(tmp_path):
    folder = tmp_path / "a run"
    options = [*TINY["attention-model"], *SMALL, "--steps=1000000", "--checkpoint-every-steps=5"]
    process = quiet("train", "attention-model", *options, "--device=cpu", f"--folder={folder}")
    wait_for(lambda: list(folder.glob("checkpoints/step-*")), process)
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=300)
    assert process.returncode == 130 and out == ""
    assert f"hringur train --resume '{folder}'" in said and "Traceback" not in said
    steps = checkpoint.load(RunFolder.open(folder).latest_checkpoint())["now"]["steps"]
    assert f"stopped after {steps:,} steps" in said


def test_stopped_on_a_new_budget_it_repeats_that_budget(trained, tmp_path, capsys, monkeypatch):
    """Else the next resumption would end at the old one."""
    folder = copy_of(trained, tmp_path / "run")
    update = TourAgent.update

    def stop(agent, batch, progress):
        signal.raise_signal(signal.SIGTERM)
        return update(agent, batch, progress)

    monkeypatch.setattr(TourAgent, "update", stop)
    assert main(["train", "--resume", str(folder), "--steps=9", "--device=cpu"]) == 130
    said = capsys.readouterr().err
    assert "stopped after 3 steps" in said
    assert f"hringur train --resume {folder} --steps=9 --device=cpu" in said.replace("\n", " ")
    assert newest(folder).name == "step-0000000003.safetensors"


def test_a_new_budget_goes_on_beyond_the_old_one(trained, tmp_path, capsys):
    folder = copy_of(trained, tmp_path / "run")
    assert main(["train", f"--resume={folder}", "--steps=3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 3
    assert json.loads((folder / "metrics.json").read_text())["step"] == 3


def test_another_run_gives_its_weights(trained, tmp_path):
    folder = tmp_path / "second"
    assert train("attention-model", folder, *SMALL, "--steps=1", f"--initial={trained}") == 0
    agent = tmp_path / "agent.safetensors"
    TourAgent("IcelandTSP-v0", device="cpu").save(agent)
    other = tmp_path / "third"  # of another width than the saved agent
    assert train("attention-model", other, *SMALL, "--steps=1", f"--initial={agent}") == 2
    assert not other.exists()


@pytest.mark.parametrize(
    "options, said",
    [
        (["--stepps=1"], "--stepps"),
        (["--steps=many"], "many"),
        (["--steps=0"], "steps must be positive and finite, got 0"),
        (["--seed=-1"], "seed must be in 0..4294967295, got -1"),
        (["--batch=0"], "batch must be positive and finite, got 0"),
        (["--places=1"], "1"),
        (["--places=95"], "95"),
        (["--places=nowhere"], "nowhere"),
        (["--env=NoSuchTSP-v0"], "NoSuchTSP"),
        (["--env=EuclideanTSP-v0", "--season=winter"], "--season"),
        (["--season=autumn"], "autumn"),
        (["--places=lecture", "--season=winter"], "Landmannalaugar"),
        (["--initial=nothing-there"], "nothing-there"),
    ],
)
def test_bad_settings_are_refused_in_one_line(options, said, tmp_path, capsys):
    assert train("attention-model", tmp_path / "run", "--steps=1", *options) == 2
    assert said in refusal(capsys)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "wanted"),
    [
        ("is_slippery=maybe", "is_slippery must be True or False, got 'maybe'"),
        ("is_slippery=2", "is_slippery must be True or False, got 2"),
        ("success_rate=often", "success_rate must be a number, got 'often'"),
    ],
)
def test_an_option_is_held_against_the_environments_own_default(option, wanted, tmp_path, capsys):
    arguments = ["train", "a2c", "--env", "FrozenLake-v1", "--option", option, "--steps=1"]
    assert main([*arguments, "--folder", str(tmp_path / "run")]) == 2
    assert refusal(capsys) == f"hringur: FrozenLake-v1: {wanted}"
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_compiled_is_refused_before_there_is_a_folder(tmp_path, capsys):
    options = ["--env", "CartPole-v1", "--n-envs", "2", "--steps", "1", "--compile"]
    assert main(["train", "a2c", *options, "--folder", str(tmp_path / "run")]) == 2
    assert refusal(capsys) == "hringur: compile: a SB3Learner cannot be compiled"
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused(tmp_path, capsys):
    assert train("attention-model", tmp_path / "run", "--steps=1", "--device=cuda") == 2
    assert "device cuda" in refusal(capsys)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_refused(trained, capsys):
    before = files(trained)
    assert train("attention-model", trained, "--steps=1") == 2
    assert "exists already" in refusal(capsys)
    assert files(trained) == before


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file" / "run", Path("/proc/run"), tmp_path / "file"):
        assert train("attention-model", folder, "--steps=1", *SMALL) == 2
        assert str(folder) in refusal(capsys)
    assert (tmp_path / "file").read_text() == "in the way"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission_is_refused(tmp_path, capsys):
    (tmp_path / "mine").mkdir(mode=0o500)
    assert train("attention-model", tmp_path / "mine", "--steps=1", *SMALL) == 2
    assert "may not be written to" in refusal(capsys)


def copy_of(run: Path, folder: Path) -> Path:
    for name, content in files(run).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def newest(folder: Path) -> Path:
    return max((folder / "checkpoints").iterdir())


def truncated(folder: Path) -> str:
    newest(folder).write_bytes(newest(folder).read_bytes()[:-100])
    return "cut off or damaged"


def emptied(folder: Path) -> str:
    newest(folder).write_bytes(b"")
    return "no checkpoint"


def foreign(folder: Path) -> str:
    checkpoint.save(newest(folder), {"weights": {"a": torch.zeros(3)}})
    return "no run's"


def of_another_architecture(folder: Path) -> str:
    return edited(folder, '"width": 16', '"width": 32', "of another architecture")


def of_another_learner(folder: Path) -> str:
    settings = json.loads((folder / "config.json").read_text())
    settings |= {"learner": "ppo", "config": {}}
    (folder / "config.json").write_text(json.dumps(settings))
    return "expected PPO"


def of_no_learner(folder: Path) -> str:
    return edited(folder, "attention-model", "attention-mode", "unknown learner 'attention-mode'")


def with_an_unknown_setting(folder: Path) -> str:
    return edited(folder, '"width"', '"girth"', "unknown girth")


def with_text_for_a_number(folder: Path) -> str:
    return edited(folder, '"batch": 4', '"batch": "four"', "config.json")


def with_half_a_config(folder: Path) -> str:
    config = folder / "config.json"
    config.write_text(config.read_text()[:40])
    return "config.json as JSON"


def without_a_config(folder: Path) -> str:
    (folder / "config.json").unlink()
    return "no run folder"


def edited(folder: Path, old: str, new: str, said: str) -> str:
    config = folder / "config.json"
    assert old in config.read_text()
    config.write_text(config.read_text().replace(old, new))
    return said


@pytest.mark.parametrize(
    "spoil",
    [
        truncated,
        emptied,
        foreign,
        of_another_architecture,
        of_another_learner,
        of_no_learner,
        with_an_unknown_setting,
        with_text_for_a_number,
        with_half_a_config,
        without_a_config,
    ],
)
@pytest.mark.parametrize("use", [["train", "--resume"], ["evaluate"]])
def test_a_spoilt_run_is_refused_and_left_alone(spoil, use, trained, tmp_path, capsys):
    folder = copy_of(trained, tmp_path / "run")
    said = spoil(folder)
    before = files(folder)
    assert main([*use, str(folder)]) == 2
    assert said in refusal(capsys)
    assert files(folder) == before


def test_resuming_what_is_not_there_or_is_another_learner(trained, tmp_path, capsys):
    assert main(["train", "--resume", str(tmp_path / "nothing")]) == 2
    assert "no run folder" in refusal(capsys)
    assert main(["train", "ppo", "--resume", str(trained)]) == 2
    assert "trains attention-model, not ppo" in refusal(capsys)
    assert main(["train", "--resume", str(trained), "--steps=0"]) == 2
    assert "steps must be positive" in refusal(capsys)


def test_a_loss_that_is_not_finite_is_one_line_and_exit_code_1(tmp_path, capsys, monkeypatch):
    def diverge(agent, batch, progress):
        raise FloatingPointError("loss nan: not finite")

    monkeypatch.setattr(TourAgent, "update", diverge)
    assert train("attention-model", tmp_path / "run", *SMALL, "--steps=5") == 1
    assert "failed: step 1: loss nan" in refusal(capsys)


def test_an_unknown_learner_is_refused(capsys):
    assert main(["train", "reinforse", "--steps=1"]) == 2
    assert "unknown learner 'reinforse'" in refusal(capsys)
    assert main(["train"]) == 2
    assert "maskable-ppo" in refusal(capsys)


@pytest.mark.parametrize("name", LEARNERS)
def test_help_tells_units_and_defaults(name, capsys):
    assert main(["train", name, "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "budget in seconds of training" in shown and "(default: 20)" in shown
    assert "[0 .. 2**32 - 1]" in shown


def test_help_without_a_learner(capsys):
    assert main(["train", "--help"]) == 0
    assert "pointer-network" in capsys.readouterr().out
    assert main(["train", "--resume", "--help"]) == 0
    assert "folder of the run" in capsys.readouterr().out


def test_other_environments_take_their_own_options(tmp_path, capsys):
    folder = tmp_path / "run"
    arguments = ["train", "a2c", "--env", "FrozenLake-v1", "--option", "is_slippery=false"]
    assert main([*arguments, "--steps=1", "--n-envs=2", f"--folder={folder}", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert 0 <= found["metrics"]["evaluation/return_mean"] <= 1
    settings = json.loads((folder / "config.json").read_text())
    assert settings["env_options"] == {"is_slippery": False}
    assert main(["evaluate", str(folder), "--episodes=5", "--json"]) == 0
    scores = {score["name"]: score for score in json.loads(capsys.readouterr().out)["scores"]}
    assert scores["optimum"]["mean_return"] == pytest.approx(1) and scores["optimum"]["gap"] == 0
    assert scores["a2c"]["gap"] == pytest.approx(1 - scores["a2c"]["mean_return"])
    assert "random actions" in scores


@pytest.mark.parametrize(
    "options, said",
    [
        (["--env=CartPole-v1", "--places=5"], "--places is no option of CartPole-v1"),
        (["--env=CartPole-v1", "--option", "mass=3"], "CartPole-v1 has no option 'mass'"),
        (["--env=Pendulum-v1"], "those of Pendulum-v1 are Box"),
        (["--option", "places"], "--option must be KEY=VALUE, got 'places'"),
    ],
)
def test_what_an_environment_does_not_know_is_refused(options, said, tmp_path, capsys):
    assert main(["train", "ppo", f"--folder={tmp_path / 'run'}", *options]) == 2
    message = capsys.readouterr().err
    assert said in message and message.count("\n") == 1
    assert not (tmp_path / "run").exists()
