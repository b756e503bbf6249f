"""Relational inference: its networks, its cost, how right a graph is, every estimator."""

import itertools
import json
import os

import pytest
import torch

from hringur.cli import main
from hringur.commands.compare import cells, training
from hringur.data.trajectories import BODIES, INTERVAL, SPRING
from hringur.estimators.catalogue import ESTIMATORS
from hringur.estimators.distributions import bernoullis
from hringur.generative import relations
from hringur.generative.models import relational_inference
from hringur.generative.models.relational_inference import (
    RelationalInference,
    RelationalInferenceConfig,
)
from hringur.generative.relations import (
    GraphEncoder,
    MotionDecoder,
    edge_sets,
    with_self,
    without_self,
)
from hringur.generative.trajectories import (
    Motions,
    accuracy,
    correlation_accuracy,
    correlations,
    graph_figure,
)
from hringur.types import UserError
from tests.generative.contracts import every_tag_is_documented, resumes_to_the_same_scalars
from tests.generative.small_trajectories import few_springs


def model_of(**settings) -> RelationalInference:
    config = RelationalInferenceConfig(**{"width": 8, "batch": 8, **settings})
    return RelationalInference(few_springs(), config, device="cpu")


def randomised(decoder: MotionDecoder) -> MotionDecoder:
    """One that moves bodies: at first the last layers are zero."""
    for weight in decoder.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return decoder


def test_fit_trains_for_so_many_samples_and_the_same_seed_learns_the_same():
    one, other = (model_of().fit(samples=24) for _ in range(2))
    assert one.network.updates == 3
    pairs = zip(one.network.average.parameters(), other.network.average.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_a_matrix_loses_its_diagonal_and_gets_zeros_there():
    matrix = torch.arange(32.0).reshape(2, 4, 4)
    rows = without_self(matrix)
    for i, j in itertools.product(range(4), range(4)):
        if i != j:
            assert (rows[:, i, j - (j > i)] == matrix[:, i, j]).all()
    assert (with_self(rows) == matrix * (1 - torch.eye(4))).all()


@pytest.mark.parametrize("silent", [True, False])
def test_bodies_are_moved_by_those_alone_whose_edges_they_receive(silent):
    torch.manual_seed(0)
    decoder = randomised(MotionDecoder(8, silent))
    bodies, edge = torch.randn(1, 3, 4), torch.zeros(1, 3, 3)
    edge[0, 0, 1] = 1.0
    moved = decoder(bodies, edge)
    other = bodies.clone()
    other[0, 1:] += 1.0
    after = decoder(other, edge)
    assert not torch.allclose(after[0, 0], moved[0, 0])
    other = bodies.clone()
    other[0, 2] += 1.0
    assert torch.allclose(decoder(other, edge)[0, 0], moved[0, 0]) == silent


def test_mutual_edges_have_the_mean_logit_of_both_directions_and_none_is_too_large():
    torch.manual_seed(0)
    encoder, motion = GraphEncoder(20, 8, largest_logit=1e6), torch.randn(3, 4, 5, 4)
    plain = with_self(encoder(motion))
    encoder.mutual = True
    mutual = with_self(encoder(motion))
    encoder.largest_logit = 0.1
    bent = with_self(encoder(motion))
    for i, j in itertools.permutations(range(4), 2):
        assert (plain[:, i, j] != plain[:, j, i]).all()
        expected = (plain[:, i, j] + plain[:, j, i]) / 2
        torch.testing.assert_close(mutual[:, i, j], expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(
            bent[:, i, j], 0.1 * torch.tanh(expected / 0.1), atol=1e-4, rtol=0
        )
    built = model_of(mutual=True, largest_logit=3.0).network.module.encoder
    assert built.mutual and built.largest_logit == 3.0


def test_the_cost_is_the_error_of_a_loop_over_pieces_and_steps():
    model = model_of(prediction_steps=3, pieces=2)
    network = model.network.module
    randomised(network.decoder)
    motion = model.motions.train[:2] / model.motions.scale
    edges = torch.bernoulli(torch.full((1, 2, BODIES, BODIES - 1), 0.5))
    total = torch.zeros(2, BODIES)
    for start in (4, 11):
        now = motion[:, :, start]
        for step in range(1, 4):
            now = network.decoder(now, with_self(edges[0]))
            total += (now - motion[:, :, start + step]).square().sum(dim=-1)
    expected = total * (48 / 6) / (2 * relations.POSITION_VARIANCE)
    found = network.cost(motion, edges, torch.tensor([4, 11]))[0]
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("silent", [True, False])
def test_errors_of_sets_of_edges_are_those_of_whole_graphs(silent):
    """Oracle: the decoder itself, on graphs whose bodies all receive random sets."""
    model = model_of(silent=silent)
    decoder = randomised(model.network.module.decoder)
    motion = model.motions.train[:3] / model.motions.scale
    start, sets = torch.tensor([4, 30, 47]), edge_sets(BODIES - 1)
    errors = decoder.errors(motion, start)
    assert errors.shape == (3, BODIES, len(sets)) and len(sets.unique(dim=0)) == 16
    for chosen in torch.randint(len(sets), (6, 3, BODIES)):
        edge = with_self(sets[chosen])
        expected = sum(
            (decoder(motion[:, :, at], edge) - motion[:, :, at + 1]).square().sum(dim=-1)
            for at in start
        )
        found = errors.gather(2, chosen[..., None])[..., 0]
        torch.testing.assert_close(found, expected / len(start))


def test_the_posterior_is_bayes_rule_over_every_graph():
    """Oracle: all 2^20 graphs are too many, so those of two bodies, the others' edges fixed."""
    model = model_of()
    network = model.network.module
    randomised(network.decoder)
    motion = model.motions.train[:1] / model.motions.scale
    start, sets = torch.arange(0, 48, 6), edge_sets(BODIES - 1)
    found = network.posterior(motion, start, 1e6)[0]
    graphs = torch.zeros(256, BODIES, BODIES - 1)
    pairs = list(itertools.product(range(16), range(16)))
    for graph, (one, other) in zip(graphs, pairs, strict=True):
        graph[0], graph[3] = sets[one], sets[other]
    network.steps = 1
    cost = network.cost(motion, graphs[:, None], start).sum(dim=-1)[:, 0] / 1e6
    joint = (-cost).softmax(dim=0).view(16, 16)
    torch.testing.assert_close(joint.sum(dim=1), found[0], atol=1e-5, rtol=1e-3)
    torch.testing.assert_close(joint.sum(dim=0), found[3], atol=1e-5, rtol=1e-3)
    assert found.std() > 1e-3  # the sets are told apart


def test_graphs_are_drawn_as_often_as_the_posterior_says():
    model = model_of(draws=4000)
    randomised(model.network.module.decoder)
    motion = model.motions.train[:2] / model.motions.scale
    torch.manual_seed(1)
    edges, chance = model.drawn(motion, 1e6)
    assert edges.shape == (4000, 2, BODIES, BODIES - 1)
    torch.testing.assert_close(edges.mean(dim=0), chance, atol=0.04, rtol=0)
    assert chance.std() > 0.02


def test_a_decoder_that_knows_the_law_finds_every_edge_and_the_encoder_learns_of_them():
    """Springs to first order in the interval, with one unit for each force's component."""
    model = model_of(width=16)
    knows_springs(model.network.module.decoder, model.motions.scale)
    model.network.average.load_state_dict(model.network.module.state_dict())
    true = without_self(model.motions.test_graph)
    assert accuracy(model.edges(model.motions.test), true) == 1.0
    assert accuracy(model.edges(model.motions.test, by_encoder=True), true) < 0.7
    _, chance = model.drawn(model.motions.train / model.motions.scale, 1.0)
    assert accuracy(chance > 0.5, without_self(model.motions.train_graph)) > 0.99


def knows_springs(decoder: MotionDecoder, scale: torch.Tensor) -> None:
    """Symplectic Euler: v' = v + 0.1 dt sum of (x_j - x_i), x' = x + dt v'."""
    for weight in decoder.parameters():
        torch.nn.init.zeros_(weight)
    ratio = scale[0] / scale[2]  # the units of positions over those of velocities
    with torch.no_grad():
        for k in range(2):
            decoder.inertia.weight[k, 2 + k] = INTERVAL / ratio
            for unit, sign in ((4 * k, 1.0), (4 * k + 1, -1.0)):
                decoder.joined.sender.weight[unit, k] = sign  # relu(d) - relu(-d) = d
                decoder.joined.receiver.weight[unit, k] = -sign
                decoder.force.weight[2 + k, unit] = sign * SPRING * INTERVAL * ratio
                decoder.force.weight[k, unit] = 0.5 * sign * SPRING * INTERVAL**2


def test_the_score_function_has_the_exact_gradient_of_one_step():
    """Oracle: the sum over all 2^20 graphs falls apart into 2^4 for each body."""
    model = model_of(prediction_steps=1, pieces=1, estimator="reinforce-leave-one-out", draws=4000)
    network = model.network.module
    randomised(network.decoder)
    motion = model.motions.train[:1] / model.motions.scale
    start, logits = torch.tensor([7]), torch.randn(1, BODIES, BODIES - 1, requires_grad=True)
    every = torch.tensor(list(itertools.product([0.0, 1.0], repeat=BODIES - 1)))

    def cost(edges):
        return network.cost(motion, edges, start) / 1e3

    graphs = every[:, None, None].expand(-1, 1, BODIES, -1)  # each body has the same edges
    chance = bernoullis(logits).log_prob(graphs).exp()
    (exact,) = torch.autograd.grad((chance * cost(graphs).detach()).sum(dim=0).mean(), logits)
    surrogate = model.estimator.surrogate(cost, bernoullis(logits), 4000)
    (found,) = torch.autograd.grad(surrogate, logits)
    torch.testing.assert_close(found, exact, rtol=0.15, atol=0.05 * exact.abs().max().item())


@pytest.mark.parametrize("name", ["exact", *(name for name in ESTIMATORS if name != "pathwise")])
def test_every_estimator_of_bits_trains_it(name):
    model = model_of(estimator=name, draws=2)
    before = [weight.clone() for weight in model.network.module.encoder.parameters()]
    batch = next(model.batches())
    assert all(map(torch.isfinite, map(torch.tensor, model.update(batch, 0.5).values())))
    after = model.network.module.encoder.parameters()
    assert any(not torch.equal(old, new) for old, new in zip(before, after, strict=True))


def test_resumed_from_a_file_it_goes_on_to_the_very_same_scalars(tmp_path):
    resumes_to_the_same_scalars(model_of, tmp_path / "kept")


def test_every_tag_is_documented():
    every_tag_is_documented(model_of())


def test_accuracy_knows_no_names_of_types():
    true = torch.tensor([[[True, False, False, False]]])
    assert accuracy(true, true) == accuracy(~true, true) == 1.0
    assert accuracy(torch.zeros_like(true), true) == 0.75


def test_correlations_are_pearsons():
    motion = torch.randn(3, BODIES, 20, 4, dtype=torch.float64)
    found = with_self(correlations(motion).float())
    for feature_of in range(3):
        by_torch = sum(torch.corrcoef(motion[feature_of, :, :, k]) for k in range(4)) / 4
        torch.testing.assert_close(
            found[feature_of], (by_torch * (1 - torch.eye(BODIES))).float(), atol=1e-5, rtol=0
        )


def test_the_threshold_of_correlations_is_the_best_of_all():
    motions = Motions.on_device(few_springs(), torch.device("cpu"))
    seen, known = correlations(motions.train), without_self(motions.train_graph)
    best = max(accuracy(seen >= cut, known) for cut in seen.flatten())
    same = Motions(
        *(vars(motions) | {"test": motions.train, "test_graph": motions.train_graph}).values()
    )
    assert correlation_accuracy(same) == pytest.approx(best)


def test_the_supervised_ceiling_learns_the_edges_and_no_motion():
    model = model_of(supervised=True)
    batch = next(model.batches())
    losses = [model.update(batch, 0.0)["train/loss"] for _ in range(60)]
    assert losses[-1] < 0.5 * losses[0]
    assert set(model.evaluate()) == {"evaluation/edge_accuracy_percent"}


def test_the_picture_says_how_many_edges_are_right():
    model = model_of()
    found = without_self(model.motions.test_graph[:2])
    found[1, 0, 0] ^= True
    figure = graph_figure(model.motions.test[:2], found, model.motions)
    titles = [axes.get_title() for axes in figure.axes]
    assert "found: 20 of 20 right" in titles and "found: 19 of 20 right" in titles


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"prediction_steps": 49}, "prediction_steps must be in 1..48, got 49"),
        ({"estimator": "pathwise"}, "'pathwise' does not take bits"),
        ({"estimator": "vimco"}, "vimco needs draws >= 2, got 1"),
        ({"estimator": "guess"}, "estimator must be one of exact, .*got 'guess'"),
        ({"posterior_pieces": 0}, "posterior_pieces must be positive"),
        ({"pieces": 0}, "^pieces must be positive and finite, got 0"),
        ({"pieces": 4097}, "^pieces must be at most 4,096, got 4097"),
        ({"heat": 0.0}, "heat must be positive"),
        ({"posterior_pieces": 10**9}, "posterior_pieces must be at most 4,096"),
    ],
)
def test_settings_out_of_range_are_refused(settings, words):
    with pytest.raises(UserError, match=words):
        RelationalInferenceConfig(**settings)


def in_this_process(tasks, jobs, backend):
    """Cells one after the other, with the data set of this test."""
    return ((task, cells.run_cell(task, os.getpid())) for task in tasks)


def test_it_trains_resumes_evaluates_and_is_compared(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(relational_inference, "load_trajectories", lambda name: few_springs())
    run = tmp_path / "run"
    train = ["train", "relational-inference", "--width", "8", "--batch", "8", "--threads", "1"]
    assert main([*train, "--steps", "4", "--folder", str(run)]) == 0
    assert (run / "pictures" / "graphs.png").is_file()
    assert main(["train", "--resume", str(run), "--steps", "6"]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(run), "--json", "--count", "30"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["count"] == 30 and list(found["rows"]) == [
        "relational-inference", "correlation", "one type for all",
    ]  # fmt: skip
    assert main(["evaluate", str(run), "--video", "film.gif"]) == 2
    monkeypatch.setattr(training, "run_cells", in_this_process)
    folder = tmp_path / "compared"
    compare = ["compare", "--models", "relational-inference", "--seeds", "1", "--jobs", "1"]
    assert main([*compare, "--budget", "128images", "--folder", str(folder)]) == 0
    assert "edges right [%]" in (folder / "results.md").read_text()
    assert main([*compare[:3], "vae", *compare[3:]]) == 2
    assert "infers neither graphs nor counts" in capsys.readouterr().err


def test_what_a_model_of_trajectories_cannot_be_given_is_refused(capsys):
    assert main(["train", "relational-inference", "--dataset", "mnist"]) == 2
    assert "must be one of springs, charged, got 'mnist'" in capsys.readouterr().err
    assert main(["train", "relational-inference", "--size", "20"]) == 2
    assert "size is of images" in capsys.readouterr().err
