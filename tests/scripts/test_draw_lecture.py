"""The pictures that are taken from the executed last notebook."""

import json
from base64 import b64encode

from tests.scripts.loading import load_script
from tests.test_lecture_pages import PAGES, cells

draw_lecture = load_script("draw_lecture")


def write_executed(folder):
    """A notebook as the site's cache keeps it, each picture of which is its own title."""
    made = [
        {"source": title, "outputs": [{"data": {"image/png": b64encode(title.encode()).decode()}}]}
        for title in draw_lecture.PICTURES.values()
    ]
    (folder / "a").mkdir()
    (folder / "a" / "base.ipynb").write_text(json.dumps({"cells": [{"source": "x = 1"}, *made]}))


def test_each_picture_is_that_of_the_cell_with_its_title(tmp_path):
    write_executed(tmp_path)
    draw_lecture.main(tmp_path, tmp_path)
    drawn = {path.stem: path.read_text() for path in tmp_path.glob("*.png")}
    assert drawn == draw_lecture.PICTURES


def test_the_titles_stand_in_one_cell_each():
    for title in draw_lecture.PICTURES.values():
        assert sum(title in cell for cell in cells(PAGES[-1])) == 1, title
