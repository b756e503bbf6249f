"""Films of runs by the command, beside the figures; how games were played is said."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from hringur.cli import main
from hringur.commands.evaluate.episodes import check_policy
from hringur.commands.evaluate.images import check_agent
from hringur.references.breakout import PUBLISHED
from hringur.trained import Trained
from hringur.types import UserError
from tests.commands.evaluate.breakout_runs import train_on_breakout
from tests.commands.tiny_runs import files, refusal, train


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return train_on_breakout(tmp_path_factory.mktemp("runs") / "breakout")


def evaluated(run: Path, output: Path, *options: str) -> dict:
    arguments = ["evaluate", str(run), "--device=cpu", "--episodes=2", f"--output={output}"]
    assert main([*arguments, *options]) == 0
    return json.loads(output.read_text())


def seconds(film: Path) -> float:
    """How long a GIF is shown: pictures that do not differ are put together in one."""
    with Image.open(film) as pictures:
        total = 0
        for index in range(pictures.n_frames):
            pictures.seek(index)
            total += pictures.info["duration"]
    return total / 1000


def test_the_film_is_the_first_game_of_the_figures_whole_and_unclipped(run, tmp_path, capsys):
    """Oracle: the vector environment's own account of its first game."""
    record = evaluated(run, tmp_path / "e.json", f"--video={tmp_path / 'game.gif'}")
    names = ["game-decisions.png", "game-filmstrip.png", "game.gif"]
    assert sorted(os.listdir(tmp_path)) == ["e.json", *names]
    assert sorted(Path(path).name for path in record["written"]) == names
    said = capsys.readouterr()
    first, length = record["returns"][0], record["lengths"][0]
    assert f"a return of {first:g} after {length} decisions" in said.err
    assert seconds(tmp_path / "game.gif") == pytest.approx(0.13 * (length // 2 + 1))
    assert record["env_options"]["clip_reward"] and not record["played_with"]["clip_reward"]
    assert not record["played_with"]["life_loss"]
    assert length > 100  # the first of five balls is lost much sooner


def test_a_film_ends_after_so_many_decisions(run, tmp_path, capsys):
    film = f"--video={tmp_path / 'game.gif'}"
    evaluated(run, tmp_path / "e.json", film, "--video-steps=9", "--episodes=1")
    assert "after 9 decisions" in capsys.readouterr().err
    assert seconds(tmp_path / "game.gif") == pytest.approx(0.13 * 5)


def test_a_table_of_breakout_has_the_protocol_and_what_is_published(
    run, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "100")  # of a terminal
    record = evaluated(run, tmp_path / "e.json")
    shown = " ".join(capsys.readouterr().out.split())
    own = "sticky actions 0.25, no no-ops, games cut off after 800 frames, 3 buttons"
    assert f"a {own}, likeliest actions b {own}, every action equally often" in shown
    for one in PUBLISHED:
        assert one.player in shown and one.protocol in shown
    lines = record["beside"]
    assert [line["score"] for line in lines] == sorted([x["score"] for x in lines], reverse=True)
    assert lines[0] | {"score": 864.0, "gap": 0.0, "player": "ceiling"} == lines[0]
    (mine,) = [line for line in lines if line["learned"]]
    assert mine["gap"] == pytest.approx(1 - np.mean(record["returns"]) / 864)
    assert mine["frames"] == pytest.approx(2 * 2 * 16 * 4 / 1e6, rel=0.1)


def test_games_may_be_played_by_another_protocol(run, tmp_path, capsys):
    """Oracle: without chance in it, a game is the same whatever the seed."""
    options = ["--option", "sticky=0.0", "max_frames=400"]
    record = evaluated(run, tmp_path / "e.json", *options)
    shown = capsys.readouterr().out
    assert "no sticky actions, no no-ops, games cut off after 400 frames" in shown
    assert "different games of reinforce: 1 of 2" in shown
    assert record["played_with"]["sticky"] == 0 and record["env_options"]["max_frames"] == 800
    assert len(set(record["returns"])) == len(set(record["lengths"])) == 1
    assert record["different_games"] == 1


@pytest.mark.parametrize(
    "option, said",
    [
        ("frame_size=50", "the run was trained on other observations"),
        ("colour=1", "has no option 'colour'"),
        ("sticky=2.0", "sticky must be at least 0"),
    ],
)
def test_what_would_be_another_task_is_refused(option, said, run, tmp_path, capsys):
    assert main(["evaluate", str(run), "--option", option]) == 2
    assert said in refusal(capsys)


def test_drawn_actions_follow_the_seed_and_are_said_to_be_drawn(run, tmp_path, capsys):
    def lengths(seed, name):
        options = ["--actions=sampled", f"--seed={seed}"]
        record = evaluated(run, tmp_path / name, *options)
        assert "actions drawn from the policy" in capsys.readouterr().out
        return record["returns"], record["lengths"]

    assert lengths(1, "a") == lengths(1, "b") != lengths(2, "c")


@pytest.mark.parametrize(
    "name, said",
    [
        ("game.mov", "a video must end in .mp4 or .gif"),
        ("nowhere/game.gif", "there is no folder"),
        ("folder.gif", "it is a folder"),
        ("/proc/game.gif", "cannot write /proc/game.gif"),
    ],
)
def test_a_bad_path_is_refused_before_anything_is_loaded(name, said, tmp_path, capsys, monkeypatch):
    (tmp_path / "folder.gif").mkdir()
    monkeypatch.setattr(
        "hringur.commands.evaluate.command.load_trained", lambda *_: pytest.fail("loaded")
    )
    assert main(["evaluate", "a-run", f"--video={tmp_path / name}"]) == 2
    assert said in refusal(capsys)
    assert os.listdir(tmp_path) == ["folder.gif"]


def test_tours_can_be_filmed_and_draw_no_actions(tmp_path, capsys):
    assert train("maskable-ppo", tmp_path / "run", "--steps=1", "--places=5") == 0
    film = tmp_path / "tour.gif"
    options = ["--held-out=iceland-20"]
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "run"), f"--video={film}", *options]) == 2
    assert "decides on 5 places" in refusal(capsys) and not film.exists()
    assert main(["evaluate", str(tmp_path / "run"), "--actions=sampled"]) == 2
    assert "--actions is for agents without tours" in refusal(capsys)
    assert train("maskable-ppo", tmp_path / "20", "--steps=1") == 0
    before = files(tmp_path / "20")
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "20"), "--count=2", f"--video={film}", "--json"]) == 0
    written = json.loads(capsys.readouterr().out)["written"]
    assert [Path(path).name for path in written] == ["tour.gif", "tour-filmstrip.png"]
    assert seconds(film) == pytest.approx(0.5 * 10)  # of 20 pictures, every second one
    assert files(tmp_path / "20") == before


def test_who_is_no_agent_or_has_no_policy_is_refused_by_name():
    asked = SimpleNamespace(video=Path("x.gif"), actions="likeliest", option=())
    model = Trained(path=Path("x"), name="vae", learner=SimpleNamespace(of="images"))
    with pytest.raises(UserError, match="vae is a model of images, no agent: it has no --video"):
        check_agent(model, asked)
    values = Trained(path=Path("x"), name="dqn", learner=SimpleNamespace(has_policy=False))
    with pytest.raises(UserError, match="dqn knows values, not chances"):
        check_policy(values, SimpleNamespace(actions="sampled"))
    check_policy(values, asked)
