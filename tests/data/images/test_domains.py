"""Two domains: coats on one silhouette, hidden pairs, folders of one's own, attributes by table."""

from importlib import resources

import numpy as np
import pytest
from PIL import Image

from hringur.data.images.coats import KINDS, draw_coats
from hringur.data.images.domains import load_domains
from hringur.data.images.images import load_images
from hringur.types import UserError


def rows(images):
    return [image.tobytes() for image in images]


@pytest.fixture(scope="module", params=["glyphs", "emoji"])
def stored(request):
    path = resources.files("hringur.data.images").joinpath(f"sprites/{request.param}.npz")
    with path.open("rb") as file:
        return request.param, dict(np.load(file))


def test_no_partner_of_a_training_image_is_given_to_training(stored):
    """Oracle: the file's own numbers of characters, by looking each image up in it."""
    name, content = stored
    domains = load_domains(name)
    split = content["split"]
    given = {side: set(rows(getattr(domains, side))) for side in ("first", "second")}
    assert len(domains.first) == (split == 0).sum()
    assert len(domains.second) == (split == 1).sum()
    if name == "glyphs":  # the emoji of the file still have their opacity
        for side, font, other in (("first", "sans", 0), ("second", "serif", 1)):
            assert given[side] == set(rows(content[font][split == other]))
    letters = content["codepoint"]
    train = [set(letters[split == side].tolist()) for side in (0, 1)]
    assert not train[0] & train[1] and not (train[0] | train[1]) & set(letters[split == 2].tolist())


@pytest.mark.parametrize("name, error", [("glyphs", 0.0280), ("emoji", 0.0709)])
def test_held_out_pairs_are_as_far_apart_as_the_source_says(name, error):
    domains = load_domains(name)
    gap = domains.held_out_first / 255 - domains.held_out_second / 255
    assert (gap**2).mean() == pytest.approx(error, abs=5e-5)


@pytest.mark.parametrize("name", ["coats", "fruits"])
def test_the_held_out_rows_of_coats_are_pairs_and_the_training_rows_are_not(name, monkeypatch):
    monkeypatch.setattr("hringur.data.images.domains.DRAWN", 1000)
    domains = load_domains(name)
    same = (domains.held_out_first == domains.held_out_second).all(axis=1)
    assert 0.3 < same.mean() < 0.95  # the ground
    assert (domains.first == domains.second).all(axis=1).mean() < 0.01
    seen = set(rows(domains.first)) | set(rows(domains.second))
    assert not seen & set(rows(domains.held_out_first))
    kind = {"coats": "animals", "fruits": "fruits"}[name]
    partners = draw_coats(kind, len(domains.first), seed=0).images(domains.names[1])
    assert not set(rows(partners)) & set(rows(domains.second))


@pytest.mark.parametrize("kind", KINDS)
def test_another_coat_leaves_the_ground_as_it_is(kind):
    coats = draw_coats(kind, 200, seed=1)
    one, other = (coats.images(name) for name in KINDS[kind])
    bare = coats._placed()[0] == 0
    outside = np.broadcast_to(bare[:, None], one.shape)
    assert (one[outside] == other[outside]).all() and (
        one[~outside] != other[~outside]
    ).mean() > 0.5


def test_a_pose_moves_the_silhouette_as_pillow_does():
    coats = draw_coats("animals", 1, seed=0)
    coats.pose[:] = [[0.8, 0.3, 2, -1, 1]]
    with resources.files("hringur.data.images").joinpath("sprites/noto.npz").open("rb") as file:
        content = dict(np.load(file))
    coats.silhouette[:] = 15  # the horse
    alpha = content["rgba"][content["name"].tolist().index("horse"), ..., 3]
    cos, sin = np.cos(0.3) / 0.8, np.sin(0.3) / 0.8
    x, y = 16 + 2, 16 - 1  # Pillow counts from the corners of pixels
    matrix = (cos, sin, 16 - cos * x - sin * y, -sin, cos, 16 + sin * x - cos * y)
    moved = Image.fromarray(alpha).transform(
        (32, 32), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
    )
    gap = np.abs(np.asarray(moved) / 255 - coats._placed()[0][0])
    assert gap[4:-4, 4:-4].max() < 0.04  # Pillow calculates in 1/64 of a pixel


def test_the_classes_of_the_image_set_are_the_sides():
    images, domains = load_images("glyphs"), load_domains("glyphs")
    assert images.classes == ("sans", "serif") and images.shape == (1, 32, 32)
    assert (images.train[images.train_labels == 1] == domains.second).all()
    assert (images.test[images.test_labels == 0] == domains.held_out_first).all()
    assert load_domains("emoji", 16).image_set().shape == (3, 16, 16)


def pictures(folder, names):
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((5, 5), number, dtype=np.uint8)).save(path)
    return folder


def test_two_folders_of_ones_own(tmp_path):
    names = [f"{side}/{i}.png" for side in ("cats", "dogs") for i in range(40)]
    domains = load_domains(str(pictures(tmp_path, names)))
    assert domains.names == ("cats", "dogs") and not domains.paired
    assert set(domains.first[:, 0, 0, 0]) | set(domains.held_out_first[:, 0, 0, 0]) == set(
        range(40)
    )
    assert domains.second.min() >= 40 and domains.held_out_second.min() >= 40


@pytest.mark.parametrize(
    "names, told",
    [
        (["a/1.png", "a/2.png"], "two sub-folders of images, one a domain; it has none"),
        ([f"{c}/{i}.png" for c in "abc" for i in range(4)], "it has a, b, c"),
        ([*(f"a/{i}.png" for i in range(20)), "b/1.png"], "b needs more images"),
    ],
)
def test_folders_that_are_no_two_domains_are_refused(tmp_path, names, told):
    with pytest.raises(UserError, match=told):
        load_domains(str(pictures(tmp_path, names)))


def test_what_is_not_there_is_refused():
    with pytest.raises(UserError, match="one of glyphs, emoji, coats, fruits, or a folder"):
        load_domains("letters")
    with pytest.raises(UserError, match="kind must be one of animals, fruits, got 'cars'"):
        draw_coats("cars", 1, seed=0)
    with pytest.raises(UserError, match="coats of fruits are apple, orange, got 'plain'"):
        draw_coats("fruits", 1, seed=0).images("plain")


def test_a_table_of_attributes_goes_with_its_images(tmp_path):
    names = [f"{i:02d}.png" for i in range(30)]
    folder = pictures(tmp_path, names)
    table = "".join(
        f"{name},{int(name[:2]) % 2},{-1 if i < 9 else 1}\n" for i, name in enumerate(names)
    )
    (folder / "attributes.csv").write_text("file,odd,late\n" + table)
    images = load_images(str(folder))
    assert images.attributes == ("odd", "late") and len(images.test) == 3
    for pixels, known in (
        (images.train, images.train_attributes),
        (images.test, images.test_attributes),
    ):
        value = pixels[:, 0, 0, 0].astype(int)
        assert (known == np.column_stack([value % 2, value >= 9])).all()


def test_a_table_serves_train_and_test_folders_too(tmp_path):
    folder = pictures(tmp_path, ["train/a.png", "train/b.png", "test/c.png"])
    (folder / "attributes.csv").write_text(
        "file,last\ntest/c.png,1\ntrain/a.png,0\ntrain/b.png,0\n"
    )
    images = load_images(str(folder))
    assert images.train_attributes.tolist() == [[0], [0]]
    assert images.test_attributes.tolist() == [[1]]


@pytest.mark.parametrize(
    "table, told",
    [
        ("", "must begin with 'file,ATTRIBUTE,...', got ''"),
        ("name,a\n", "must begin with"),
        ("file,a,a\n", "must begin with"),
        ("file,a\n0.png,yes\n", "line 2: an attribute is 1 or 0, got 'yes'"),
        ("file,a\n0.png\n", "line 2: expected 2 columns"),
        ("file,a\n0.png,1\n0.png,0\n", "line 3: '0.png' stands there twice"),
        ("file,a\n0.png,1\n", "'1.png' has no row"),
        ("file,a\n0.png,1\n1.png,0\n2.png,0\n", "'2.png' has no image"),
        ("file,a, \n0.png,1,0\n1.png,0,1\n", "must begin with 'file,ATTRIBUTE,...'"),
        ("file,a,b\n0.png,1,0\n1.png,0,0\n", "no image has 'b', so nothing tells"),
        ("file,a,b\n0.png,1,1\n1.png,0,1\n", "all images have 'b', so nothing tells"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path, table, told):
    folder = pictures(tmp_path, ["0.png", "1.png"])
    (folder / "attributes.csv").write_text(table)
    with pytest.raises(UserError, match=told):
        load_images(str(folder))
