"""The lecture's own question as a picture: from Reykjavík, which of its places comes next?

python scripts/draw_next_place.py --output next_place.png
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

import hringur
from hringur.agents.tours.pictures import choice_map, next_place_probability
from hringur.data.figures import save
from hringur.data.tours.instances import fixed_places
from hringur.data.tours.place_sets import place_set
from hringur.envs.tours.drawing import TourPicture


@dataclass(frozen=True, kw_only=True)
class Options:
    """Where to, and what has been visited."""

    so_far: tuple[str, ...] = ("Reykjavík",)
    """places of the lecture, in order of visit"""

    output: Path = Path("next_place.png")
    """overwritten if it exists"""


def main(options: Options) -> None:
    agent = hringur.load("attention-model")
    sampler = fixed_places(place_set("lecture", "summer"), "summer", "road")
    names = sampler.names(sampler.instance)
    so_far = [names.index(name) for name in options.so_far]
    probability = next_place_probability(agent.policy, sampler.instance, np.array(so_far))
    picture = TourPicture(
        coordinates=sampler.instance.coordinates[0],
        names=names,
        tour=so_far,
        season="summer",
        by_road=True,
        title="Which place comes next?",
    )
    print(save(choice_map(picture, probability), options.output))


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
