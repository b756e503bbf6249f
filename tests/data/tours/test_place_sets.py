import pytest

from hringur.data.tours.iceland import places, roads
from hringur.data.tours.place_sets import place_set
from hringur.types import UserError


def test_named_sets():
    assert [places()[n].id for n in place_set("lecture")] == [
        "reykjavik",
        "akureyri",
        "egilsstadir",
        "stykkisholmur",
        "melrakkasletta",
        "landmannalaugar",
    ]
    assert len(place_set("towns")) == 67 and len(place_set("all")) == 94
    assert {places()[n].kind for n in place_set("towns")} == {"town"}


def test_winter_sets_hold_what_is_in_reach():
    assert len(place_set("towns", "winter")) == 66 and len(place_set("all", "winter")) == 82
    assert set(place_set("all", "winter")) <= set(roads("winter").reachable)


def test_a_list_keeps_its_order():
    assert [places()[n].id for n in place_set(["Vík", "akureyri", "Höfn"])] == [
        "vik",
        "akureyri",
        "hofn",
    ]


@pytest.mark.parametrize(
    ("chosen", "season", "message"),
    [
        ("lecture", "winter", "out of reach by winter roads: Melrakkaslétta, Landmannalaugar"),
        (["Reykjavík", "Askja"], "winter", "out of reach by winter roads: Askja"),
        (["Reykjavík", "Vík", "reykjavik"], "summer", "Reykjavík is named twice"),
        (["Reykjavík"], "summer", "at least 2 places, got 1"),
        ([], "summer", "at least 2 places, got 0"),
        (["Reykjavík", "Narnia"], "summer", "unknown place 'Narnia'"),
        ("cities", "summer", "lecture, towns, all, or a list of names, got 'cities'"),
    ],
)
def test_refusals(chosen, season, message):
    with pytest.raises(UserError, match=message):
        place_set(chosen, season)
