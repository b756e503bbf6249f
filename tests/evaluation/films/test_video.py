"""Films read back by another library, picture by picture; paths that cannot be written to."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from hringur.evaluation.films import video
from hringur.evaluation.films.game import Moment
from hringur.evaluation.films.video import captioned, check_video, write_video
from hringur.types import MissingExtra, UserError


def pictures(count: int, height: int = 64, width: int = 48):
    """Grey in steps, so that order and number show."""
    for index in range(count):
        yield np.full((height, width, 3), 20 * index, dtype=np.uint8)


def moment(**changes) -> Moment:
    rng = np.random.default_rng(0)
    picture = rng.integers(256, size=(210, 160, 3), dtype=np.uint8)
    values = {"picture": picture, "score": 57.0, "lives": 3, "action": 0, "chances": None}
    return Moment(**values | changes)


def test_an_mp4_holds_every_picture_in_order(tmp_path):
    ffmpeg = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    path = tmp_path / "game.mp4"
    write_video(path, pictures(9), frames_per_second=15)
    raw = [ffmpeg, "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    read = subprocess.run(raw, capture_output=True, check=True)
    frames = np.frombuffer(read.stdout, dtype=np.uint8).reshape(-1, 64, 48, 3)
    assert np.allclose(frames.mean(axis=(1, 2, 3)), [20 * index for index in range(9)], atol=4)
    assert b"15 fps" in read.stderr and os.listdir(tmp_path) == ["game.mp4"]


def test_a_gif_holds_every_second_picture_at_half_the_speed(tmp_path):
    path = tmp_path / "game.gif"
    write_video(path, pictures(9), frames_per_second=15)
    with Image.open(path) as film:
        greys = []
        for index in range(film.n_frames):
            film.seek(index)
            assert film.info["duration"] == 130
            greys.append(np.array(film.convert("RGB")).mean())
    assert greys == [0, 40, 80, 120, 160]


def test_the_caption_lies_below_the_picture_in_whole_blocks():
    one = moment()
    image = captioned(one, ("Left", "Wait", "Right"))
    assert image.shape == (672, 480, 3)
    assert np.array_equal(image[:630:3, ::3], one.picture)
    assert np.array_equal(image[2:630:3, 2::3], one.picture)


def test_score_choice_and_chances_are_in_the_caption():
    names = ("Left", "Wait", "Right")

    def strip(**changes) -> np.ndarray:
        return captioned(moment(**changes), names)[630:]

    plain = strip()
    for changes in ({"score": 58.0}, {"lives": 2}, {"action": 2}, {"chances": np.ones(3) / 3}):
        assert not np.array_equal(plain, strip(**changes))

    def green(**changes) -> int:
        return int((strip(**changes) == video.CHOSEN).all(axis=2).sum())

    few, many = (green(chances=np.array([p, 1 - p, 0.0])) for p in (0.25, 0.75))
    assert many == pytest.approx(3 * few, rel=0.1) and green(action=None) == 0


@pytest.mark.parametrize(
    "name, message",
    [
        ("game.avi", "a video must end in .mp4 or .gif, got"),
        ("game", "a video must end in .mp4 or .gif, got"),
        ("nowhere/game.gif", "there is no folder"),
        ("folder.gif", "it is a folder"),
    ],
)
def test_a_path_that_cannot_be_written_is_refused_before_anything_is_played(
    tmp_path, name, message
):
    (tmp_path / "folder.gif").mkdir()
    with pytest.raises(UserError, match=message) as refused:
        write_video(tmp_path / name, _forbidden(), frames_per_second=15)
    assert "\n" not in str(refused.value)


def _forbidden():
    raise AssertionError("nothing should be asked for")
    yield


def test_without_permission_or_ffmpeg_it_is_refused(tmp_path, monkeypatch):
    if sys.platform == "linux":  # where not even an administrator may write to /proc
        with pytest.raises(UserError, match="cannot write /proc/game.gif: .+"):
            check_video("/proc/game.gif")
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(MissingExtra, match="needs the extra 'video'"):
        check_video(tmp_path / "game.mp4")


@pytest.mark.parametrize("suffix", ["gif", "mp4"])
def test_a_film_that_breaks_off_leaves_nothing_behind(tmp_path, suffix):
    if suffix == "mp4":
        pytest.importorskip("imageio_ffmpeg")

    def breaking():
        yield from pictures(3)
        raise RuntimeError("the player stumbled")

    with pytest.raises(RuntimeError, match="stumbled"):
        write_video(tmp_path / f"game.{suffix}", breaking(), frames_per_second=15)
    with pytest.raises(UserError, match="there is no picture"):
        write_video(tmp_path / f"game.{suffix}", iter(()), frames_per_second=15)
    assert os.listdir(tmp_path) == []
