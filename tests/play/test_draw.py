"""The Draw and mix tab: each control by a real click or key, images beside the package's."""

import numpy as np
import pytest
import torch

import hringur
from hringur.generative.applications.attributes import Editor
from hringur.generative.applications.mixing import sphere
from hringur.play.site import samples
from hringur.weights.shipped import DIGITS, FACES

STATE = """async () => {
  const shown = (await import("/draw.js")).current();
  return { ...shown, left: [...shown.left], right: [...shown.right] };
}"""
PIXELS = """(id) => {
  const canvas = document.getElementById(id);
  const small = new OffscreenCanvas(28, 28).getContext("2d");
  small.drawImage(canvas, 0, 0, 28, 28);
  return [...small.getImageData(0, 0, 28, 28).data].filter((_, k) => k % 4 === 0);
}"""


@pytest.fixture(scope="module")
def digits():
    return hringur.load(DIGITS, device="cpu")


def images(*flat):
    return torch.tensor(np.array(flat), dtype=torch.float32).reshape(len(flat), 1, 28, 28)


def drawn(page):
    """The mixed digit as it is painted."""
    return np.array(page.evaluate(PIXELS, "mixed")) / 255


def test_mixed_codes_and_images_are_those_of_the_package(visit, digits):
    page = visit("draw")
    for share in (0.5, 0.0, 0.25):
        if share != 0.5:
            page.locator("#strip button").nth(round(8 * share)).click()
        shown = page.evaluate(STATE)
        assert shown["share"] == share
        left, right = digits.encode(images(shown["left"], shown["right"])).split(1)
        code = sphere(left, right, 9)[0, round(8 * share)]
        assert shown["code"] == pytest.approx(code.tolist(), abs=2e-3)
        made = digits.decode(code[None])[0, 0].numpy().ravel()
        assert np.abs(drawn(page) - made).max() < 0.08  # painted larger, and read back
    page.focus("#share")
    page.keyboard.press("End")
    assert page.evaluate(STATE)["share"] == 1


def test_a_digit_is_drawn_and_another_chosen(visit, digits):
    page = visit("draw")
    pad = page.locator("#left").bounding_box()
    before = page.evaluate(STATE)
    page.mouse.move(pad["x"] + 30, pad["y"] + 40)
    page.mouse.down()
    for x, y in ((120, 40), (90, 90), (60, 170)):
        page.mouse.move(pad["x"] + x, pad["y"] + y, steps=4)
    page.mouse.up()
    shown = page.evaluate(STATE)
    assert shown["codes"]["left"] != before["codes"]["left"]
    image = np.array(shown["left"]).reshape(28, 28)
    rows = np.flatnonzero(image.sum(axis=1) > 0.1)
    assert 17 <= rows[-1] - rows[0] <= 23  # twenty pixels tall, centred by mass, as MNIST is
    middle = (image.sum(axis=0) * (np.arange(28) + 0.5)).sum() / image.sum()
    assert middle == pytest.approx(14, abs=0.3)
    expected = digits.encode(images(shown["left"]))[0]
    assert shown["codes"]["left"] == pytest.approx(expected.tolist(), abs=2e-3)
    page.click("#left-clear")
    page.select_option("#left-digit", "5")
    page.select_option("#right-digit", "9")
    shown = page.evaluate(STATE)
    chosen = np.array([samples()["digits"][k] for k in (5, 9)]) / 255
    assert np.array([shown["left"], shown["right"]]) == pytest.approx(chosen, abs=1e-6)
    page.click("#right-clear")


def test_the_axes_of_the_code(visit, digits):
    page = visit("draw")
    page.click("#prior")
    page.focus("#axis-3")
    page.keyboard.press("Home")
    code = page.evaluate(STATE)["code"]
    assert code[3] == -3 and len(code) == 8
    made = digits.decode(torch.tensor([code]))[0, 0].numpy().ravel()
    assert np.abs(drawn(page) - made).max() < 0.08


def test_faces_are_edited_as_by_the_package(visit):
    page = visit("draw")
    editor = Editor(hringur.load(FACES, device="cpu"))
    page.locator("#faces button").nth(2).click()  # waits for the model of faces
    strengths = {}
    for name, give in (("smile", True), ("blonde", False), ("glasses", True)):
        page.focus(f"#attribute-{editor.attributes.index(name)}")
        page.keyboard.press("End" if give else "Home")
        strengths[name] = 1.0 if give else -1.0
    page.wait_for_timeout(600)
    face = torch.tensor(samples()["faces"][2], dtype=torch.uint8).reshape(1, 3, 32, 32)
    expected = editor.edit(face, strengths)[0].numpy().ravel()
    edited = np.array(page.evaluate(STATE)["edited"])
    assert np.abs(edited - face.numpy().ravel() / 255).max() > 0.3
    assert np.abs(edited - expected).max() < 0.02
    assert "smile +1" in page.get_attribute("#after", "aria-label")
    page.click("#plain")
    page.wait_for_timeout(50)
    assert "nothing changed" in page.get_attribute("#after", "aria-label")
