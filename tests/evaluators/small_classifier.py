"""A classifier of images with random weights, which takes no time."""

import torch

from hringur.evaluators.digit_classifier import DigitClassifier, DigitNetwork
from tests.generative.small_images import stripes


def small_classifier() -> DigitClassifier:
    """Random weights, whose batch norm and standardisation have seen something."""
    torch.manual_seed(0)
    network = DigitNetwork(classes=3, width=2, hidden=8)
    network(torch.rand(64, 1, 28, 28))
    small = DigitClassifier(network, "abc")
    small.standardise(torch.tensor(stripes().train))
    return small
