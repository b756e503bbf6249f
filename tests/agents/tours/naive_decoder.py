"""The attention model's decoder as the paper states it, one decision at a time: an oracle."""

import torch

from hringur.agents.tours.attention_model import AttentionModel, edge_features, place_features
from hringur.agents.tours.glimpse import BOUND


def naive_log_prob(model: AttentionModel, coordinates, distance, tour) -> torch.Tensor:
    """Log probability of one tour of one instance, with queries, keys, values and heads."""
    relative = (distance / distance.mean())[None]
    edge = edge_features(relative)
    h = model.place(place_features(coordinates[None], relative, model.frequencies))
    for layer in model.layers:
        h = layer(h, edge)
    h = model.norm(h)[0]
    n, width = h.shape
    heads, size = model.heads, width // model.heads
    first, last, key, value, pointer, residual = model.project(h).chunk(6, dim=1)
    first_bias, last_bias = model.first_bias(edge)[0], model.last_bias(edge)[0]  # H N N
    edge_bias = model.edge_bias(edge)[0, 0]
    total = torch.zeros(())
    for step in range(n - 1):
        start, here, visited = tour[0], tour[step], tour[: step + 1]
        glimpse = []
        for head in range(heads):
            part = slice(head * size, (head + 1) * size)
            from_first = key[:, part] @ first[start, part] / size**0.5 + first_bias[head, start]
            from_last = key[:, part] @ last[here, part] / size**0.5 + last_bias[head, here]
            score = sum(BOUND * torch.tanh(s / BOUND) for s in (from_first, from_last))
            score[visited] = -torch.inf
            glimpse.append(score.softmax(dim=0) @ value[:, part])
        context = model.output(torch.cat(glimpse)) + residual[here]
        logits = model.clip * torch.tanh(pointer @ context / width**0.5 + edge_bias[here])
        logits[visited] = -torch.inf
        total = total + logits.log_softmax(dim=0)[tour[step + 1]]
    return total
