"""Agents and models go to a stand-in for the Hub through its real client, and come back."""

import json
import shlex
import sys
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
import torch

import hringur
from hringur.cli import main
from hringur.commands import push
from hringur.commands.push import train_command
from hringur.trained import load_trained
from hringur.training import checkpoint
from hringur.training.config import TrainerConfig
from hringur.types import UserError
from tests.commands.tiny_runs import refusal, train
from tests.scripts.loading import load_script

pytest.importorskip("huggingface_hub")
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content:DeprecationWarning")  # the client's

stand_in = load_script("hub_stand_in")
TRADING = ["--env=StockTrading-v0", "--option", "prices=autoregressive", "episode_days=8"]


def forget_client():
    for name in [name for name in sys.modules if name.partition(".")[0] == "huggingface_hub"]:
        del sys.modules[name]


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The client reads its variables when it is imported."""
    with stand_in.serving() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setenv("HF_TOKEN", stand_in.TOKEN)
        for variable in ("XET", "PROGRESS_BARS", "TELEMETRY", "IMPLICIT_TOKEN"):
            monkeypatch.setenv(f"HF_HUB_DISABLE_{variable}", str(int(variable != "IMPLICIT_TOKEN")))
        forget_client()
        yield hub
    forget_client()


def files_of(hub, repo_id):
    return hub.repositories[repo_id][-1][1]


def card_of(hub, repo_id):
    from huggingface_hub import ModelCard

    return ModelCard(files_of(hub, repo_id)["README.md"].decode())


@pytest.mark.parametrize("name", ["reinforce", "a2c"])
def test_a_run_comes_back_the_same_with_measured_figures(name, hub, tmp_path, capsys):
    run = tmp_path / "run"
    assert train(name, run, *TRADING, "--steps=2") == 0
    capsys.readouterr()
    assert main(["push", str(run), "user/trader", "--count=6"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{hub.address}/user/trader/commit/") and out.count("\n") == 1
    sent = files_of(hub, "user/trader")
    assert {"README.md", "config.json", "model.safetensors", "replay.gif"} < sent.keys()
    assert sent["config.json"] == (run / "config.json").read_bytes()

    assert main(["evaluate", str(run), "--episodes=6", "--json"]) == 0
    own = json.loads(capsys.readouterr().out)["scores"]
    card = card_of(hub, "user/trader")
    assert card.data.library_name == "hringur" and name in card.data.tags
    by_kind = {result.metric_type: result for result in card.data.eval_results}
    assert by_kind["mean_return"].metric_value == pytest.approx(own[0]["mean_return"], abs=1e-6)
    low, high = own[0]["mean_return_interval"]
    assert f"[{low:.4g}, {high:.4g}]" in by_kind["mean_return"].metric_name
    assert "| optimum |" in card.text and "![replay](replay.gif)" in card.text
    (command,) = [line for line in card.text.splitlines() if line.startswith("hringur evaluate")]
    assert main([*shlex.split(command)[1:], "--json"]) == 0  # what the card says can be done
    again = json.loads(capsys.readouterr().out)
    assert again["run"] == "hub:user/trader"
    assert [s["mean_return"] for s in again["scores"]] == [s["mean_return"] for s in own]
    seen = gymnasium.make("StockTrading-v0", prices="autoregressive").reset(seed=1)[0][None]
    agents = hringur.load(run), hringur.from_pretrained("user/trader")
    chances = [agent.probabilities(seen) for agent in agents]
    np.testing.assert_array_equal(*chances)


def test_the_command_of_a_card_makes_the_run(tmp_path):
    run, again = tmp_path / "run", tmp_path / "again"
    given = ["--no-normalise-reward", "--gamma=0.9", "--checkpoint-every-steps=5", "--seed=7"]
    assert train("reinforce", run, *TRADING, "--steps=1", *given) == 0
    settings = load_trained(run, "cpu").settings
    timed = replace(settings, trainer=TrainerConfig(seconds=5.0))
    assert "--seconds 5.0" in train_command(timed)
    words = shlex.split(train_command(settings))
    assert words[0] == "hringur" and main([*words[1:], f"--folder={again}", "--json"]) == 0
    assert (run / "config.json").read_bytes() == (again / "config.json").read_bytes()


def test_an_agent_in_memory_and_its_earlier_version(hub):
    agent = hringur.Reinforce("CartPole-v1", n_envs=2, n_steps=8, seed=1)
    first = agent.push_to_hub("user/pole", private=True, measure=False).rpartition("/")[2]
    agent.learn(32)
    agent.push_to_hub("user/pole", count=2, message="longer")
    assert "Nothing was measured" in hub.repositories["user/pole"][1][1]["README.md"].decode()
    assert card_of(hub, "user/pole").data.eval_results
    seen = np.ones((1, 4), np.float32)
    newest, before = (
        hringur.Reinforce.from_pretrained("user/pole", one, device="cpu") for one in (None, first)
    )
    np.testing.assert_array_equal(newest.probabilities(seen), agent.probabilities(seen))
    assert np.abs(before.probabilities(seen) - agent.probabilities(seen)).max() > 0
    assert newest.num_timesteps == agent.num_timesteps and before.num_timesteps == 0


def test_a_model_of_images(hub, tmp_path, capsys):
    run = tmp_path / "run"
    small = ["--network=dense", "--hidden=8", "--latent=2", "--batch=16"]
    assert main(["train", "vae", "--dataset=digits", *small, "--steps=1", f"--folder={run}"]) == 0
    assert main(["push", str(run), "user/vae", "--count=60"]) == 0
    card = card_of(hub, "user/vae")
    assert card.data.pipeline_tag == "unconditional-image-generation"
    assert "frechet_distance" in {result.metric_type for result in card.data.eval_results}
    assert "the data's halves" in card.text and ".png)" in card.text
    model = hringur.load(run)
    codes = torch.zeros(1, 2)
    for other in (
        hringur.from_pretrained("user/vae"),
        hringur.generative.VAE.from_pretrained("user/vae"),
    ):
        torch.testing.assert_close(other.decode(codes), model.decode(codes), rtol=0, atol=0)
    model.push_to_hub("user/other", measure=False)
    other = hringur.from_pretrained("user/other")
    torch.testing.assert_close(other.decode(codes), model.decode(codes), rtol=0, atol=0)
    capsys.readouterr()


def test_a_model_without_its_images_has_no_pictures(hub, capsys):
    assert main(["push", "faces", "user/faces", "--no-figures"]) == 0
    assert "no pictures: there are no test images to show" in capsys.readouterr().err
    assert "model.safetensors" in files_of(hub, "user/faces")


def test_a_tour_agent(hub, capsys):
    agent = hringur.TourAgent("EuclideanTSP-v0", env_options={"places": 5}, width=16, layers=1)
    agent.push_to_hub("user/tours", count=3)
    card = card_of(hub, "user/tours")
    kinds = {result.metric_type for result in card.data.eval_results}
    assert kinds == {"mean_gap"} and "hub:user/tours" in card.text
    again = hringur.TourAgent.from_pretrained("user/tours")
    instances = agent.evaluator.instances[slice(2)]
    np.testing.assert_array_equal(again.plan(instances), agent.plan(instances))
    words = ["Reykjavík", "Akureyri", "Vík", "--agent", "hub:user/tours", "--json"]
    assert main(["tour", *words]) == 0 and "hub:user/tours" in capsys.readouterr().out


def refused_measurement(*about):
    raise UserError("it cannot be measured")


def test_what_is_refused(hub, tmp_path, capsys, monkeypatch):
    run, none = tmp_path / "run", tmp_path / "none"
    assert train("reinforce", run, *TRADING, "--steps=1") == 0
    hub.repositories["user/other"] = []
    hub.commit("user/other", {"config.json": b"{}", "pytorch_model.bin": b"x"})
    hub.repositories["user/empty"] = []
    hub.commit("user/empty", {"config.json": b"{}", "model.safetensors": b"none"})
    capsys.readouterr()
    for command, reason in (
        (["push", str(none), "user/it"], "nothing is there"),
        (["push", str(run), "no name"], "must be user/name, got 'no name'"),
        (["push", str(run), "other/it"], "no other/it for this token (answer 403)"),
        (["push", str(run), "user/it", "--count=0"], "--count must be at least 1"),
        (["push", "hub:user/other", "user/it"], "is on the Hub already"),
        (["evaluate", "hub:user/missing"], "no user/missing for this token (answer 401)"),
        (["evaluate", "hub:user/other"], "it has no model.safetensors"),
        (["evaluate", "hub:user/other@v2"], "no such revision of user/other"),
        (["evaluate", "hub:user/empty"], "is no checkpoint"),
    ):
        assert main(command) == 2
        assert reason in refusal(capsys)
    assert main(["push", str(run), "user/it", "--count=3", "--message", "x"]) == 0
    capsys.readouterr()
    assert len(hub.repositories.pop("user/it")) == 2  # made, and sent to
    monkeypatch.setattr(push, "evaluated", refused_measurement)
    assert main(["push", str(run), "user/it"]) == 2
    assert "it cannot be measured" in refusal(capsys)
    assert "user/it" not in hub.repositories  # nor an empty one
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert main(["push", str(run), "user/it"]) == 2
    assert "(answer 401): check the name, and HF_TOKEN" in refusal(capsys)
    assert "user/it" not in hub.repositories


def test_settings_beyond_the_weights_take_neither_memory_nor_time(hub, tmp_path, capsys):
    run, saved = tmp_path / "run", tmp_path / "saved.safetensors"
    assert train("reinforce", run, *TRADING, "--steps=1") == 0
    settings = json.loads((run / "config.json").read_text())
    settings["config"]["width"] = 8000
    (weights,) = (run / "checkpoints").iterdir()
    files = {"config.json": json.dumps(settings).encode()}
    hub.repositories["user/wide"] = []
    hub.commit("user/wide", files | {"model.safetensors": weights.read_bytes()})
    state = checkpoint.load(weights)["learner"]
    state["reinforce"]["config"]["width"] = 8000
    checkpoint.save(saved, state)
    capsys.readouterr()
    for name in ("hub:user/wide", str(saved)):
        assert main(["evaluate", name]) == 2
        assert "has fewer weights than its settings ask for" in refusal(capsys)


def test_without_a_network(hub, monkeypatch, tmp_path, capsys):
    hub.shutdown()
    hub.server_close()
    run = tmp_path / "run"
    assert train("reinforce", run, *TRADING, "--steps=1") == 0
    capsys.readouterr()
    for command in (["push", str(run), "user/it"], ["evaluate", "hub:user/it"]):
        assert main(command) == 2
        assert "the Hub cannot be reached" in refusal(capsys)


def test_an_agent_of_wrapped_environments_has_no_figures(hub):
    env = gymnasium.wrappers.TransformReward(gymnasium.make("CartPole-v1"), lambda reward: -reward)
    agent = hringur.Reinforce(env, n_envs=2, n_steps=8)
    with pytest.raises(ValueError, match="measure=False"):
        agent.push_to_hub("user/pole")
    assert not hub.repositories
    agent.push_to_hub("user/pole", measure=False)
    again = hringur.Reinforce.from_pretrained("user/pole", env=env)
    seen = np.ones((1, 4), np.float32)
    np.testing.assert_array_equal(again.probabilities(seen), agent.probabilities(seen))


def test_the_missing_extra_is_named(monkeypatch, capsys):
    forget_client()
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert main(["evaluate", "hub:user/it"]) == 2
    assert "pip install 'hringur[hub]'" in refusal(capsys)
