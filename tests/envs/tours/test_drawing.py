"""Pictures: their size and what moves on them; nothing is imported unless it is drawn."""

import sys

import gymnasium as gym
import numpy as np
import pytest
from matplotlib.figure import Figure

import hringur  # noqa: F401  (registers the environments)
from hringur.data.tours.iceland import LECTURE_SIX, coordinates, resolve_place
from hringur.envs.tours.drawing import ROUTE, START, TourPicture, pixels, tour_figure
from hringur.envs.tours.labels import DIRECTIONS, _candidates, _layout
from hringur.types import MissingExtra


def share_of(image, colour):
    """How much of an image is painted in one colour."""
    wanted = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    return float((image == wanted).all(axis=-1).mean())


@pytest.mark.parametrize(
    "env_id, options, shape",
    [
        ("IcelandTSP-v0", {"places": "lecture", "start": "Akureyri"}, (900, 1200, 3)),
        ("IcelandTSP-v0", {"places": 12, "distance": "great_circle"}, (900, 1200, 3)),
        ("EuclideanTSP-v0", {"places": 6, "round_trip": False}, (900, 900, 3)),
    ],
)
def test_the_route_grows_from_frame_to_frame(env_id, options, shape):
    env = gym.make(env_id, render_mode="rgb_array", **options)
    env.reset(seed=0)
    painted = []
    for _ in range(env.unwrapped.n_places - 1):
        image = env.render()
        assert image.shape == shape and image.dtype == np.uint8
        assert share_of(image, START) > 1e-4
        painted.append(share_of(image, ROUTE))
        env.step(int(np.argmax(env.unwrapped.action_masks())))
    painted.append(share_of(env.render(), ROUTE))
    assert painted[0] == 0 and painted[1] > 5e-4
    assert all(later > before for before, later in zip(painted, painted[1:], strict=False))


def test_every_environment_of_a_batch_has_its_frame():
    options = {"num_envs": 2, "vectorization_mode": "vector_entry_point", "places": 3}
    env = gym.make_vec("EuclideanTSP-v0", render_mode="rgb_array", **options)
    env.reset(seed=0)
    single = gym.make("EuclideanTSP-v0", render_mode="rgb_array", places=3)
    single.reset(seed=1)
    assert np.array_equal(env.render()[1], single.render())
    for actions in ([1, 1], [2, 1]):  # the second environment goes to 1 twice
        env.step(np.array(actions))
    first, second = env.render()
    assert share_of(first, ROUTE) > share_of(second, ROUTE) > 0


def test_a_window_shows_what_the_pixels_show():
    pygame = pytest.importorskip("pygame")
    env = gym.make("EuclideanTSP-v0", places=3, render_mode="human")
    env.reset(seed=0)
    shown = pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)
    image = gym.make("EuclideanTSP-v0", places=3, render_mode="rgb_array")
    image.reset(seed=0)
    assert np.array_equal(shown, image.render())
    assert env.render() is None
    env.close()
    env.close()
    assert pygame.display.get_surface() is None


def test_a_missing_window_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(MissingExtra, match=r"hringur\[human\]"):
        gym.make("EuclideanTSP-v0", render_mode="human")


def test_render_without_a_mode_warns():
    env = gym.make("EuclideanTSP-v0", places=3).unwrapped
    env.reset(seed=0)
    with pytest.warns(UserWarning, match="render_mode"):
        assert env.render() is None


def test_a_figure_for_files_looks_like_a_frame():
    numbers = [resolve_place(name) for name in LECTURE_SIX]
    picture = TourPicture(
        coordinates=coordinates()[numbers],
        names=LECTURE_SIX,
        tour=[0, 5, 2, 4, 1, 3],
        season="summer",
        by_road=True,
        title="1,599.0 km",
    )
    figure = tour_figure(picture)
    assert isinstance(figure, Figure)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert {*LECTURE_SIX, "1,599.0 km"} <= set(texts)
    assert any("IS 50V" in text and "OpenStreetMap" in text for text in texts)
    assert share_of(pixels(figure), ROUTE) > 1e-3


@pytest.mark.parametrize("n", [6, 94])
def test_names_cover_neither_each_other_nor_the_border(n):
    rng = np.random.default_rng(0)
    dots = rng.uniform((50, 50), (1150, 850), (n, 2))
    names = tuple(f"Place {k} of many" for k in range(n))
    size, frame = 14.0, (0.0, 0.0, 1200.0, 900.0)
    layout = _layout(dots.tobytes(), names, np.full(n, 4.0).tobytes(), b"", size, frame)
    assert len(layout) == n if n <= 20 else len(layout) > n / 2
    width = 100.0  # of these names at this size, at least
    boxes = np.array([(x, y, x + width, y + 0.8 * size) for _, x, y in layout])
    over = np.minimum(boxes[:, None, 2:], boxes[:, 2:]) - np.maximum(
        boxes[:, None, :2], boxes[:, :2]
    )
    assert (over > 0).all(axis=-1).sum() == len(boxes)  # each with itself only
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] <= (1200, 900)).all()


def test_names_keep_clear_of_their_own_dot():
    boxes = _candidates(np.zeros(2), 5.0, 60.0, 10.0)
    assert len(boxes) == 3 * len(DIRECTIONS)
    nearest = np.linalg.norm(np.clip(0.0, boxes[:, :2], boxes[:, 2:]), axis=1)
    assert (nearest > 4.0).all()
