"""Measure edits of faces against the exact outcome: every route, the floor and a ceiling.

python scripts/measure_edits.py --run runs/faces --codes runs/wae --folder runs/edits

Each of 1,000 held-out faces, of identities that nothing was trained on, has each attribute changed:
given where it is missing, taken away where it is there. In the table are the squared error in the
region that should change as a share of that of doing nothing, the same outside of it as a share of
the images' variance, how often a classifier trained on labels finds the changed attribute as it
should be and the others as they were, and how often the nearest of all 1,000 true outcomes is the
face's own: identity. The ceiling is a completion network of the same size, shown the whole image
and trained on true pairs. Judge and ceiling are kept in the folder, and used again.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from hringur.data.files import json_text, write_whole
from hringur.data.images.faces import ATTRIBUTES, Faces, draw_faces
from hringur.evaluation.tables import Column, Table
from hringur.generative.applications.attributes import Editor
from hringur.generative.completion import Completion
from hringur.generative.networks import Architecture, Encoder, ImageShape
from hringur.trained import load
from hringur.training import checkpoint
from hringur.training.averaged import average_weights_
from hringur.training.random_state import seed_everything

NAMES = tuple(ATTRIBUTES)
LECTURE = NAMES[:5]
"""the attributes that the lecture names"""

BATCH = 32
Edit = Callable[[Float[Tensor, "B C H W"], Float[Tensor, "B A"], int, int], Tensor]
"""from images, their attributes, the number of one, and the value that it should have"""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Measure every route."""

    run: Path
    """run of attribute-autoencoder on faces"""

    codes: Path | None = None
    """run of another model with codes on faces, for directions and transport"""

    folder: Path = Path("runs/edits")
    """where judge, ceiling and figures are written"""

    count: int = 1000
    """held-out faces"""

    judge_samples: int = 100_000
    ceiling_samples: int = 100_000
    """images that each is trained on"""

    seed: int = 0
    threads: int = 1


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Faces, and what each is when one attribute is changed."""

    image: Float[Tensor, "B C H W"]
    has: Float[Tensor, "B A"]
    truth: dict[str, Float[Tensor, "B C H W"]]

    @classmethod
    def draw(cls, count: int, seed: int) -> "HeldOut":
        """Faces of a stream that no model, judge or ceiling is trained on."""
        faces = draw_faces(count, seed=1000 + seed, held_out=True)
        return cls(
            pixels(faces),
            torch.tensor(faces.attributes).float(),
            {name: pixels(flipped(faces, number)) for number, name in enumerate(NAMES)},
        )


def pixels(faces: Faces) -> Float[Tensor, "B C H W"]:
    return torch.tensor(faces.images(32)).float() / 255


def flipped(faces: Faces, number: int) -> Faces:
    return faces.edited(NAMES[number], 1 - faces.attributes[:, number])


def trained(
    path: Path, network: nn.Module, samples: int, loss: Callable[[nn.Module, int], Tensor]
) -> nn.Module:
    """The network from the file, or trained by Adam and written there; its averaged weights."""
    if path.exists():
        checkpoint.load_weights(network, checkpoint.load(path)["weights"], str(path))
        return network.eval()
    average = deepcopy(network)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3, betas=(0.9, 0.99))
    steps = samples // BATCH
    for step in range(steps):
        progress = step / steps
        optimizer.param_groups[0]["lr"] = 2e-3 * min((step + 1) / 100, 1, 2 * (1 - progress))
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            value = loss(network, step)
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        average_weights_(average, network, 0.995, step + 1)
    checkpoint.save(path, {"weights": dict(average.state_dict())})
    return average.eval()


def judge(options: Measure) -> nn.Module:
    """A classifier of attributes, trained on labels of other faces than the models."""
    faces = draw_faces(20_000, seed=77 + options.seed)
    images, has = torch.tensor(faces.images(32)), torch.tensor(faces.attributes).float()

    def loss(network: nn.Module, step: int) -> Tensor:
        rows = torch.randint(len(images), (BATCH,))
        logits = network(images[rows].float() / 255)
        return F.binary_cross_entropy_with_logits(logits.float(), has[rows])

    network = Encoder(ImageShape(3, 32, 32), 7, Architecture("convolutional", 32, 128, 4))
    return trained(options.folder / "judge.safetensors", network, options.judge_samples, loss)


def ceiling(options: Measure, like: Completion) -> Edit:
    """A network as large as the completion, trained on pairs of faces and their true edits."""
    faces = draw_faces(20_000, seed=78 + options.seed)
    number = np.random.default_rng(options.seed).integers(0, 7, len(faces))
    after = Faces(faces.identity, faces.attributes.copy())
    rows = np.arange(len(faces))
    after.attributes[rows, number] = 1 - after.attributes[rows, number]
    start, end = (torch.tensor(one.images(32)) for one in (faces, after))
    told = torch.tensor(after.attributes).float()

    def loss(network: nn.Module, step: int) -> Tensor:
        rows = torch.randint(len(start), (BATCH,))
        x, y = start[rows].float() / 255, end[rows].float() / 255
        region = (x != y).any(dim=1, keepdim=True).float()
        error = (x + network(x, 0 * region, told[rows]).float() - 0.5 - y).square()
        inside = (error * region).sum(dim=(1, 2, 3)) / region.sum(dim=(1, 2, 3)).clamp_min(8)
        return (inside + error.mean(dim=(1, 2, 3))).mean()

    channels, depth = like.first.out_channels, len(like.blocks)
    network = Completion(ImageShape(3, 32, 32), 7, channels, depth, like.stride)
    path = options.folder / "ceiling.safetensors"
    best = trained(path, network, options.ceiling_samples, loss)

    def edit(image: Tensor, has: Tensor, number: int, value: int) -> Tensor:
        wanted = has.clone()
        wanted[:, number] = value
        hidden = torch.zeros_like(image[:, :1])
        return (image + best(image, hidden, wanted) - 0.5).clamp(0, 1)

    return edit


def by_editor(editor: Editor) -> Edit:
    return lambda image, has, number, value: editor.edit(image, {NAMES[number]: 2.0 * value - 1})


@torch.no_grad()
def score(edit: Edit, held_out: HeldOut, classes: nn.Module) -> dict[str, dict[str, float]]:
    """The figures of a route by attribute."""
    image, has = held_out.image, held_out.has
    variance, found = image.var(dim=0).mean().item(), {}
    for number, name in enumerate(NAMES):
        truth, edited = held_out.truth[name], image.clone()
        for value in (0, 1):
            rows = has[:, number] != value
            edited[rows] = edit(image[rows], has[rows], number, value)
        region = (truth != image).any(dim=1, keepdim=True).float()
        error = (edited - truth).square()
        nothing = ((image - truth).square() * region).sum(dim=(1, 2, 3))
        inside, given = (error * region).sum(dim=(1, 2, 3)), has[:, number] == 0
        seen = (classes(edited) > 0).float()
        others = [other for other in range(len(NAMES)) if other != number]
        wanted = 1 - has[:, number]
        gap = torch.cdist(edited.flatten(1), truth.flatten(1))
        found[name] = {
            "inside": (inside.sum() / nothing.sum()).item(),
            "inside_given": (inside[given].sum() / nothing[given].sum()).item(),
            "inside_taken": (inside[~given].sum() / nothing[~given].sum()).item(),
            "outside": ((error * (1 - region)).sum() / (3 * (1 - region).sum())).item() / variance,
            "recognised_percent": 100 * (seen[:, number] == wanted).float().mean().item(),
            "others_percent": 100 * (seen[:, others] == has[:, others]).float().mean().item(),
            "identity_percent": 100
            * (gap.argmin(dim=1) == torch.arange(len(gap))).float().mean().item(),
        }
    return found


def main(options: Measure) -> None:
    torch.set_num_threads(options.threads)
    seed_everything(options.seed)
    options.folder.mkdir(parents=True, exist_ok=True)
    held_out, classes = HeldOut.draw(options.count, options.seed), judge(options)
    with torch.no_grad():
        right = ((classes(held_out.image) > 0).float() == held_out.has).float().mean().item()
    print(f"the judge names {100 * right:.2f} % of the attributes of held-out faces correctly")
    model = load(options.run)
    routes: dict[str, Edit] = {"doing nothing": lambda image, *_: image}
    if options.codes is not None:
        other = load(options.codes)
        for name in ("directions", "transport"):
            routes[f"{name} ({other.config.name})"] = by_editor(Editor(other, name))
    for name in ("conditional", "completion"):
        routes[name] = by_editor(Editor(model, name))
    routes["trained on true pairs"] = ceiling(options, model.completion.average)
    figures = {name: score(edit, held_out, classes) for name, edit in routes.items()}
    record = {"judge_accuracy_percent": 100 * right, "count": options.count, "routes": figures}
    write_whole(options.folder / "edits.json", json_text(record))
    for figure, form in (
        ("inside", ".3f"), ("inside_given", ".3f"), ("inside_taken", ".3f"), ("outside", ".4f"),
        ("recognised_percent", ".1f"), ("others_percent", ".2f"), ("identity_percent", ".1f"),
    ):  # fmt: skip

        def cell(name: str, figure: str = figure, form: str = form) -> Callable[[str], str]:
            return lambda route: format(figures[route][name][figure], form)

        columns = [Column[str](figure, lambda route: route, text=True)]
        columns += [Column[str](name, cell(name)) for name in NAMES]
        print("\n" + Table(columns=columns, rows=list(figures)).markdown())


if __name__ == "__main__":
    main(tyro.cli(Measure))
