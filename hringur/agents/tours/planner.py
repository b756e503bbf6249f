"""Planning with a trained network, without anything that training needs.

``hringur tour`` opens the shipped model here: Lightning Fabric alone would take longer to import
than the rest of the command.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hringur.agents.tours.decoding import Decoding, decode
from hringur.agents.tours.reconstruction import reconstruct
from hringur.data.files import reading
from hringur.references.tours.heuristics import two_opt
from hringur.registry import learner_config
from hringur.settings import read
from hringur.training import checkpoint
from hringur.types import Instances


class OnDevice(NamedTuple):
    """A batch of instances on the network's device."""

    coordinates: Float[Tensor, "B N 2"]
    distance: Float[Tensor, "B N N"]


def on_device(instances: Instances, device: torch.device) -> OnDevice:
    """Copies in single precision, for the arrays may be read-only."""
    arrays = (instances.coordinates, instances.distance)
    return OnDevice(*(torch.tensor(x, dtype=torch.float32, device=device) for x in arrays))


def plan(
    network: Any,
    instances: Instances,
    decoding: Decoding,
    start: Int[np.ndarray, " B"] | None,
    round_trip: bool,
) -> Int[np.ndarray, "B N"]:
    """A tour of each instance by ``network``, begun at ``start`` (the first place if None)."""
    device = next(network.parameters()).device
    begin = np.zeros(len(instances), dtype=np.int64) if start is None else start
    starts = torch.as_tensor(begin, device=device)
    problem = on_device(instances, device)
    tour = decode(network, *problem, starts, decoding, round_trip)
    if decoding.reconstructions:
        tour = reconstruct(network, *problem, tour, decoding.reconstructions, round_trip)
    tours = tour.cpu().numpy()
    return two_opt(instances.distance, tours, round_trip) if decoding.two_opt else tours


def saved_network(path: Path, device: str) -> Any:
    """The network of an agent that ``TourAgent.save`` wrote, for ``plan``."""
    state = checkpoint.load(path)
    with reading(path, "a tour agent"):
        about = state["tour_agent"]
        network = read(learner_config(about["policy"]), about["config"], path).network()
        checkpoint.load_weights(network, state["weights"], str(path))
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return network.to(device).requires_grad_(False).eval()
