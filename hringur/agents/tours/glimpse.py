"""The glimpse of a tour decoder over tables, with its gradient, in few passes over memory.

A step of the attention model scores every open place j from the first place f and the last place
l by ``first[f, h, j] + last[l, h, j]``, so its softmax weights are products of exponentials

    p[f, l, h, j] ~ exp(first[f, h, j]) * exp(last[l, h, j]) * open[f, l, j],

and no exponential, no query and no projection is left in the loop over steps. This is exact:
only the order of the sums differs from Kool et al. 2019, eq. 5-7, and that each score is bounded.
"""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

# Instances per slice on a CPU: the weights of a slice then stay in the second-level cache.
CACHED_FLOATS = 2**18
BOUND = 10.0  # of the scores, like that of the pointer's logits
SMALLEST = 1e-12  # below any product of two factors of at least exp(-10): only the way home has 0


def exponentiate(score: Float[Tensor, "B N H M"]) -> Float[Tensor, "B N H M"]:
    """exp(score), with the score bounded smoothly to plus and minus ``BOUND``.

    Without a bound the scores of a confident policy drift apart until it breaks down; with a hard
    one they drift unseen. The gradient with respect to the exponential is that of the
    bounded score, which is what ``glimpse`` returns; so the two belong together.
    """
    return _Exponential.apply(BOUND * torch.tanh(score / BOUND))


def glimpse(
    first: Float[Tensor, "B P H N"],
    last: Float[Tensor, "B N H N"],
    mix: Float[Tensor, "B HN N"],
    is_open: Bool[Tensor, "B P N N"],
) -> Float[Tensor, "B P N N"]:
    """What the glimpse adds to the logits of going from each place to each other, in P tours.

    ``first`` (of the P starts) and ``last`` are from ``exponentiate``; ``mix`` maps the weights
    of all heads to logits; ``is_open[b, p, l, j]`` says whether tour p has still to visit j
    when it leaves l.
    """
    return _Glimpse.apply(first, last, mix, is_open)


class _Exponential(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, score: Tensor) -> Tensor:
        return score.exp()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


class _Glimpse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, first: Tensor, last: Tensor, mix: Tensor, is_open: Tensor) -> Tensor:
        batch, tours, heads, n = first.shape
        weight = first.new_empty(batch, tours, n, heads, n)
        logits = first.new_empty(batch, tours * n, n)
        for rows in _slices(weight):
            part = weight[rows]
            torch.mul(first[rows, :, None], last[rows, None], out=part)
            part *= is_open[rows, :, :, None]
            part /= part.sum(dim=-1, keepdim=True).clamp_(min=SMALLEST)
            torch.bmm(part.view(-1, tours * n, heads * n), mix[rows], out=logits[rows])
        ctx.save_for_backward(weight, mix)
        return logits.view(batch, tours, n, n)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        weight, mix = ctx.saved_tensors
        batch, tours, n, heads, _ = weight.shape
        to_first = weight.new_empty(batch, tours, heads, n)
        to_last = weight.new_empty(batch, n, heads, n)
        to_mix = torch.empty_like(mix)
        for rows in _slices(weight):
            part = weight[rows]
            outer = gradient[rows].reshape(-1, tours * n, n)
            torch.bmm(part.view(-1, tours * n, heads * n).transpose(1, 2), outer, out=to_mix[rows])
            score = torch.bmm(outer, mix[rows].transpose(1, 2)).view_as(part)
            score *= part  # of a softmax: p * (g - sum of p * g)
            score.addcmul_(part, score.sum(dim=-1, keepdim=True), value=-1)
            torch.sum(score, dim=2, out=to_first[rows])
            torch.sum(score, dim=1, out=to_last[rows])
        return to_first, to_last, to_mix, None


def _slices(weight: Tensor) -> list[slice]:
    """Rows that are worked on together: few on a CPU, for its cache; all of them on a GPU."""
    batch = len(weight)
    step = batch if weight.is_cuda else max(1, CACHED_FLOATS * batch // max(1, weight.numel()))
    return [slice(begin, begin + step) for begin in range(0, batch, step)]
