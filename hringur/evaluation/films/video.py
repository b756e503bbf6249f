"""Films of an agent at play: mp4 or GIF, with score, lives and the chances of each action below.

mp4 is written by ffmpeg, which the package imageio-ffmpeg brings along, GIF by Pillow. Both are
fed picture by picture, and the file takes its name only when it is whole.
"""

import os
import secrets
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from hringur.evaluation.films.game import Game, Moment
from hringur.types import MissingExtra, UserError

SUFFIXES = (".mp4", ".gif")
BLOCK = 16
"""ffmpeg's codecs want sides of whole blocks [pixels]."""

WIDTH = 480
"""Small pictures are enlarged by a whole number up to this width [pixels]."""

CAPTION = 40
"""Height of the strip below the picture [pixels]."""

GIF_STEP = 2
"""A GIF shows every second picture, or it would be too large to pass on."""

INK, BAR, CHOSEN = (235, 235, 235), (90, 90, 90), (0, 158, 115)
Picture = UInt8[np.ndarray, "H W 3"]


def check_video(path: str | Path) -> Path:
    """A path that a film can be written to.

    Raises:
        UserError: another ending than .mp4 or .gif, no such folder, or one that takes no files.
        MissingExtra: imageio-ffmpeg is needed and not there.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"a video must end in {' or '.join(SUFFIXES)}, got {path}")
    if not path.parent.is_dir():
        raise UserError(f"cannot write {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise UserError(f"cannot write {path}: it is a folder")
    try:
        with tempfile.TemporaryFile(dir=path.parent):  # tells what permissions alone do not
            pass
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror} in {path.parent}") from error
    if path.suffix.lower() == ".mp4":
        _ffmpeg()
    return path


def film_game(game: Game, path: str | Path) -> Path:
    """Play a game to its end and write the film of it; ``game.record`` is complete afterwards."""
    path = check_video(path)
    record = game.record
    frames = (captioned(moment, record.names) for moment in game)
    write_video(path, frames, record.frames_per_second)
    return path


def write_video(path: str | Path, frames: Iterable[Picture], frames_per_second: int) -> None:
    """Write pictures of one size, in order, to an .mp4 or .gif.

    Raises:
        UserError: the path cannot be written to, or there is no picture.
    """
    path = check_video(path)
    following = iter(frames)
    first = next(following, None)
    if first is None:
        raise UserError(f"cannot write {path}: there is no picture")
    write = _write_mp4 if path.suffix.lower() == ".mp4" else _write_gif
    with _whole(path) as partial:
        write(partial, first, following, frames_per_second)


def captioned(moment: Moment, names: tuple[str, ...]) -> Picture:
    """The picture, enlarged, with a strip below it: score, lives, and a bar for each action."""
    height, width = moment.picture.shape[:2]
    zoom = max(1, WIDTH // width)
    tall, wide = (-(-side // BLOCK) * BLOCK for side in (height * zoom + CAPTION, width * zoom))
    canvas = np.zeros((tall, wide, 3), dtype=np.uint8)
    large = moment.picture.repeat(zoom, axis=0).repeat(zoom, axis=1)
    canvas[: height * zoom, : width * zoom] = large
    image = Image.fromarray(canvas)
    _caption(ImageDraw.Draw(image), moment, names, height * zoom, wide)
    return np.array(image)


def _caption(
    draw: ImageDraw.ImageDraw, moment: Moment, names: tuple[str, ...], top: int, wide: int
) -> None:
    font = ImageFont.load_default(size=14)
    lives = "" if moment.lives is None else f"   lives {moment.lives}"
    draw.text((8, top + 12), f"score {moment.score:g}{lives}", fill=INK, font=font)
    if not names or len(names) > 6:
        return
    room = (wide // 2) / len(names)
    for index, name in enumerate(names):
        left = wide // 2 + index * room
        chosen = index == moment.action
        chance = float(chosen) if moment.chances is None else float(moment.chances[index])
        right = left + max(1.0, chance * (room - 6))
        draw.rectangle((left, top + 28, right, top + 34), fill=CHOSEN if chosen else BAR)
        draw.text((left, top + 9), name, fill=INK if chosen else BAR, font=font)


def _write_mp4(path: Path, first: Picture, following: Iterator[Picture], fps: int) -> None:
    size = (first.shape[1], first.shape[0])
    writer = _ffmpeg().write_frames(
        str(path), size, fps=fps, codec="libx264", macro_block_size=1, ffmpeg_log_level="error"
    )
    try:
        writer.send(None)
        writer.send(np.ascontiguousarray(first))
        for frame in following:
            writer.send(np.ascontiguousarray(frame))
    finally:
        writer.close()


def _write_gif(path: Path, first: Picture, following: Iterator[Picture], fps: int) -> None:
    rest = (frame for index, frame in enumerate(following, start=1) if index % GIF_STEP == 0)
    hundredths = max(2, round(100 * GIF_STEP / fps))  # a GIF's clock; browsers slow down below 2
    _paletted(first).save(
        path,
        format="GIF",
        save_all=True,
        append_images=(_paletted(frame) for frame in rest),
        duration=10 * hundredths,
        loop=0,
    )


def _paletted(frame: Picture) -> Image.Image:
    return Image.fromarray(frame).quantize(colors=64, dither=Image.Dither.NONE)


def _ffmpeg() -> Any:
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise MissingExtra("an .mp4 video", "video") from error
    return imageio_ffmpeg


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A name beside ``path`` to write to; renamed when all went well, removed when not."""
    partial = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.partial{path.suffix.lower()}")
    try:
        yield partial
        os.replace(partial, path)
    except OSError as error:
        reason = " ".join(str(error.strerror or error).split())
        raise UserError(f"cannot write {path}: {reason}") from error
    finally:
        with suppress(OSError):
            partial.unlink()
