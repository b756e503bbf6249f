"""The grammar autoencoder beside the same model written plainly: samples a second, in turns.

python scripts/benchmark_sequences.py --rounds 10

The plain one has the same layers and sizes. Its batches are drawn in any order and padded to the
longest string; the recurrence and the vectors of the encoder run over the whole width; rules of
another nonterminal than the true rule's are masked in the loss, as Kusner et al. 2017 did; Adam and
clipping are torch's own. It keeps no average of its weights, which would make it slower.
"""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import torch
import torch.nn.functional as F
import tyro
from torch import Tensor, nn

from hringur.generative.models.grammar_vae import GrammarVAE, GrammarVAEConfig
from hringur.generative.sequences.derivations import GrammarTables
from hringur.training.trainer import TrainerConfig, make_fabric


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Time whole updates of each, in turns."""

    dataset: str = "molecules"
    """or expressions"""
    batch: int = 128
    """strings of an update"""
    threads: int = 1
    """processor threads"""
    updates: int = 50
    """of a round, after as many that are not timed"""
    rounds: int = 10
    """timed"""


class Plain(nn.Module):
    """The networks with padded batches; its weights have the names of ours."""

    def __init__(self, rules: int, longest: int, config: GrammarVAEConfig) -> None:
        super().__init__()
        self.rules, self.longest, self.config = rules, longest, config
        latent, hidden, width, plan = (
            config.latent,
            config.hidden,
            config.encoder_hidden,
            config.plan,
        )
        self.encoder: Any = nn.Module()
        self.decoder: Any = nn.Module()
        self.encoder.vectors = nn.Embedding(longest * rules, width)
        self.encoder.layers = nn.Sequential(
            nn.LayerNorm(width), nn.GELU(), nn.Linear(width, width), nn.GELU()
        )
        self.encoder.last = nn.Linear(width, latent)
        self.decoder.before = nn.Embedding(rules + 1, config.embedding)
        self.decoder.plan = nn.Linear(latent, longest * plan)
        self.decoder.first = nn.Linear(latent, hidden)
        self.decoder.recurrence = nn.GRU(config.embedding + plan, hidden, batch_first=True)
        self.decoder.last = nn.Linear(hidden + plan, rules)

    def encode(self, tokens: Tensor) -> Tensor:
        """Codes B Z of padded tokens B T."""
        place = self.rules * torch.arange(self.longest)
        vectors = self.encoder.vectors(tokens.clamp(min=0) + place)
        summed = (vectors * (tokens >= 0)[:, :, None]).sum(dim=1)
        found = self.encoder.last(self.encoder.layers(summed))
        return F.layer_norm(found, found.shape[1:])

    def logits(self, latent: Tensor, tokens: Tensor) -> Tensor:
        """Logits B T R of each token, given those before."""
        plan = self.decoder.plan(latent).view(len(latent), self.longest, -1)
        before = F.pad(tokens[:, :-1], (1, 0), value=-1)
        before = self.decoder.before(torch.where(before < 0, self.rules, before))
        state = torch.tanh(self.decoder.first(latent))[None]
        seen = self.decoder.recurrence(torch.cat([before, plan], dim=2), state)[0]
        return self.decoder.last(torch.cat([seen, plan], dim=2))

    def loss(self, tokens: Tensor, head: Tensor) -> Tensor:
        """Mean negative log-likelihood; ``head`` R is the nonterminal of each rule."""
        code = self.encode(tokens)
        low, high = torch.tensor([self.config.least_noise, self.config.most_noise]).log()
        strength = torch.exp(low + (high - low) * torch.rand(len(code), 1))
        latent = (code + strength * torch.randn_like(code)) / (1 + strength.square())
        mask = head == head[tokens.clamp(min=0)][:, :, None]
        logits = self.logits(latent, tokens).masked_fill(~mask, -1e9)
        cost = F.cross_entropy(logits.transpose(1, 2), tokens, ignore_index=-1, reduction="none")
        return cost.sum(dim=1).mean()


def ours(options: Rate, precision: str) -> Callable[[int], None]:
    """Makes so many updates of the package's model."""
    fabric = make_fabric(TrainerConfig(device="cpu", precision=precision))  # type: ignore[arg-type]
    config = GrammarVAEConfig(batch=options.batch)
    model = GrammarVAE(options.dataset, config, fabric=fabric)
    batches = model.batches()

    def make(count: int) -> None:
        for batch in islice(batches, count):
            model.update(batch, 0.0)

    return make


def plain(options: Rate, precision: str) -> Callable[[int], None]:
    """Makes so many updates of the plain one."""
    config = GrammarVAEConfig(batch=options.batch)
    model = GrammarVAE(options.dataset, config, device="cpu")
    tokens, head = model.train.tokens, GrammarTables(model.grammar).head
    network = Plain(len(head), model.longest, config)
    optimizer = torch.optim.Adam(network.parameters(), config.lr)

    def make(count: int) -> None:
        for _ in range(count):
            rows = torch.randint(len(tokens), (config.batch,))
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
                loss = network.loss(tokens[rows], head)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            loss.item()

    return make


def main(options: Rate) -> None:
    torch.set_num_threads(options.threads)
    makers = {
        f"{name}_{precision}": maker(options, precision)
        for precision in ("32-true", "bf16-mixed")
        for name, maker in (("ours", ours), ("plain", plain))
    }
    rates: dict[str, list[float]] = {name: [] for name in makers}
    for make in makers.values():
        make(options.updates)
    for _ in range(options.rounds):
        for name, make in makers.items():
            began = time.process_time()  # of a machine that is shared with others
            make(options.updates)
            rates[name].append(options.updates * options.batch / (time.process_time() - began))
    found = {
        f"{name}_per_processor_s": [round(quantile) for quantile in _quartiles(rate)]
        for name, rate in rates.items()
    }
    print(json.dumps(asdict(options) | {"torch": torch.__version__} | found))


def _quartiles(rates: list[float]) -> list[float]:
    return [min(rates), statistics.median(rates), max(rates)]


if __name__ == "__main__":
    main(tyro.cli(Rate))
