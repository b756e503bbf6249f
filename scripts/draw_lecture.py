"""Pictures of the documentation that are cells of the lecture's last notebook, as executed.

python scripts/draw_lecture.py --folder docs/pictures          # after make docs
"""

import json
from base64 import b64decode
from pathlib import Path

import tyro

NOTEBOOK = Path("docs/_build/jupyter_execute/lecture/6_limitations.ipynb")
PICTURES = {
    "not_identifiable": "Codes of one model, by its decoder",
    "two_digits": "Two digits, and what the model makes of them",
    "evaluation_is_difficult": "The Frechet distance depends on the number of images",
}
"""The title of each, in the cell that draws it."""


def main(notebook: Path = NOTEBOOK, folder: Path = Path("docs/pictures")) -> None:
    """Write every picture.

    Args:
        notebook: what make docs has executed.
        folder: where the PNGs go; those there are overwritten.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    for name, title in PICTURES.items():
        (cell,) = (one for one in cells if title in "".join(one["source"]))
        (png,) = (out["data"]["image/png"] for out in cell["outputs"] if "data" in out)
        path = folder / f"{name}.png"
        path.write_bytes(b64decode("".join(png)))
        print(f"drawn: {path}")


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
