import numpy as np
import pytest
import vrplib

from hringur.data.tours import tsplib
from hringur.data.tours.length import tour_length
from hringur.data.tours.own_instances import read_tsplib
from hringur.types import UserError

BURMA14 = """NAME: burma14
TYPE: TSP
COMMENT: 14-Staedte in Burma (Zaw Win)
DIMENSION: 14
EDGE_WEIGHT_TYPE: GEO
EDGE_WEIGHT_FORMAT: FUNCTION
DISPLAY_DATA_TYPE: COORD_DISPLAY
NODE_COORD_SECTION
   1  16.47       96.10
   2  16.47       94.44
   3  20.09       92.54
   4  22.39       93.37
   5  25.23       97.24
   6  22.00       96.05
   7  20.47       97.02
   8  17.20       96.29
   9  16.30       97.38
  10  14.05       98.12
  11  16.53       97.38
  12  21.52       95.59
  13  19.41       97.13
  14  20.09       94.55
EOF
"""
BURMA14_TOUR = [1, 2, 14, 3, 4, 5, 6, 12, 7, 13, 8, 11, 9, 10]


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "own.tsp"
        path.write_text(content, encoding="utf-8")
        return path

    return write


def plane(kind, *points):
    nodes = "\n".join(f"{k} {x} {y}" for k, (x, y) in enumerate(points, start=1))
    return (
        f"NAME : p\nTYPE : TSP\nDIMENSION : {len(points)}\nEDGE_WEIGHT_TYPE : {kind}\n"
        f"NODE_COORD_SECTION\n{nodes}\nEOF\n"
    )


def explicit(form, numbers, n=4, kind="TSP"):
    return (
        f"TYPE: {kind}\nDIMENSION: {n}\nEDGE_WEIGHT_TYPE: EXPLICIT\n"
        f"EDGE_WEIGHT_FORMAT: {form}\nEDGE_WEIGHT_SECTION\n{numbers}\nEOF\n"
    )


def test_burma14_has_its_published_optimum(file):
    own = read_tsplib(file(BURMA14))
    tour = np.array([BURMA14_TOUR]) - 1
    assert tour_length(own.instance.distance, tour)[0] == 3323.0
    assert own.instance.distance[0, 0, :3].tolist() == [0.0, 153.0, 510.0]  # as in its literature
    assert (own.name, own.unit, own.symmetric, own.names[-1]) == ("burma14", "km", True, "14")
    assert own.lonlat[0] == pytest.approx((96 + 10 / 60, 16 + 47 / 60))  # DDD.MM, lon first
    assert own.instance.coordinates[0, 4, 1] == 1.0  # number 5 lies northernmost


@pytest.mark.parametrize(
    ("kind", "points", "distance"),
    [
        ("EUC_2D", [(0, 0), (0.5, 0)], 1.0),  # halves go up, not to the even number
        ("EUC_2D", [(0, 0), (2.5, 0)], 3.0),
        ("EUC_2D", [(0, 0), (1, 1)], 1.0),  # 1.41
        ("CEIL_2D", [(0, 0), (1, 1)], 2.0),
        ("CEIL_2D", [(0, 0), (3, 4)], 5.0),
        ("ATT", [(0, 0), (10, 0)], 4.0),  # sqrt(10) = 3.16: nearest is 3, below it, so 4
        ("ATT", [(0, 0), (3, 9)], 3.0),  # sqrt(9) = 3, exact
        ("ATT", [(0, 0), (5, 6)], 3.0),  # sqrt(6.1) = 2.47 -> 2 -> 3
        ("ATT", [(0, 0), (8, 0)], 3.0),  # sqrt(6.4) = 2.53 -> 3, above it
    ],
)
def test_plane_distances_by_hand(file, kind, points, distance):
    own = read_tsplib(file(plane(kind, *points)))
    assert np.array_equal(own.instance.distance[0], [[0, distance], [distance, 0]])
    assert own.unit == "units" and own.lonlat is None


def test_plane_coordinates_keep_the_aspect(file):
    own = read_tsplib(file(plane("EUC_2D", (0, 0), (10, 0), (10, 5))))
    np.testing.assert_allclose(own.instance.coordinates[0], [(0, 0.25), (1, 0.25), (1, 0.75)])


def test_agrees_with_vrplib_where_that_serves(file):
    """Oracle: vrplib's exact distances, rounded by the paper's rule, and its full matrix."""
    points = np.random.default_rng(0).integers(0, 1000, size=(30, 2)).tolist()
    path = file(plane("EUC_2D", *points))
    exact = vrplib.read_instance(path)["edge_weight"]
    assert np.array_equal(read_tsplib(path).instance.distance[0], np.floor(exact + 0.5))
    path = file(explicit("FULL_MATRIX", "0 1 2 3\n4 0 5 6\n7 8 0 9\n1 2 3 0"))
    assert np.array_equal(
        read_tsplib(path).instance.distance[0], vrplib.read_instance(path)["edge_weight"]
    )


SYMMETRIC = np.array([[0, 1, 2, 3], [1, 0, 4, 5], [2, 4, 0, 6], [3, 5, 6, 0]], dtype=float)


@pytest.mark.parametrize(
    ("form", "numbers"),
    [
        ("UPPER_ROW", "1 2 3\n4 5\n6"),
        ("LOWER_COL", "1 2 3 4 5 6"),
        ("LOWER_ROW", "1 2 4\n3 5 6"),
        ("UPPER_COL", "1\n2 4\n3 5 6"),
        ("UPPER_DIAG_ROW", "0 1 2 3 0 4 5 0 6 0"),
        ("LOWER_DIAG_COL", "0 1 2 3 0 4 5 0 6 0"),
        ("LOWER_DIAG_ROW", "0 1 0 2 4 0\n3 5 6 9999"),
        ("UPPER_DIAG_COL", "0 1 0 2 4 0 3 5 6 0"),
        ("FULL_MATRIX", "0 1 2\n3 1 -1 4 5\n2 4 9999 6 3 5 6 0"),
    ],
)
def test_explicit_formats(file, form, numbers):
    """However broken into lines, whatever the diagonal holds."""
    own = read_tsplib(file(explicit(form, numbers)))
    assert np.array_equal(own.instance.distance[0], SYMMETRIC)
    assert own.symmetric and own.names == ("1", "2", "3", "4") and own.name == "own"


def test_asymmetric(file):
    own = read_tsplib(file(explicit("FULL_MATRIX", "9999 1 2 9999", n=2, kind="ATSP")))
    assert np.array_equal(own.instance.distance[0], [[0, 1], [2, 0]]) and not own.symmetric


def test_display_coordinates_are_used(file):
    shown = "DISPLAY_DATA_SECTION\n1 0 0\n2 2 0\n3 2 1\n4 0 1\nEOF\n"
    own = read_tsplib(file(explicit("UPPER_ROW", "1 2 3 4 5 6").replace("EOF\n", shown)))
    np.testing.assert_allclose(
        own.instance.coordinates[0], [(0, 0.25), (1, 0.25), (1, 0.75), (0, 0.75)]
    )


GOOD = plane("EUC_2D", (0, 0), (1, 1))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (plane("XRAY1", (0, 0), (1, 1)), "EDGE_WEIGHT_TYPE are EUC_2D, .*EXPLICIT, got 'XRAY1'"),
        (GOOD.replace("TYPE : TSP", "TYPE : CVRP", 1), "TYPE are TSP, ATSP, got 'CVRP'"),
        (GOOD.replace("EDGE_WEIGHT_TYPE : EUC_2D\n", ""), "EDGE_WEIGHT_TYPE are .*got ''"),
        (GOOD.replace("DIMENSION : 2", "DIMENSION : 3"), "DIMENSION is 3, but .* given for 2"),
        (GOOD.replace("DIMENSION : 2", "DIMENSION : two"), "in 2..5000, got 'two'"),
        (GOOD.replace("DIMENSION : 2", "DIMENSION : 9000"), "in 2..5000, got '9000'"),
        (GOOD.replace("2 1 1", "2 1 nan"), "line 7: a finite number was expected, got 'nan'"),
        (GOOD.replace("2 1 1", "2 1 x"), "line 7: a number was expected, got 'x'"),
        (GOOD.replace("2 1 1", "2 1 1 1"), "line 7: a node and its two coordinates"),
        (GOOD.replace("2 1 1", "1 1 1"), "line 7: node 1 is given twice"),
        (GOOD.replace("NODE_COORD", "FIXED_EDGES"), "line 5: supported are NODE_COORD_SECTION"),
        ("name,lat,lon\n", "line 1: 'KEY : value' or a section was expected, got 'name,lat,lon'"),
        ("", "EDGE_WEIGHT_TYPE are .*got ''"),
        (
            GOOD.replace("EOF", "EDGE_WEIGHT_SECTION\n0 1 1 0\nEOF"),
            "but EDGE_WEIGHT_TYPE is EUC_2D",
        ),
        (plane("GEO", (90.3, 0), (0, 0)), r"latitudes in -90..90 .* got 90.3 0 of node 1"),
        (plane("GEO", (9, 0), (0, -180.3)), r"longitudes in -180..180, got 0 -180.3 of node 2"),
        (explicit("FUNCTION", "1"), "EDGE_WEIGHT_FORMAT are FULL_MATRIX, .*got 'FUNCTION'"),
        (explicit("UPPER_ROW", "1 2 3"), "UPPER_ROW of 4 nodes has 6 numbers, got 3"),
        (explicit("FULL_MATRIX", "0 -1 1 0", n=2), "must be >= 0, got -1 from node 1 to 2"),
    ],
)
def test_refusals(file, content, message):
    with pytest.raises(UserError, match=f"own.tsp.*{message}") as refusal:
        read_tsplib(file(content))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("section", ["DISPLAY_DATA_SECTION", "NODE_COORD_SECTION"])
def test_nodes_may_come_in_any_order(file, section):
    """Row i of an explicit matrix is node i, wherever the file gives its position."""
    points = {5: (4, 0), 3: (2, 1), 1: (0, 0), 2: (1, 0), 4: (3, 1)}
    rows = np.arange(25).reshape(5, 5)
    text = explicit("FULL_MATRIX", "\n".join(" ".join(map(str, row)) for row in rows), n=5)
    nodes = "\n".join(f"{node} {x} {y}" for node, (x, y) in points.items())
    own = read_tsplib(file(text.replace("EOF", f"{section}\n{nodes}\nEOF")))
    assert own.names == ("1", "2", "3", "4", "5")
    assert np.array_equal(own.instance.distance[0], rows * (1 - np.eye(5)))
    in_order = np.array([points[node] for node in range(1, 6)])
    moved = own.instance.coordinates[0] - own.instance.coordinates[0, 0]
    np.testing.assert_allclose(moved, in_order / 4, atol=1e-12)


def test_the_order_of_nodes_changes_no_plane_distance(file):
    one = read_tsplib(file(plane("EUC_2D", (0, 0), (10, 0), (10, 5))))
    text = plane("EUC_2D", (0, 0), (10, 0), (10, 5))
    two = read_tsplib(file(text.replace("1 0 0\n2 10 0\n3 10 5", "3 10 5\n1 0 0\n2 10 0")))
    assert one.names == two.names
    assert np.array_equal(one.instance.distance, two.instance.distance)
    assert np.array_equal(one.instance.coordinates, two.instance.coordinates)


@pytest.mark.parametrize(
    "content, message",
    [
        (GOOD.replace("2 1 1", "3 1 1"), "nodes are numbered 1 to 2, got node 3"),
        (GOOD.replace("1 0 0", "0 0 0"), "line 6: a node is a whole number from 1, got '0'"),
        (GOOD.replace("1 0 0", "1.0 0 0"), "line 6: a node is a whole number from 1, got '1.0'"),
        (GOOD.replace("1 0 0", "１ 0 0"), "line 6: a node is a whole number"),
        (GOOD.replace("2 1 1", "01 1 1"), "line 7: node 1 is given twice"),
        (GOOD.replace("2 1 1", "2 1_0 1"), "line 7: a number was expected, got '1_0'"),
        (GOOD.replace("2 1 1", "2 1e200 1"), "line 7: coordinates of at most 1e.100 are read"),
        (GOOD.replace("DIMENSION : 2", "DIMENSION : ２"), "in 2..5000"),
        (GOOD.replace("DIMENSION : 2", "DIMENSION : " + "9" * 5000), "in 2..5000"),
        (
            explicit("FULL_MATRIX", "0 1 1 0\nDISPLAY_DATA_SECTION\n1 0 0", n=2),
            "DIMENSION is 2, but coordinates are given for 1 nodes",
        ),
        (
            explicit("FULL_MATRIX", "0 1 1 0\nDISPLAY_DATA_SECTION\n1 0 0\n7 1 1", n=2),
            "nodes are numbered 1 to 2, got node 7",
        ),
        (GOOD.replace("DIMENSION : 2", "DIMENSION : 3\nDIMENSION : 2"), "DIMENSION was '3' before"),
    ],
)
def test_nodes_out_of_range_and_odd_numbers_are_refused(file, content, message):
    with pytest.raises(UserError, match=f"own.tsp.*{message}"):
        read_tsplib(file(content))


def test_endless_weights_are_refused_before_they_are_read(file, monkeypatch):
    monkeypatch.setattr(tsplib, "MAX_PLACES", 3)
    with pytest.raises(UserError, match="line 7: at most 9 numbers are read, there are more"):
        read_tsplib(file(explicit("FULL_MATRIX", "0 1 1 1 0 1\n1 1 0 x", n=3)))
