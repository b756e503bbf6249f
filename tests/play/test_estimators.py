"""The Estimators tab: each control by a real key or click, each estimator beside the package's."""

import numpy as np
import pytest
import torch

from hringur.estimators.catalogue import make_estimator
from hringur.estimators.distributions import bernoullis

STATE = """async () => (await import("/estimators.js")).current()"""
COUNT = 4000
UNBIASED = {"reinforce", "reinforce-leave-one-out", "disarm", "rebar"}


def cost(kind, target):
    if kind == "square":
        return lambda z: (z[..., 0] - target) ** 2
    return lambda z: target**2 + (1 - 2 * target) * z[..., 0]


def draws(name, shown, count=40_000):
    """Estimates of the package's own estimator on the problem shown."""
    logit = np.log(shown["p"] / (1 - shown["p"]))
    theta = torch.full((count, 1), logit, dtype=torch.float64, requires_grad=True)
    f = cost(shown["kind"], shown["target"])
    surrogate = make_estimator(name, (1,)).surrogate(f, bernoullis(theta), shown["samples"])
    return count * torch.autograd.grad(surrogate, theta)[0].numpy()[:, 0]


def check(shown):
    p, target = shown["p"], shown["target"]
    exact = p * (1 - p) * (1 - 2 * target)
    assert shown["truth"] == pytest.approx(exact)
    for one in shown["about"]:
        error = 5 * one["deviation"] / np.sqrt(COUNT) + 1e-9
        if one["name"] in UNBIASED:
            assert one["mean"] == pytest.approx(exact, abs=error), one
        if one["name"] != "rebar":  # whose eta the package learns and the page solves for
            own = draws(one["name"], shown)
            assert one["mean"] == pytest.approx(own.mean(), abs=1.2 * error), one
            assert one["deviation"] == pytest.approx(own.std(), rel=0.12, abs=1e-9), one


def press(page, name, key, times):
    page.focus(f"#{name}")
    for _ in range(times):
        page.keyboard.press(key)


def test_estimates_are_those_of_the_package(visit):
    page = visit("estimators")
    check(page.evaluate(STATE))
    page.get_by_label("a straight line").check()
    press(page, "p", "ArrowRight", 6)
    press(page, "target", "ArrowLeft", 4)
    press(page, "samples", "ArrowRight", 2)
    page.wait_for_timeout(150)
    shown = page.evaluate(STATE)
    assert shown["kind"] == "line" and shown["samples"] == 6
    assert (shown["p"], shown["target"]) == pytest.approx((0.6, -0.1))
    check(shown)
    through = next(one for one in shown["about"] if one["name"] == "straight-through")
    assert through["mean"] == pytest.approx(shown["truth"])  # exact where f is linear
    assert f"{shown['truth']:.3f}" in page.text_content("#exact")


def test_the_temperature_trades_bias_for_spread_and_draws_differ(visit):
    page = visit("estimators")

    def soft():
        page.wait_for_timeout(150)
        return next(a for a in page.evaluate(STATE)["about"] if a["name"] == "gumbel-softmax")

    before = soft()
    press(page, "temperature", "End", 1)
    after = soft()
    assert after["deviation"] < before["deviation"]
    page.click("#again")
    assert soft()["mean"] != after["mean"]
    rows = page.locator("#histograms li")
    assert rows.count() == 8
    labels = page.eval_on_selector_all("#histograms svg", "all => all.map((s) => s.ariaLabel)")
    assert all("mean" in label and "spread" in label for label in labels)
