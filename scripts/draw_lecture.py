"""Pictures of the documentation that are cells of the lecture's last notebook, as executed.

python scripts/draw_lecture.py --folder docs/pictures          # after make docs
"""

import json
from base64 import b64decode
from pathlib import Path

import tyro

EXECUTED = Path("docs/_build/cache_full/executed")
PICTURES = {
    "not_identifiable": "Codes of one model, by its decoder",
    "two_digits": "Two digits, and what the model makes of them",
    "evaluation_is_difficult": "The Frechet distance depends on the number of images",
}
"""The title of each, in the cell that draws it."""


def main(executed: Path = EXECUTED, folder: Path = Path("docs/pictures")) -> None:
    """Write every picture, from the newest notebook that has them.

    Args:
        executed: where make docs keeps the notebooks that it has executed.
        folder: where the PNGs go; those there are overwritten.
    """
    found = sorted(executed.glob("*/base.ipynb"), key=lambda path: path.stat().st_mtime)
    cells = [cell for path in found for cell in json.loads(path.read_text("utf-8"))["cells"]]
    for name, title in PICTURES.items():
        *_, cell = (one for one in cells if title in "".join(one["source"]) and one.get("outputs"))
        (png,) = (out["data"]["image/png"] for out in cell["outputs"] if "data" in out)
        path = folder / f"{name}.png"
        path.write_bytes(b64decode("".join(png)))
        print(f"drawn: {path}")


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
