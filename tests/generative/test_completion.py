"""Completion: evidence by counting, nothing seen of what is hidden, edits that stay inside."""

from collections import Counter
from math import log

import pytest
import torch

from hringur.generative import completion
from hringur.generative.completion import Completion, Evidence, exchanged
from hringur.generative.networks import ImageShape

SHAPE = ImageShape(3, 8, 8)


def spots(count=400, own=False):
    """Noise; the attribute is a red square, at one place or anywhere, in images 0, 2, 4, ..."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 60, (count, *SHAPE), generator=generator).byte()
    places = torch.randint(0, 7, (count, 2), generator=generator) if own else None
    for number in range(0, count, 2):
        top, left = (2, 3) if places is None else places[number].tolist()
        images[number, 0, top : top + 2, left : left + 2] = 250
    attributes = torch.zeros(count, 1, dtype=torch.uint8)
    attributes[::2] = 1
    return images, attributes


def test_the_evidence_is_that_of_bayes_rule_for_every_pixel(monkeypatch):
    """Oracle: colours counted one by one, with no place hidden in every image."""
    monkeypatch.setattr(completion, "LARGEST_PART", -1.0)
    images, attributes = spots(own=True)
    evidence = Evidence(SHAPE, 1)
    evidence.count(images, attributes)
    hidden = evidence(images.float() / 255, torch.zeros(len(images), dtype=torch.long))
    seen, with_it = Counter(), Counter()
    for image, has in zip(images // 32, attributes[:, 0].tolist(), strict=True):
        for row in range(8):
            for column in range(8):
                key = (row, column, *image[:, row, column].tolist())
                seen[key] += 1
                with_it[key] += has
    for number in range(20):
        for row in range(8):
            for column in range(8):
                key = (row, column, *(images[number, :, row, column] // 32).tolist())
                chance = (with_it[key] + 0.5) / (seen[key] + 1)
                error = 2 / (0.25 * (seen[key] + 1)) ** 0.5
                told = abs(log(chance / (1 - chance))) - error > completion.OWN
                assert hidden[number, 0, row, column] == told


def test_what_tells_in_one_part_is_hidden_in_every_image():
    images, attributes = spots()
    evidence = Evidence(SHAPE, 1)
    evidence.count(images, attributes)
    hidden = evidence(images.float() / 255, torch.zeros(len(images), dtype=torch.long))
    assert (hidden == hidden[:1]).all()
    assert (hidden[0, 0, 2:4, 3:5] == 1).all() and 4 <= hidden[0].sum() <= 16


def test_a_grey_image_has_evidence_too():
    images, attributes = spots()
    grey = images[:, :1]
    evidence = Evidence(ImageShape(1, 8, 8), 1)
    evidence.count(grey, attributes)
    hidden = evidence(grey.float() / 255, torch.zeros(len(grey), dtype=torch.long))
    assert (hidden[:, 0, 2:4, 3:5] == 1).all()


@pytest.mark.parametrize("shape", [SHAPE, ImageShape(1, 9, 13)])
def test_nothing_of_what_is_hidden_is_seen(shape):
    torch.manual_seed(0)
    network = Completion(shape, 2, channels=8, depth=3, stride=4)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    image, hidden = torch.rand(3, *shape), torch.zeros(3, 1, *shape[1:])
    hidden[:, :, 1:4, 2:5] = 1
    other = torch.where(hidden > 0, torch.rand_like(image), image)
    told = torch.tensor([[0.0, 1.0]]).expand(3, -1)
    made = network(image, hidden, told)
    assert made.shape == image.shape
    assert torch.equal(made, network(other, hidden, told))
    assert not torch.equal(made, network(image + 0.1 * (1 - hidden), hidden, told))
    assert not torch.equal(made, network(image, hidden, 1 - told))


def test_only_pixels_whose_completions_differ_are_exchanged():
    image = torch.full((1, 3, 4, 4), 0.5)
    hidden = torch.zeros(1, 1, 4, 4)
    hidden[..., :2] = 1
    now = torch.full_like(image, 0.3)
    then = now.clone()
    then[:, 1, 0, :] = 0.9
    change = exchanged(image, hidden, now, then)
    expected = torch.zeros_like(image)
    expected[:, :, 0, :2] = then[:, :, 0, :2] - image[:, :, 0, :2]
    torch.testing.assert_close(change, expected)
