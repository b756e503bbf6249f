r"""Write a model that ships with the package: a trained run, its weights in 16 bits.

hringur train attribute-autoencoder --dataset faces --seconds 1200 --folder runs/faces
python scripts/ship_model.py --run runs/faces --path hringur/weights/faces.safetensors
hringur train wae-mmd --latent 8 --hidden 160 --depth 2 --seconds 58 --folder runs/digits
python scripts/ship_model.py --run runs/digits --path hringur/weights/digits.safetensors
python scripts/ship_model.py --run runs/tours/model.safetensors \
    --path hringur/weights/attention-model.safetensors
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    if "tour_agent" in state:  # not what it would go on learning with
        state = {name: state[name] for name in ("tour_agent", "weights")}
    checkpoint.save(options.path, state | {"weights": halved(state["weights"])})
    print(f"{options.path}: {options.path.stat().st_size / 1e6:.2f} MB")


def halved(weights: Any) -> Any:
    """The same weights in 16 bits, however they are nested."""
    if isinstance(weights, dict):
        return {name: halved(value) for name, value in weights.items()}
    return weights.half() if weights.is_floating_point() else weights


if __name__ == "__main__":
    main(tyro.cli(Ship))
