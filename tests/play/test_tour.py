"""The Tour tab: each control by a real click or key, each result beside the package's own."""

from typing import get_args

import numpy as np
import pytest

import hringur
from hringur.agents.tours.decoding import Decoding
from hringur.data.tours.driving import SPEED_KMH, driven, hours
from hringur.data.tours.iceland import LECTURE_SIX, places, resolve_place, roads
from hringur.data.tours.instances import fixed_places
from hringur.data.tours.length import tour_length
from hringur.references.tours.exact import optimal_tour
from hringur.references.tours.heuristics import nearest_neighbour
from hringur.types import Season
from hringur.weights.shipped import ATTENTION_MODEL

HOFN = "Höfn í Hornafirði"
STATE = """async () => {
  const { current } = await import("/tour.js");
  const { chosen, start, closed, built, tours, shown } = current();
  return { chosen, start, closed, built, tours: Object.fromEntries(tours), shown };
}"""
LENGTHS = """async (seasons) => {
  const { loadIceland, season } = await import("/iceland.js");
  const iceland = await loadIceland();
  return seasons.map((name) => Array.from({ length: 94 * 94 }, (_, k) =>
    season(iceland, name).length((k / 94) | 0, k % 94)));
}"""
HELD_KARP = """async ([distances, n, start, closed]) => {
  const { heldKarp } = await import("/tours.js");
  return heldKarp(Int32Array.from(distances), n, start, closed);
}"""


@pytest.fixture(scope="module")
def agent():
    return hringur.load(ATTENTION_MODEL, device="cpu")


def link(numbers, **more):
    ids = ",".join(places()[k].id for k in numbers)
    return f"tour?places={ids}" + "".join(f"&{key}={value}" for key, value in more.items())


def place(page, name):
    return page.locator(f"#map [data-place={places()[resolve_place(name)].id}] .dot")


def chosen(page):
    return [places()[k].name for k in page.evaluate(STATE)["chosen"]]


def as_circle(tour):
    """A round trip, whichever its direction and start."""
    turned = [*tour[tour.index(min(tour)) :], *tour[: tour.index(min(tour))]]
    return min(turned, [turned[0], *turned[:0:-1]])


@pytest.mark.parametrize("n", [20, 33])
def test_tours_are_those_of_the_package(visit, agent, n):
    numbers = np.random.default_rng(n).permutation(94)[:n].tolist()
    page = visit(link(numbers))
    page.click("#plan")
    page.wait_for_selector("tr[data-method=exact]")
    tours = page.evaluate(STATE)["tours"]
    instance = fixed_places(numbers).instance
    distance = instance.distance[0]
    greedy = agent.plan(instance, Decoding())[0]
    assert tours["network"] == [numbers[k] for k in greedy]
    starts = agent.plan(instance, Decoding(method="all-starts"))[0]
    assert as_circle(tours["starts"]) == as_circle([numbers[k] for k in starts])
    nearest = nearest_neighbour(instance.distance)[0]
    assert tours["nearest"] == [numbers[k] for k in nearest]
    best = optimal_tour(distance)
    shown = float(page.get_attribute("tr[data-method=exact]", "data-length")) / 10
    assert best.proven and (
        shown == pytest.approx(best.length) if n <= 20 else shown >= best.length
    )
    for method, tour in (("network", greedy), ("nearest", nearest)):
        length = tour_length(instance.distance, tour[None])[0]
        row = page.text_content(f"tr[data-method={method}]")
        over = 100 * (length / shown - 1)
        legs = zip(tour, np.roll(tour, -1), strict=True)
        ways = [driven(roads("summer"), numbers[a], numbers[b]) for a, b in legs]
        minutes = round(60 * sum(hours(way, SPEED_KMH) for way in ways))
        assert f"{minutes // 60} h {minutes % 60:02d}" in row
        assert f"{length:,.1f} km" in row and (f"{over:.1f} %" in row or over < 1e-6)


def test_distances_are_those_of_the_package(visit):
    seasons = list(get_args(Season))
    for name, found in zip(seasons, visit("tour").evaluate(LENGTHS, seasons), strict=True):
        expected = np.rint(10 * roads(name).road_km)
        seen = np.isfinite(expected[0])
        found = np.array(found, dtype=float).reshape(94, 94)
        np.testing.assert_array_equal(found[seen][:, seen], expected[seen][:, seen])


def test_held_karp_finds_the_length_of_the_exact_solver(visit):
    page, rng = visit("tour"), np.random.default_rng(5)
    for n, closed in ((2, True), (3, False), (9, True), (9, False), (15, True), (15, False)):
        distance = np.triu(rng.integers(1, 900, (n, n)), 1)
        distance += distance.T
        start = int(rng.integers(n))
        tour = page.evaluate(HELD_KARP, [distance.ravel().tolist(), n, start, closed])
        assert sorted(tour) == list(range(n)) and tour[0] == start
        best = optimal_tour(distance.astype(float), closed, start)
        assert tour_length(distance[None].astype(float), np.array([tour]), closed) == best.length


def test_steps_follow_the_probabilities_of_the_package(visit, agent):
    import torch

    numbers = [resolve_place(name) for name in LECTURE_SIX]
    page = visit("tour")
    instance = fixed_places(numbers).instance
    arrays = (instance.coordinates, instance.distance)
    encoding = agent.average.encode(*(torch.tensor(x, dtype=torch.float32) for x in arrays))
    tour = [0]
    for _ in range(4):
        is_open = torch.ones(1, 1, 6, dtype=torch.bool)
        is_open[..., tour] = False
        memory = agent.average.begin(encoding, torch.tensor([[0]]))
        logits, _ = agent.average.logits(encoding, memory, torch.tensor([[tour[-1]]]), is_open)
        chance = logits.masked_fill(~is_open, -torch.inf).softmax(dim=-1)[0, 0].tolist()
        seen = page.eval_on_selector_all(".chance", "all => all.map((c) => +c.dataset.chance)")
        assert sorted(seen) == pytest.approx(sorted(c for c in chance if c >= 0.002), abs=1e-4)
        tour.append(int(np.argmax(chance)))
        page.click("#step")
        assert page.evaluate(STATE)["built"] == [numbers[k] for k in tour]
    page.click("#step")
    page.wait_for_selector("tr[data-method=exact]")
    assert page.is_disabled("#step")


def test_places_are_typed_clicked_and_taken_away(visit):
    page = visit(link([0]))
    for typed in ("akureiri", "Vik", "isafjördur, HOFN"):  # typos, no accents, two at once
        page.fill("#place", typed)
        page.press("#place", "Enter")
    assert chosen(page) == ["Reykjavík", "Akureyri", "Vík í Mýrdal", "Ísafjörður", HOFN]
    page.fill("#place", "Atlantis")
    page.click("#add button")
    assert "No place is called Atlantis" in page.text_content("#said")
    page.fill("#place", "sig")
    page.press("#place", "ArrowDown")
    assert page.get_attribute("#place", "aria-activedescendant") == "found-0"
    page.press("#place", "Enter")
    page.fill("#place", "hus")
    page.locator("#found li", has_text="Húsavík").click()
    assert chosen(page)[-2:] == ["Siglufjörður", "Húsavík"]
    place(page, "Egilsstaðir").click()
    assert chosen(page)[-1] == "Egilsstaðir"
    place(page, "Egilsstaðir").click()
    page.get_by_label("Remove Akureyri").click()
    assert chosen(page) == [
        "Reykjavík",
        "Vík í Mýrdal",
        "Ísafjörður",
        HOFN,
        "Siglufjörður",
        "Húsavík",
    ]
    page.click("#clear")
    assert chosen(page) == [] and page.is_disabled("#plan")
    page.click("#twenty")
    assert len(set(chosen(page))) == 20
    page.click("#six")
    assert chosen(page) == list(LECTURE_SIX)


def test_the_map_is_used_by_keys_and_the_start_is_dragged(visit):
    page = visit("tour")
    page.focus("#map")
    page.keyboard.press("ArrowRight")
    beside = page.text_content("#said")
    page.keyboard.press("Enter")
    assert beside in chosen(page)
    page.keyboard.press("s")
    assert page.get_attribute("#trip .start button", "aria-label") == f"{beside}, the start"
    page.keyboard.press("Enter")
    assert beside not in chosen(page)
    place(page, "Reykjavík").hover()
    page.mouse.down()
    place(page, "Akureyri").hover()
    page.mouse.up()
    assert page.evaluate(STATE)["start"] == resolve_place("Akureyri")
    page.get_by_label("Start in Egilsstaðir").click()
    assert page.evaluate(STATE)["start"] == resolve_place("Egilsstaðir")


def test_a_finger_drags_the_start_and_elsewhere_scrolls_the_page(visit):
    page = visit("tour")
    page.set_viewport_size({"width": 360, "height": 500})
    page.evaluate("scrollTo(0, 80)")
    touch = page.context.new_cdp_session(page)

    def finger(kind, *points):
        touch.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})

    def swipe(start, end):
        finger("Start", start)
        for share in (0.2, 0.4, 0.6, 0.8, 1.0):
            finger("Move", {key: start[key] + share * (end[key] - start[key]) for key in "xy"})
        finger("End")

    def middle(name):
        box = place(page, name).bounding_box()
        return {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}

    swipe(middle("Reykjavík"), middle("Stykkishólmur"))
    page.wait_for_selector("#trip .start [aria-label='Stykkishólmur, the start']")
    assert page.evaluate("scrollY") == 80
    swipe({"x": 200, "y": 300}, {"x": 200, "y": 200})
    page.wait_for_function("scrollY > 80")
    assert page.evaluate(STATE)["start"] == resolve_place("Stykkishólmur")


def test_one_way_and_the_roads_of_seasons(visit, agent):
    page = visit("tour")
    page.get_by_label("One way").check()
    page.get_by_label("Winter").check()
    assert "Melrakkaslétta, Landmannalaugar" in page.text_content("#said")
    page.click("#plan")
    page.wait_for_selector("tr[data-method=exact]")
    state = page.evaluate(STATE)
    instance = fixed_places(state["chosen"], "winter").instance
    network = agent.plan(instance, Decoding(), round_trip=False)[0]
    assert state["tours"]["network"] == [state["chosen"][k] for k in network]
    best = optimal_tour(instance.distance[0], round_trip=False)
    assert f"{best.length:,.1f} km" in page.text_content("tr[data-method=exact]")
    place(page, "Askja").click(force=True)
    assert "No open road" in page.text_content("#said")
    page.get_by_label("No F-roads").check()
    assert page.evaluate("location.hash").endswith("trip=one-way&roads=summer-no-f-roads")


def test_a_link_restores_the_trip_and_gpx_has_its_stops(visit):
    numbers = roads("winter").reachable[3:40:9]
    page = visit(link(numbers, start=places()[numbers[2]].id, trip="one-way", roads="winter"))
    page.click("#plan")
    page.wait_for_selector("tr[data-method=exact]")
    page.click("#link")
    copied = page.evaluate("navigator.clipboard.readText()")
    again = visit(copied.partition("#")[2])
    state = again.evaluate(STATE)
    assert (state["chosen"], state["start"], state["closed"]) == (numbers, numbers[2], False)
    page.check("input[value=exact]")
    with page.expect_download() as download:
        page.click("#gpx")
    text = download.value.path().read_text(encoding="utf-8")
    tour = page.evaluate(STATE)["tours"]["exact"]
    assert [text.index(f"<name>{places()[k].name}</name>") for k in tour] == sorted(
        text.index(f"<name>{places()[k].name}</name>") for k in tour
    )
    first, last = places()[tour[0]], places()[tour[-1]]
    track = text.partition("<trkseg>")[2].split('lat="')[1:]
    for point, town in ((track[0], first), (track[-1], last)):
        assert float(point[:8]) == pytest.approx(town.lat, abs=0.02)
