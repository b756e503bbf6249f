import numpy as np
import torch

from hringur.agents.tours.attention_model import edge_features, place_features
from hringur.agents.tours.pointer_network import PointerNetwork, PointerNetworkConfig
from hringur.data.tours.instances import UniformPoints


def model() -> PointerNetwork:
    torch.manual_seed(0)
    return PointerNetwork(PointerNetworkConfig(width=12, attention_width=6)).double()


def problem(batch: int, n: int):
    instances = UniformPoints().sample(np.random.default_rng(2), batch, n)
    return torch.tensor(instances.coordinates), torch.tensor(instances.distance)


def naive_log_prob(network: PointerNetwork, coordinates, distance, tour) -> torch.Tensor:
    """One decision at a time, one place at a time, as in the papers: an oracle."""
    relative = (distance / distance.mean())[None]
    embedding = network.place(place_features(coordinates[None], relative, network.frequencies))
    state, memory = network.encoder(embedding)
    bias = network.edge_bias(edge_features(relative))[0, 0]
    e, n = state[0], len(tour)
    total = torch.zeros(())
    for step in range(n - 1):
        here = int(tour[step])
        out, memory = network.decoder(e[here][None, None], memory)
        q = out[0, 0]
        open_places = [j for j in range(n) if j not in tour[: step + 1].tolist()]

        def answer(attention, q, j):
            return attention.score(torch.tanh(attention.key(e[j]) + attention.query(q)))[0]

        u = torch.stack([answer(network.glimpse, q, j) for j in open_places]).softmax(dim=0)
        seen = sum(weight * e[j] for weight, j in zip(u, open_places, strict=True))
        u = torch.stack([answer(network.pointer, seen, j) + bias[here, j] for j in open_places])
        log_prob = (network.clip * torch.tanh(u)).log_softmax(dim=0)
        total = total + log_prob[open_places.index(int(tour[step + 1]))]
    return total


def test_whole_tours_are_scored_as_the_papers_say():
    network = model()
    coordinates, distance = problem(2, 6)
    tour = torch.rand(2, 3, 6).argsort(dim=2)
    scored = network.score(network.encode(coordinates, distance), tour).log_prob
    for b in range(2):
        for p in range(3):
            naive = naive_log_prob(network, coordinates[b], distance[b], tour[b, p])
            torch.testing.assert_close(scored[b, p], naive, check_dtype=False)


def test_steps_and_whole_tours_agree():
    network = model()
    coordinates, distance = problem(3, 7)
    tour = torch.rand(3, 4, 7).argsort(dim=2)
    encoding = network.encode(coordinates, distance)
    memory = network.begin(encoding, tour[..., 0])
    is_open = torch.ones(3, 4, 7, dtype=torch.bool)
    total = torch.zeros(3, 4, dtype=torch.float64)
    for step in range(6):
        is_open.scatter_(2, tour[..., step : step + 1], False)
        logits, memory = network.logits(encoding, memory, tour[..., step], is_open)
        log_prob = logits.masked_fill(~is_open, -torch.inf).log_softmax(dim=-1)
        total += log_prob.gather(2, tour[..., step + 1 : step + 2])[..., 0]
    torch.testing.assert_close(network.score(encoding, tour).log_prob, total)
