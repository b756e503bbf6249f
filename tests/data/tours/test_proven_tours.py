import numpy as np
import pytest

from hringur.data.tours.instances import fixed_places
from hringur.data.tours.length import tour_length
from hringur.data.tours.place_sets import place_set
from hringur.data.tours.proven_tours import proven_tours


@pytest.mark.parametrize("proven", proven_tours(), ids=lambda p: f"{p.season}-{p.name}")
def test_proven_lengths_come_out_again(proven):
    instance = fixed_places(proven.places, proven.season).instance
    km = tour_length(instance.distance, np.arange(len(proven.places))[None])
    assert km[0] == pytest.approx(proven.km, abs=1e-6)


def test_proven_tours_cover_the_sets():
    by_name = {(tour.season, tour.name): tour for tour in proven_tours()}
    assert len(by_name) == 7 and by_name["summer", "places"].km == 4977.8
    for season in ("summer", "winter"):
        assert sorted(by_name[season, "towns"].places) == place_set("towns", season)
        assert sorted(by_name[season, "places"].places) == place_set("all", season)
    assert set(by_name["summer", "six"].places) == set(place_set("lecture"))
