"""How many instances a second the attention model learns from, at any size of network.

python scripts/benchmark_training.py                      # as POMO: width 128, 3 layers, 20 starts
python scripts/benchmark_training.py --width 64 --feed-forward 256 --decoder-heads 4 --threads 1
"""

import json
import statistics
import time
from dataclasses import asdict, dataclass

import torch
import tyro

import hringur  # noqa: F401  registers the environments
from hringur.agents.tours.agent import TourAgent
from hringur.agents.tours.attention_model import AttentionModelConfig


@dataclass(frozen=True, kw_only=True)
class TrainingBenchmark:
    """Time whole updates: draw, encode, sample, score, differentiate, clip, step."""

    env: str = "EuclideanTSP-v0"
    """environment"""
    places: int = 20
    """of each instance, and tours sampled of it"""
    batch: int = 512
    """instances of an update"""
    width: int = 128
    """of the network"""
    layers: int = 3
    """of the encoder"""
    heads: int = 8
    """of the encoder's attention"""
    decoder_heads: int = 8
    """of the glimpse"""
    feed_forward: int = 512
    """width of the encoder's hidden layers"""
    imitation: float = 0.0
    """share of imitated tours; 0 is plain REINFORCE against the mean of all starts"""
    threads: int = 2
    """processor threads"""
    updates: int = 10
    """timed, after three that are not"""
    device: str = "cpu"
    """cpu or cuda"""
    compile: bool = False
    """compile the encoder"""


def main(benchmark: TrainingBenchmark) -> None:
    torch.set_num_threads(benchmark.threads)
    config = AttentionModelConfig(
        width=benchmark.width,
        layers=benchmark.layers,
        heads=benchmark.heads,
        decoder_heads=benchmark.decoder_heads,
        feed_forward=benchmark.feed_forward,
        batch=benchmark.batch,
        imitation=benchmark.imitation,
    )
    options = {"places": benchmark.places}
    agent = TourAgent(benchmark.env, config, env_options=options, device=benchmark.device)
    if benchmark.compile:
        agent.compile()
    batches, seconds = agent.batches(), []
    for number in range(benchmark.updates + 3):
        began = time.perf_counter()
        agent.update(next(batches), 0.5)  # ends with numbers read off the device
        seconds += [time.perf_counter() - began] if number >= 3 else []
    rates = [benchmark.batch / s for s in seconds]
    figures = {
        "instances_per_s_median": round(statistics.median(rates), 1),
        "instances_per_s_best": round(max(rates), 1),
        "instances_per_s_worst": round(min(rates), 1),
    }
    print(json.dumps(asdict(benchmark) | {"torch": torch.__version__} | figures, indent=1))


if __name__ == "__main__":
    main(tyro.cli(TrainingBenchmark))
