"""Draw the made data sets for the documentation: faces with each edit, and pairs of two domains.

python scripts/draw_data_sets.py --folder docs/pictures
"""

from pathlib import Path

import numpy as np
import torch
import tyro

from hringur.commands.applications.inputs import write_picture
from hringur.data.images.domains import load_domains
from hringur.data.images.faces import ATTRIBUTES, draw_faces

FACES, PAIRS = 6, 12


def main(folder: Path = Path("docs/pictures")) -> None:
    """Write faces.png and domains.png to ``folder``."""
    faces = draw_faces(FACES, seed=3, held_out=True)
    edits = [
        faces.edited(name, 1 - faces.attributes[:, number]).images(64)
        for number, name in enumerate(ATTRIBUTES)
    ]
    sheet = np.stack([faces.images(64), *edits], axis=1)
    columns = ["face", *ATTRIBUTES]
    write_picture(floats(sheet.reshape(-1, 3, 64, 64)), columns, [""] * FACES, folder / "faces.png")
    rows: list[np.ndarray] = []
    names: list[str] = []
    for name in ("glyphs", "emoji", "coats", "fruits"):
        domains = load_domains(name)
        names += domains.names
        for side in (domains.held_out_first, domains.held_out_second):
            chosen = side[:: max(1, len(side) // PAIRS)][:PAIRS]
            rows.append(np.broadcast_to(chosen, (PAIRS, 3, 32, 32)))
    write_picture(floats(np.concatenate(rows)), (), names, folder / "domains.png")


def floats(pixels: np.ndarray) -> torch.Tensor:
    """Bytes as numbers in 0 .. 1."""
    return torch.tensor(pixels).float() / 255


if __name__ == "__main__":
    tyro.cli(main)
