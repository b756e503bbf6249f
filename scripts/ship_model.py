"""Write a model that ships with the package: a trained run, its weights in 16 bits.

hringur train attribute-autoencoder --dataset faces --seconds 1200 --folder runs/faces
python scripts/ship_model.py --run runs/faces --path hringur/weights/faces.safetensors
hringur train wae-mmd --latent 8 --hidden 160 --depth 2 --seconds 58 --folder runs/digits
python scripts/ship_model.py --run runs/digits --path hringur/weights/digits.safetensors
"""

from dataclasses import dataclass
from pathlib import Path

import tyro

from hringur.trained import load
from hringur.training import checkpoint


@dataclass(frozen=True, kw_only=True)
class Ship:
    """Halve the weights of a run, and write them to one file."""

    run: Path
    """folder of the run"""

    path: Path
    """the file to write"""


def main(options: Ship) -> None:
    load(options.run, device="cpu").save(options.path)
    state = checkpoint.load(options.path)
    for weights in state["weights"].values():
        for name, value in weights.items():
            weights[name] = value.half() if value.is_floating_point() else value
    checkpoint.save(options.path, state)
    print(f"{options.path}: {options.path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(tyro.cli(Ship))
