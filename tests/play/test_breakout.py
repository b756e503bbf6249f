"""The Breakout tab: its film by clicks and keys, each picture and decision those of the game."""

import json
import re

import gymnasium as gym
import numpy as np
import pytest

from hringur.play.site import site
from hringur.references.breakout import CEILING, PUBLISHED, RANDOM_PLAY

SHOWN = (0, 40, 700)
PIXELS = """() => {
  const screen = document.querySelector("#screen");
  const copy = new OffscreenCanvas(screen.width, screen.height);
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(screen, 0, 0);
  return [...context.getImageData(0, 0, screen.width, screen.height).data];
}"""


@pytest.fixture(scope="module")
def film():
    return json.loads(site()["breakout.json"])


def pictures(film):
    """Every picture [height width 3], by its own decoding."""
    width, height = film["size"]
    palette = np.array([list(bytes.fromhex(one[1:])) for one in film["palette"]], dtype=np.uint8)
    now = np.zeros(width * height, dtype=np.uint8)
    for runs in film["frames"]:
        triples = np.array(runs, dtype=int).reshape(-1, 3)
        ends = (triples[:, 0] + triples[:, 1]).cumsum()
        for end, (_, length, colour) in zip(ends, triples, strict=True):
            now[end - length : end] = colour
        yield palette[now].reshape(height, width, 3)


def test_the_film_is_a_game_that_the_emulator_plays_again(film):
    env = gym.make("ThreeActionBreakout-v0", render_mode="rgb_array", sticky=0.0, noop_max=30)
    _, info = env.reset(seed=film["options"]["seed"])
    for k, picture in enumerate(pictures(film)):
        assert (info["score"], info["lives"]) == (film["points"][k], film["lives"][k])
        if k % 50 == 0 or k == len(film["actions"]):
            np.testing.assert_array_equal(picture, env.render())
        if k < len(film["actions"]):
            *_, info = env.step(film["actions"][k])
    assert k == len(film["actions"]) and info["game_over"]
    percent, actions = np.array(film["percent"]), np.array(film["actions"])
    assert (percent[np.arange(len(actions)), actions] == percent.max(axis=1)).all()


def test_each_picture_has_its_decision(visit, film):
    page = visit("breakout")
    drawn = {k: one for k, one in enumerate(pictures(film)) if k in SHOWN}
    for k in reversed(SHOWN):  # backwards too
        page.fill("#moment", str(k))
        seen = np.array(page.evaluate(PIXELS), dtype=np.uint8).reshape(*drawn[k].shape[:2], 4)
        np.testing.assert_array_equal(seen[..., :3], drawn[k])
        assert page.locator("#choices b").all_inner_texts() == [
            f"{p} %" for p in film["percent"][k]
        ]
        taken = ["Left", "Wait", "Right"][film["actions"][k]]
        assert page.locator("#choices .taken").inner_text().startswith(f"{taken} ✓")


AT_THE_CLICK = """() => document.querySelector("#play").addEventListener("click", () => {
    window.begun = document.querySelector("#played").textContent;
})"""
"""Keeps what stands there when the page has answered: the film goes on while a test looks."""


def test_the_film_is_played_paused_and_moved_by_keys(visit, film):
    page = visit("breakout")
    assert page.text_content("#played") == "0.0 s: 0 points, 5 lives left"
    page.click("#play")
    page.wait_for_function("() => Number(document.querySelector('#moment').value) > 3")
    assert page.text_content("#play") == "Pause"
    page.focus("#screen")
    page.keyboard.press("Space")
    assert page.text_content("#play") == "Play"
    now = int(page.input_value("#moment"))
    page.keyboard.press("ArrowLeft")
    assert page.input_value("#moment") == str(now - 1)
    page.focus("#moment")
    page.keyboard.press("ArrowRight")
    assert page.input_value("#moment") == str(now)
    page.keyboard.press("End")
    points = film["points"][-1]
    assert page.text_content("#played") == f"69.9 s: {points} points, 0 lives left"
    assert str(points) in page.locator("#points li", has_text="this game").inner_text()
    assert page.locator("#choices .taken").count() == 0  # the game is over
    page.evaluate(AT_THE_CLICK)
    page.click("#play")
    assert page.evaluate("() => window.begun").startswith("0.0 s")  # from the start again


def test_scores_are_those_of_the_references():
    page = site()["breakout.js"].decode()
    shown = {name: float(score) for name, score in re.findall(r'\["([^"]+)", ([\d.]+), "', page)}
    known = {one.player: one.score for one in PUBLISHED}
    assert (shown["a person"], shown["PPO, 40 M frames"]) == (known["human"], known["PPO"])
    assert shown["at random"] == round(RANDOM_PLAY.mean, 1)
    assert f"makes {CEILING}." in site()["index.html"].decode()
