"""The Breakout tab: its film by clicks and keys, its scores those of the package."""

import re

from hringur.play.site import site
from hringur.references.breakout import CEILING, PUBLISHED, RANDOM_PLAY


def test_the_film_is_played_paused_and_moved_by_keys(visit):
    page = visit("breakout")
    assert page.text_content("#played") == "0.0 s: 0 points, 5 lives left"
    page.click("#play")
    page.wait_for_function("() => document.querySelector('#moment').value === '1'")
    assert page.text_content("#play") == "Pause"
    page.click("#play")
    assert page.text_content("#play") == "Play"
    page.focus("#moment")
    page.keyboard.press("End")
    assert page.text_content("#played") == "66.1 s: 65 points, 1 life left"
    assert "65" in page.locator("#points li", has_text="this game").inner_text()
    page.click("#play")
    assert page.text_content("#played").startswith("0.0 s")  # from the start again


def test_scores_are_those_of_the_references():
    page = site()["breakout.js"].decode()
    shown = {name: float(score) for name, score in re.findall(r'\["([^"]+)", ([\d.]+), "', page)}
    known = {one.player: one.score for one in PUBLISHED}
    assert (shown["a person"], shown["PPO, 40 M frames"]) == (known["human"], known["PPO"])
    assert shown["at random"] == round(RANDOM_PLAY.mean, 1)
    assert f"makes {CEILING}." in site()["index.html"].decode()
