import os
from itertools import permutations

import numpy as np
import pytest
import torch

from hringur.data.figures import light_grid, method_colours, new_figure, save
from hringur.generative.pictures import _matched, plane_figure, tiles_figure
from hringur.types import UserError


def test_a_png_is_written_into_a_new_folder(tmp_path):
    figure = new_figure(2.0, 1.0, "A title", size=8)
    light_grid(figure.subplots(), "x", left=False)
    path = save(figure, tmp_path / "new" / "picture.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert figure.get_suptitle() == "A title"


@pytest.mark.parametrize("width", [2.0, 5.0, 11.0])
@pytest.mark.parametrize("word", ["gap ", "WM$", "prices=/home/someone/markets.csv, "])
def test_a_long_title_stays_within_its_figure(width, word):
    figure, short = (new_figure(width, 3.0, title) for title in (60 * word, "gap"))
    figure.canvas.draw()
    (text,) = figure.texts
    drawn_at = text.get_window_extent()
    assert drawn_at.x0 >= 0 and drawn_at.x1 <= figure.bbox.width
    letters = text.get_text().replace("\\", "").split()
    assert "".join(letters) == "".join((60 * word).split())
    lines = text.get_text().count("\n") + 1
    more = figure.get_figheight() - short.get_figheight()
    assert lines > 1 and more == pytest.approx((lines - 1) * 0.2)


def test_a_figure_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    path = save(new_figure(1.0, 1.0), tmp_path / "picture.png")
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        save(new_figure(3.0, 1.0), path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_foreign_names_are_drawn_as_they_stand(tmp_path):
    name = "$x_{$"  # half a formula: matplotlib would raise
    codes = np.zeros((4, 2))
    save(new_figure(3.0, 2.0, name), tmp_path / "a.png")
    save(plane_figure(codes, np.arange(4) % 2, ("a", name)), tmp_path / "b.png")
    save(tiles_figure(torch.zeros(4, 1, 3, 3), name), tmp_path / "c.png")


@pytest.mark.parametrize(
    ("suffix", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("PDF", b"%PDF")]
)
def test_a_figure_is_what_its_name_ends_in(tmp_path, suffix, begins):
    assert save(new_figure(1.0, 1.0), tmp_path / f"a.{suffix}").read_bytes().startswith(begins)


def test_a_method_keeps_its_colour_and_shares_it_with_none():
    known = ["one", "two", "three", "four"]
    few, many = (method_colours(names, known) for names in (["two", "four"], ["own", *known]))
    assert few["two"] == many["two"] and few["four"] == many["four"]
    assert len(set(many.values())) == 5


def test_a_plan_is_the_cheapest_of_all_pairings():
    one, other = np.random.default_rng(0).normal(size=(2, 6, 2))
    pairings = [np.square(one - other[list(p)]).sum(axis=1).mean() for p in permutations(range(6))]
    assert _matched(one, other)[1] == pytest.approx(min(pairings))
