"""Films of an episode, mp4 by imageio-ffmpeg or GIF by Pillow, each picture with a caption."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from hringur.data.files import check_writable, replacing
from hringur.evaluation.films.game import Game, Moment
from hringur.types import UserError, optional

SUFFIXES = (".mp4", ".gif")
BLOCK = 16
"""Sides must be whole blocks for ffmpeg's codecs [pixels]."""

WIDTH = 480
"""Small pictures are enlarged by a whole number up to this width [pixels]."""

CAPTION = 40
"""Height of the caption below the picture [pixels]."""

GIF_STEP = 2
"""A GIF shows every second picture, as it is large."""

INK, BAR, CHOSEN = (235, 235, 235), (90, 90, 90), (0, 158, 115)
Picture = UInt8[np.ndarray, "H W 3"]


def check_video(path: str | Path) -> Path:
    """Refuse a path that no film can be written to, and .mp4 without imageio-ffmpeg."""
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"a video must end in {' or '.join(SUFFIXES)}, got {path}")
    check_writable(path)
    if path.suffix.lower() == ".mp4":
        _ffmpeg()
    return path


def film_game(game: Game, path: str | Path) -> Path:
    """Play a game to its end and write the film of it; ``game.record`` is complete afterwards."""
    frames = (captioned(moment, game.record.names) for moment in game)
    write_video(path, frames, game.record.frames_per_second)
    return Path(path)


def write_video(path: str | Path, frames: Iterable[Picture], frames_per_second: int) -> None:
    """Write pictures of one size, in order, to an .mp4 or .gif, whole or not at all."""
    path = check_video(path)
    following = iter(frames)
    first = next(following, None)
    if first is None:
        raise UserError(f"cannot write {path}: there is no picture")
    write = _write_mp4 if path.suffix.lower() == ".mp4" else _write_gif
    with replacing(path) as partial:
        write(partial, chain([first], following), first.shape, frames_per_second)


def captioned(moment: Moment, names: tuple[str, ...]) -> Picture:
    """The picture, enlarged, above score, lives, and a bar for the probability of each action."""
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


def _write_mp4(path: Path, frames: Iterator[Picture], shape: tuple[int, ...], fps: int) -> None:
    size = (shape[1], shape[0])
    with closing(
        _ffmpeg().write_frames(
            str(path),
            size,
            fps=fps,
            codec="libx264",
            macro_block_size=1,
            ffmpeg_log_level="error",
            output_params=["-f", "mp4"],
        )
    ) as writer:
        writer.send(None)
        for frame in frames:
            writer.send(np.ascontiguousarray(frame))


def _write_gif(path: Path, frames: Iterator[Picture], shape: tuple[int, ...], fps: int) -> None:
    paletted = (
        Image.fromarray(frame).quantize(colors=64, dither=Image.Dither.NONE)
        for frame in islice(frames, None, None, GIF_STEP)
    )
    hundredths = max(2, round(100 * GIF_STEP / fps))  # a GIF's clock; browsers slow down below 2
    options: dict[str, Any] = {"duration": 10 * hundredths, "loop": 0}
    next(paletted).save(path, format="GIF", save_all=True, append_images=paletted, **options)


def _ffmpeg() -> Any:
    return optional("imageio_ffmpeg", "an .mp4 video", "video")
