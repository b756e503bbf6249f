"""Measure translations without pairs against the hidden truth: runs, two floors, a ceiling.

    hringur train translation --dataset glyphs --folder runs/neural
    hringur train translation --dataset glyphs --method cyclegan --folder runs/cyclegan
    python scripts/measure_translation.py --dataset glyphs --run runs/neural runs/cyclegan

In the table are, over all held-out pairs, the squared error of a pixel, its share of what doing
nothing has, how often the nearest of all true images is a translation's own partner (in pixels, and
in the features of the shipped classifier), and the Frechet distance between translations and true
images in these features. The floors are doing nothing, and a linear map of pixels fitted to
Sinkhorn's plan between the two training sets. The ceiling is the same network as the translators',
trained on true pairs of other things than the held-out ones; it is kept in the folder.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro
from jaxtyping import Float
from torch import Tensor, nn

from hringur.data.files import json_text, write_whole
from hringur.data.images.domains import Domains, load_domains, training_pairs
from hringur.divergences.features import frechet_distance
from hringur.divergences.transport import transport_plan
from hringur.evaluation.tables import Column, Table
from hringur.evaluators.digit_classifier import DigitClassifier, shipped_classifier
from hringur.generative import measures
from hringur.generative.networks import ImageShape
from hringur.generative.translation.networks import Translator
from hringur.trained import load
from hringur.training import checkpoint
from hringur.training.averaged import average_weights_
from hringur.training.random_state import seed_everything
from hringur.types import Metrics

BATCH, LEARNING_RATE = 16, 1e-3
MOST = 2000
"""Images of each side between which Sinkhorn's plan is found."""

BLUR, RIDGE = 0.02, 30.0
"""Entropy of that plan in mean costs, and what keeps the linear map near the identity."""

Images = Float[Tensor, "B C H W"]
Translate = Callable[[Images], Images]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Measure runs of translation on one data set."""

    dataset: str = "glyphs"
    """glyphs, emoji, coats or fruits"""

    run: tuple[Path, ...] = ()
    """runs of train translation on it, each a row"""

    folder: Path = Path("runs/translations")
    """where the ceiling and the figures are written"""

    ceiling_samples: int = 40_000
    """pairs that the ceiling is trained on; 0 leaves it out"""

    channels: int = 24
    """of the ceiling, as of the translators"""

    seed: int = 0
    threads: int = 1


def linear_transport(domains: Domains) -> Translate:
    """The linear map of pixels from images to the means of their Sinkhorn plan."""
    first, second = (
        torch.tensor(side).float().flatten(1)[torch.randperm(len(side))[:MOST]] / 255
        for side in (domains.first, domains.second)
    )
    mean_cost = torch.cdist(first[:500], second[:500]).square().mean().item()
    plan = transport_plan(first, second, epsilon=BLUR * mean_cost, iterations=100)
    target = (plan / plan.sum(dim=1, keepdim=True)).float() @ second
    centre, aim = first.mean(dim=0), target.mean(dim=0)
    x, change = first - centre, target - aim - (first - centre)
    system = x.T @ x / len(x) + RIDGE / x.shape[1] * torch.eye(x.shape[1])
    matrix = torch.linalg.solve(system, x.T @ change / len(x))

    def translate(image: Images) -> Images:
        flat = image.flatten(1) - centre
        return (flat + flat @ matrix + aim).clamp(0, 1).view_as(image)

    return translate


def ceiling(options: Measure) -> Translate:
    """The translators' network, trained on true pairs, or read from the folder."""
    first, second = map(torch.tensor, training_pairs(options.dataset))
    network = Translator(ImageShape(*first.shape[1:]), options.channels)
    path = options.folder / f"{options.dataset}_ceiling.safetensors"
    if path.exists():
        checkpoint.load_weights(network, checkpoint.load(path)["weights"], str(path))
        return _in_parts(network)
    average, steps = deepcopy(network), options.ceiling_samples // BATCH
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.99))
    for step in range(steps):
        progress = step / steps
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * min((step + 1) / 100, 2 * (1 - progress))
        rows = torch.randint(len(first), (BATCH,))
        with torch.autocast("cpu", torch.bfloat16):
            made = network(first[rows].float() / 255)
        optimizer.zero_grad()
        (made - second[rows].float() / 255).square().mean().backward()
        optimizer.step()
        average_weights_(average, network, 0.998, step + 1)
    checkpoint.save(path, {"weights": dict(average.state_dict())})
    return _in_parts(average)


def _in_parts(network: nn.Module) -> Translate:
    return torch.no_grad()(
        lambda image: torch.cat([network(part).clamp(0, 1) for part in image.split(250)])
    )


def score(made: Images, truth: Images, classifier: DigitClassifier) -> Metrics:
    """The figures of one row."""
    distance = frechet_distance(classifier.features(truth), classifier.features(made))
    return measures.partners(made, truth, classifier) | {"evaluation/frechet_distance": distance}


def main(options: Measure) -> None:
    torch.set_num_threads(options.threads)
    seed_everything(options.seed)
    options.folder.mkdir(parents=True, exist_ok=True)
    domains, classifier = load_domains(options.dataset), shipped_classifier()
    image, truth = (
        torch.tensor(side).float() / 255
        for side in (domains.held_out_first, domains.held_out_second)
    )
    rows: dict[str, Translate] = {
        "doing nothing": lambda image: image,
        "linear map of Sinkhorn's plan": linear_transport(domains),
    }
    for run in options.run:
        model = load(run)
        rows[f"{model.config.method} ({run.name})"] = model.translate
    if options.ceiling_samples:
        rows["trained on true pairs"] = ceiling(options)
    figures = {name: score(translate(image), truth, classifier) for name, translate in rows.items()}
    write_whole(options.folder / f"{options.dataset}.json", json_text(figures))
    error = "evaluation/translation_error"
    nothing = figures["doing nothing"][error]

    def column(heading: str, tag: str, form: str) -> Column[str]:
        return Column(heading, lambda row: format(figures[row][tag], form))

    columns = [
        Column[str](options.dataset, lambda row: row, text=True),
        column("squared error", error, ".4f"),
        Column("of doing nothing", lambda row: f"{100 * figures[row][error] / nothing:.0f} %"),
        column("partner nearest in pixels [%]", "evaluation/partner_in_pixels_percent", ".1f"),
        column("in features [%]", "evaluation/partner_in_features_percent", ".1f"),
        column("Frechet distance", "evaluation/frechet_distance", ".1f"),
    ]
    print(Table(columns=columns, rows=list(figures)).markdown())


if __name__ == "__main__":
    main(tyro.cli(Measure))
