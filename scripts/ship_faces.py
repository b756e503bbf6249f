"""Write the model of faces that ships with the package: a trained run, its weights in 16 bits.

hringur train attribute-autoencoder --dataset faces --seconds 1200 --folder runs/faces
python scripts/ship_faces.py --run runs/faces
"""

from dataclasses import dataclass
from pathlib import Path

import tyro

from hringur.generative import AttributeAutoencoder
from hringur.training import checkpoint
from hringur.weights.shipped import FACES


@dataclass(frozen=True, kw_only=True)
class Ship:
    """Halve the weights of a run, and write them to one file."""

    run: Path
    """folder of the run"""

    path: Path = FACES
    """the file to write"""


def main(options: Ship) -> None:
    AttributeAutoencoder.load(options.run, device="cpu").save(options.path)
    state = checkpoint.load(options.path)
    for weights in state["weights"].values():
        for name, value in weights.items():
            weights[name] = value.half() if value.is_floating_point() else value
    checkpoint.save(options.path, state)
    print(f"{options.path}: {options.path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(tyro.cli(Ship))
