import numpy as np
import pytest

from hringur.data.tours.own_instances import (
    classical_scaling,
    read_matrix_csv,
    read_places_csv,
    read_tsplib,
)
from hringur.types import UserError


@pytest.fixture
def file(tmp_path):
    """Writes a file and returns its path."""

    def write(content, name="own.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return write


def test_places_csv(file):
    own = read_places_csv(
        file("note,Name,LAT,lon\nx,Nord,90,0\n,Ecuador,0,0\n\n,Suður, 0 ,90\n", "world.csv")
    )
    quarter = 6371.0088 * np.pi / 2  # from the pole, and along the equator
    assert (own.name, own.unit, own.symmetric) == ("world", "km", True)
    assert own.names == ("Nord", "Ecuador", "Suður")
    np.testing.assert_allclose(own.instance.distance[0], quarter * (1 - np.eye(3)), atol=1e-9)
    assert np.array_equal(own.lonlat, [(0, 90), (0, 0), (90, 0)])
    assert own.instance.coordinates.shape == (1, 3, 2)
    assert own.instance.coordinates.min() >= 0.0 and own.instance.coordinates.max() == 1.0


def test_places_in_one_spot_are_allowed(file):
    own = read_places_csv(file("name,lat,lon\na,64,-20\nb,64,-20\n"))
    assert not own.instance.distance.any()
    assert np.array_equal(own.instance.coordinates, np.full((1, 2, 2), 0.5))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,lat\na,1\n", "line 1: column 'lon' is missing; needed are name, lat, lon"),
        ("", "line 1: column 'name' is missing"),
        ("name,lat,lon\na,1,2\n", "at least 2 places, got 1"),
        ("name,lat,lon\na,91,2\nb,1,2\n", "line 2, column lat: .* in -90..90, got 91"),
        ("name,lat,lon\na,1,2\nb,1,-181\n", "line 3, column lon: .* in -180..180, got -181"),
        ("name,lat,lon\na,nan,2\nb,1,2\n", "line 2, column lat: .*got nan"),
        ("name,lat,lon\na,1,inf\nb,1,2\n", "line 2, column lon: .*got inf"),
        ("name,lat,lon,lat\na,1,2,3\nb,1,2,3\n", "line 1: column 'lat' is there twice"),
        ("name,lat,LON,lon\na,1,2,3\nb,1,2,3\n", "line 1: column 'lon' is there twice"),
        ("name,lat,lon\na,1_0,2\nb,1,2\n", "a number was expected, got '1_0'"),
        ("name,lat,lon\na,１０,2\nb,1,2\n", "a number was expected, got '１０'"),
        (f"name,lat,lon\n{'a' * 201},1,2\nb,1,2\n", "at most 200 characters, got 201"),
        ("name,lat,lon\na,1,2\nb,1,2\n".encode("utf-16"), "line 1: the text must be UTF-8"),
        ("name,lat,lon\na,north,2\nb,1,2\n", "a number was expected, got 'north'"),
        ("name,lat,lon\na,,2\nb,1,2\n", "a number was expected, got ''"),
        ("name,lat,lon\na,1,2\na,3,4\n", "the place 'a' is named twice"),
        ("name,lat,lon\na,1,2\n,3,4\n", "place number 2 has no name"),
        ("name,lat,lon\na,1\nb,3,4\n", "line 2: 3 cells expected, got 2"),
        ('name,lat,lon\n"a,1,2\nb,3,4\n', "not a CSV file"),
        ("name,lat,lon\nVík,1,2\n".encode("latin-1"), "line 2: the text must be UTF-8"),
    ],
)
def test_places_csv_refusals(file, content, message):
    with pytest.raises(UserError, match=f"own.csv.*{message}") as refusal:
        read_places_csv(file(content))
    assert "\n" not in str(refusal.value)


MATRIX = [[0.0, 1.5, 2.0], [1.0, 0.0, 2.5], [2.0, 3.0, 0.0]]


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("0,1.5,2\n1,0,2.5\n2,3,0\n", ("1", "2", "3")),
        ("a,b,c\n0,1.5,2\n1,0,2.5\n2,3,0\n", ("a", "b", "c")),
        ("a,0,1.5,2\nb,1,0,2.5\nc,2,3,0\n", ("a", "b", "c")),
        (",a,b,c\na,0,1.5,2\nb,1,0,2.5\nc,2,3,0\n", ("a", "b", "c")),
        ("from,a,b,c\na,0,1.5,2\nb,1,0,2.5\nc,2,3,0\n", ("a", "b", "c")),
        (",7,8,9\n7,0,1.5,2\n8,1,0,2.5\n9,2,3,0\n", ("7", "8", "9")),
    ],
)
def test_matrix_csv(file, content, names):
    own = read_matrix_csv(file(content))
    assert own.names == names and own.unit == "units" and own.lonlat is None
    assert np.array_equal(own.instance.distance[0], MATRIX) and not own.symmetric


def test_a_matrix_gets_positions_that_fit_it(file):
    """Oracle: distances of points in the plane are reproduced, up to one scale."""
    points = np.random.default_rng(0).random((7, 2))
    distance = np.linalg.norm(points[:, None] - points, axis=-1)
    scaled = classical_scaling(distance)
    np.testing.assert_allclose(
        np.linalg.norm(scaled[:, None] - scaled, axis=-1), distance, atol=1e-9
    )
    text = "\n".join(",".join(map(repr, row)) for row in distance.tolist())
    own = read_matrix_csv(file(text))
    xy = own.instance.coordinates[0]
    assert own.symmetric and xy.min() >= 0.0 and np.ptp(xy, axis=0).max() == pytest.approx(1.0)
    apart = np.linalg.norm(xy[:, None] - xy, axis=-1)[distance > 0] / distance[distance > 0]
    np.testing.assert_allclose(apart, apart[0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("0,1,2\n1,0,2\n", "must be square, got 2 rows of 3"),
        ("0,1\n1,0\n2,3\n", "must be square, got 3 rows of 2"),
        ("0,1\n1\n", "line 2: 2 cells expected, got 1"),
        ("0,-1\n1,0\n", "line 1, column 2: .*finite and >= 0, got -1"),
        ("a,b\n0,nan\n1,0\n", "line 2, column 2: .*got nan"),
        ("0,inf\n1,0\n", "line 1, column 2: .*got inf"),
        ("0,1e308\n1e308,0\n", "distances are too large to be added up"),
        ("0,1_0\n1,0\n", "line 1, column 2: a number was expected, got '1_0'"),
        ("0,x,1\n1,0,1\n1,1,0\n", "line 1, column 2: a number was expected, got 'x'"),
        ("O,1,1\n1,0,1\n1,1,0\n", "line 1, column 1: a number was expected, got 'O'"),
        ("0,1,1\n1,,1\n1,1,0\n", "line 2, column 2: a number was expected, got ''"),
        ("0,1\n1,5\n", "line 2, column 2: the distance to itself must be 0, got 5"),
        ("0\n", "at least 2 places, got 1"),
        ("", "at least 2 places, got 0"),
        (",a,b\na,0,1\nc,1,0\n", "named alike, got 'c' and 'b'"),
        (",a,a\na,0,1\na,1,0\n", "'a' is named twice"),
        ("0,1\n\xff,0\n".encode("latin-1"), "line 2: the text must be UTF-8"),
    ],
)
def test_matrix_csv_refusals(file, content, message):
    with pytest.raises(UserError, match=f"own.csv.*{message}") as refusal:
        read_matrix_csv(file(content))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("read", [read_places_csv, read_matrix_csv, read_tsplib])
def test_files_that_are_not_there(read, tmp_path):
    with pytest.raises(UserError, match="cannot read .*none: No such file"):
        read(tmp_path / "none")
    with pytest.raises(UserError, match="cannot read .*: Is a directory"):
        read(tmp_path)


def test_names_cannot_steer_a_terminal(file):
    own = read_places_csv(file('name,lat,lon\n"\x1b[2Ja\nb",1,2\n\u202ec,1,3\n', "\x07own.csv"))
    assert own.names == (r"\x1b[2Ja b", r"\u202ec") and own.name == r"\x07own"
    assert read_matrix_csv(file("\x1ba,b\n0,1\n1,0\n")).names == (r"\x1ba", "b")


def test_a_file_of_too_many_places_is_refused_by_its_first_rows(file):
    with pytest.raises(UserError, match="at most 5,001 rows and"):
        read_places_csv(file("name,lat,lon\n" + "a,1,2\n" * 5_002))
    with pytest.raises(UserError, match="line 1: at most 5,001 columns are read"):
        read_matrix_csv(file("0," * 5_002))
