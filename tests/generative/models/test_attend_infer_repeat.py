"""Attend, infer, repeat: windows, boxes, the bound by enumeration, estimators, the commands."""

import json
import math
from dataclasses import replace
from itertools import product

import pytest
import torch
from torch.distributions import Geometric, Normal, kl_divergence
from torch.nn import functional as F

from hringur.cli import main
from hringur.estimators.catalogue import ESTIMATORS
from hringur.estimators.distributions import categoricals
from hringur.generative.models import attend_infer_repeat
from hringur.generative.models.attend_infer_repeat import (
    AttendInferRepeat,
    AttendInferRepeatConfig,
)
from hringur.generative.scenes.batches import SceneBatch, scene_figure
from hringur.generative.scenes.boxes import (
    ink_box,
    mean_overlap,
    overlap,
    read,
    region_measures,
    regions,
    write,
)
from hringur.generative.scenes.network import Explanation, as_box, choose, error, error_of_all
from hringur.types import UserError
from tests.generative.contracts import every_tag_is_documented, resumes_to_the_same_scalars
from tests.generative.small_scenes import squares

CPU = torch.device("cpu")
UNFIT = {"pathwise", "arm", "disarm"}  # of reals, and of bits


@pytest.fixture(autouse=True)
def few_held_out(monkeypatch):
    monkeypatch.setattr(attend_infer_repeat, "HELD_OUT", 60)
    monkeypatch.setattr(attend_infer_repeat, "UNSEEN", 20)


def model_of(**settings) -> AttendInferRepeat:
    config = AttendInferRepeatConfig(**{"width": 16, "batch": 8, "latent": 4, **settings})
    return AttendInferRepeat(squares(), config, device="cpu")


def some(count=40, objects=None) -> SceneBatch:
    return SceneBatch.on_device(squares().draw((0, 5), count, objects), CPU)


def boxes(count=5):
    torch.manual_seed(0)
    return as_box(torch.randn(count, 4))


def test_reading_is_torchs_sampling_of_a_grid():
    image, box = torch.rand(5, 2, 50, 50), boxes()
    half, middle = (box[:, 2:] - box[:, :2]) / 50, (box[:, 2:] + box[:, :2]) / 50 - 1
    theta = torch.zeros(5, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1], theta[:, :, 2] = half[:, 1], half[:, 0], middle.flip(1)
    grid = F.affine_grid(theta, [5, 2, 20, 20], align_corners=False)
    expected = F.grid_sample(image, grid, align_corners=False)
    torch.testing.assert_close(read(image, box, 20), expected, atol=1e-4, rtol=0)


def test_what_is_written_into_a_box_is_read_from_it():
    texture = F.interpolate(torch.rand(5, 1, 4, 4), (20, 20), mode="bicubic")  # smooth
    box = torch.tensor([[5.0, 7.0, 25.0, 27.0]]).expand(5, 4)
    torch.testing.assert_close(read(write(texture, box, 50), box, 20), texture, atol=1e-4, rtol=0)


def test_a_place_is_chosen_as_the_mean_of_a_softmax():
    score = torch.full((1, 1, 25, 25), -1e4)
    score[0, 0, 4, 10] = score[0, 0, 8, 10] = 3.0
    torch.testing.assert_close(choose(score).sigmoid()[0], torch.tensor([6.5, 10.5]) / 25)


def test_the_box_of_the_ink_is_that_of_the_scene():
    scenes = some(objects=1)
    assert torch.equal(ink_box(scenes.image[:, None])[:, 0], scenes.box[:, 0])


def test_overlap_is_intersection_over_union_and_boxes_are_matched():
    one, other = torch.tensor([0.0, 0.0, 4.0, 4.0]), torch.tensor([2.0, 0.0, 6.0, 4.0])
    assert overlap(one, other).item() == pytest.approx(8 / 24)
    scenes = some(objects=2)
    swapped = scenes.box[:, [1, 0, 2]]
    assert mean_overlap(swapped, scenes.count, scenes).item() == 1.0
    assert mean_overlap(swapped, scenes.count - 1, scenes).item() == 0.5
    five = torch.cat([torch.zeros(40, 2, 4), swapped], dim=1)  # found last
    assert mean_overlap(five, scenes.count + 2, scenes).item() == 1.0


def test_connected_regions_are_counted():
    image = torch.zeros(1, 1, 50, 50)
    image[0, 0, 5:15, 5:10] = image[0, 0, 20:24, 30:40] = image[0, 0, 45, 45] = 1
    count, box = regions(SceneBatch(image, torch.tensor([2]), torch.zeros(1, 3, 4)))
    assert count.item() == 2  # one pixel is none
    assert box[0, :2].tolist() == [[5, 5, 15, 10], [20, 30, 24, 40]]
    measured = region_measures(some(), some(objects=3))
    assert measured["evaluation/count_accuracy_percent"] > 85  # some touch


def explanation(batch=4, counts=4):
    torch.manual_seed(1)
    logits = torch.randn(batch, counts).log_softmax(1)
    light, rate = 0.1 * torch.rand(batch, counts - 1, 1, 50, 50), 3 * torch.rand(batch, 3)
    return Explanation(light, rate, logits, torch.randn(batch, 3, 4), torch.randn(batch, 3, 2))


def test_the_error_is_minus_the_log_likelihood_and_the_rates_of_those_that_are_there():
    found, image = explanation(), torch.rand(4, 1, 50, 50)
    choice = F.one_hot(torch.tensor([0, 1, 2, 3]), 4)[None].float()
    for row, count in enumerate(range(4)):
        likelihood = Normal(found.light[row, :count].sum(dim=0), 0.3)
        nothing = Normal(image[row], 0.3).log_prob(image[row]).sum()
        expected = nothing - likelihood.log_prob(image[row]).sum() + found.rate[row, :count].sum()
        assert error(image, found, choice, 0.3)[0, row].item() == pytest.approx(
            expected.item(), rel=1e-4
        )


def test_the_count_found_is_the_best_of_all_sets_of_the_objects(monkeypatch):
    model, found = model_of(object_odds=0.5), explanation(batch=30)
    bands = (torch.arange(50) * 3 // 50 == torch.arange(3)[:, None]).float()  # nothing in common
    found = found._replace(light=3 * found.light * bands[:, None, :, None])
    there = (torch.rand(30, 3) < 0.5).float()
    image = torch.einsum("bk,bkchw->bchw", there, found.light) + 0.01 * torch.randn(30, 1, 50, 50)
    monkeypatch.setattr(model.network.average, "explain", lambda image, random: found)
    costs = []
    for members in product((0.0, 1.0), repeat=3):
        made = (found.light * torch.tensor(members)[:, None, None, None]).sum(dim=1)
        squared = (made - image).square().sum(dim=(1, 2, 3)) / (2 * 0.3**2)
        costs.append(squared + found.rate @ torch.tensor(members) - sum(members) * math.log(0.5))
    sizes = torch.tensor([sum(members) for members in product((0, 1), repeat=3)])
    best = sizes[torch.stack(costs).argmin(dim=0)]
    scenes = replace(some(30), image=image)
    assert model.infer(scenes, steps=0).number.tolist() == best.tolist()
    assert best.unique().numel() > 2


def test_places_and_codes_cost_what_their_divergence_from_the_prior_grows_by():
    network = model_of().network.network
    places, codes = torch.randn(2, 5, 3, 4), torch.randn(2, 5, 3, 6)
    spread = 0.2 + torch.rand(5, 3, 4), 0.2 + torch.rand(5, 3, 6)

    def rate(place, code):
        far = kl_divergence(Normal(place, spread[0]), network.place_prior(place)).sum(dim=2)
        own = Normal(torch.zeros(()), torch.ones(()))
        return far + kl_divergence(Normal(code, spread[1]), own).sum(dim=2)

    before, after = zip(places, codes, strict=True)
    torch.testing.assert_close(
        network.surprise(*after) - network.surprise(*before), rate(*after) - rate(*before)
    )


def test_refined_objects_explain_a_scene_better_and_what_is_said_of_them_is_so():
    model, scenes = model_of(), some(20)
    network = model.network.average
    found = network.explain(scenes.image, random=False)
    costs = [network.refined(scenes.image, found, steps) for steps in (0, 5, 20)]
    plain = error_of_all(scenes.image, found, 0.3)
    torch.testing.assert_close(costs[0][0], plain)
    assert (costs[1][0] < plain).all() and (costs[2][0] <= costs[1][0]).all()
    squared = (costs[2][1].sum(dim=1) - scenes.image).square().sum(dim=(1, 2, 3)) / (2 * 0.3**2)
    assert (costs[2][0] > squared).all()  # rates are positive


def test_the_count_is_that_of_a_sequence_of_decisions_to_go_on():
    model, scenes = model_of(), some(6)
    found = model.network.network.explain(scenes.image, random=False)
    torch.testing.assert_close(found.logits.exp().sum(dim=1), torch.ones(6))
    prior = model.log_prior(found.logits).double().exp()
    geometric = Geometric(1 - torch.tensor(1e-12, dtype=torch.float64)).log_prob(
        torch.arange(4.0).double()
    )
    torch.testing.assert_close(prior, geometric.exp() / geometric.exp().sum())


@pytest.mark.parametrize("temperature", [1.0, 7.0])
def test_exact_is_the_sum_over_all_counts_and_estimators_agree_with_it(temperature):
    found, image = explanation(), torch.zeros(4, 1, 50, 50)
    logits = found.logits.detach().requires_grad_()
    found = found._replace(logits=logits, rate=0.05 * found.rate, light=0.1 * found.light)

    def gradient(name, draws=1):
        model = model_of(estimator=name, draws=draws, object_odds=0.5)
        loss, _ = model.count_loss(image, found, temperature)
        return loss, torch.autograd.grad(loss, logits)[0], model

    loss, exact, model = gradient("exact")
    total = torch.zeros(())
    for count in range(4):
        choice = torch.eye(4)[count].expand(1, 4, 4)
        f = error(image, found, choice, 0.3)[0] - model.log_prior(logits)[count]
        total = total + (logits[:, count].exp() * (f + temperature * logits[:, count])).mean()
    torch.testing.assert_close(loss, total)
    # On the simplex, as estimators see normalised logits: without the part along the ones.
    torch.testing.assert_close(exact, torch.autograd.grad(total, logits)[0])
    posterior = categoricals(logits[:, None])
    assert posterior.batch_shape == (4,)
    chance = logits.exp().detach()
    own = exact - chance * exact.sum(dim=1, keepdim=True)
    for name in ("reinforce-leave-one-out", "reinforce"):
        _, estimate, _ = gradient(name, draws=2000)
        estimate = estimate - chance * estimate.sum(dim=1, keepdim=True)
        torch.testing.assert_close(estimate, own, atol=0.25 * own.abs().max().item(), rtol=0)


@pytest.mark.parametrize("name", ["exact", *(name for name in ESTIMATORS if name not in UNFIT)])
def test_every_estimator_of_counts_trains_it(name):
    model = model_of(estimator=name, draws=2)
    before = model.network.module.find.weight[2].clone()
    found = model.update(next(model.batches()), 0.5)
    assert all(map(torch.isfinite, map(torch.tensor, found.values())))
    assert not torch.equal(before, model.network.module.find.weight[2])  # whether one is there
    variance = model.gradient_variance(some(4), 4)
    assert variance < 1e-6 if name == "exact" else variance > 0


def test_it_finds_rectangles_without_labels():
    model = model_of(width=64, batch=32, heat_share=0.5, lr=2e-3)
    batches = model.batches()
    before = model.evaluate()
    for step in range(60):
        model.update(next(batches), step / 120)
    after = model.evaluate()
    key = "evaluation/reconstruction_error"
    assert after[key] < 0.8 * before[key]


def test_resumed_from_a_file_it_goes_on_to_the_very_same_scalars(tmp_path):
    resumes_to_the_same_scalars(model_of, tmp_path / "kept")


def test_every_tag_is_documented():
    every_tag_is_documented(model_of())


def test_the_supervised_counter_learns_counts_and_no_boxes():
    model = model_of(supervised=True, batch=32, lr=0.01)
    batches = model.batches()
    losses = [model.update(next(batches), 0.0)["train/loss"] for _ in range(80)]
    assert losses[-1] < 0.5 * losses[0]
    assert "evaluation/box_overlap" not in model.evaluate() and not model.figures()


def test_the_picture_shows_two_scenes_of_every_count():
    model = model_of()
    assert len(model.figures()["samples/scenes"].axes) == 2 * 8
    ordinary, full = model.held_out
    shown = ordinary.of_every_count(full, 2)
    assert shown.count.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    first = (ordinary.count == 1).nonzero()[0, 0]
    assert (shown.image[2] == ordinary.image[first]).all() and (
        shown.image[6] == full.image[0]
    ).all()
    assert (shown.box[2] == ordinary.box[first]).all()


def test_the_picture_has_a_box_for_each_object_and_says_how_many():
    scenes = some(3, objects=2)
    drawn = scene_figure(scenes, scenes.box, scenes.image)
    assert [len(axes.patches) for axes in drawn.axes[:3]] == [2, 2, 2]
    assert {axes.get_title() for axes in drawn.axes[:3]} == {"2 of 2"}


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"most_objects": 6}, r"most_objects must be in 1\.\.5, got 6"),
        ({"estimator": "arm"}, "'arm' does not take counts"),
        ({"estimator": "vimco", "draws": 1}, "vimco needs draws >= 2, got 1"),
        ({"refining_steps": -1}, "refining_steps must be 0 or more and finite, got -1"),
        ({"refining_steps": 10_001}, "refining_steps must be at most 10,000, got 10001"),
        ({"object_odds": 0.0}, "object_odds must be positive"),
    ],
)
def test_settings_out_of_range_are_refused(settings, words):
    with pytest.raises(UserError, match=words):
        AttendInferRepeatConfig(**settings)


def test_it_trains_resumes_and_is_evaluated(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(attend_infer_repeat, "load_scenes", lambda name: squares())
    run = tmp_path / "run"
    train = ["train", "attend-infer-repeat", "--width", "8", "--batch", "8", "--threads", "1"]
    assert main([*train, "--steps", "3", "--folder", str(run)]) == 0
    assert (run / "pictures" / "scenes.png").is_file()
    assert main(["train", "--resume", str(run), "--steps", "4"]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(run), "--json", "--count", "30"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["count"] == 30 and list(found["rows"]) == [
        "attend-infer-repeat", "connected regions", "one count for all",
    ]  # fmt: skip


def test_what_is_no_data_set_of_scenes_is_refused(capsys):
    assert main(["train", "attend-infer-repeat", "--dataset", "mnist"]) == 2
    assert "must be one of digit-scenes, digit-scenes-3" in capsys.readouterr().err
    assert main(["train", "attend-infer-repeat", "--size", "20"]) == 2
    assert "size is of images" in capsys.readouterr().err
