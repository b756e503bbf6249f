"""``hringur transport``: solvers of optimal transport beside a plan known in closed form."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from hringur.commands.console import note, parse, present
from hringur.commands.options import Printed, check_figure
from hringur.data.figures import save
from hringur.evaluation.films.video import check_video, write_video
from hringur.evaluation.generative import transport
from hringur.generative.applications.transport import LEARNED, SOLVERS
from hringur.types import UserError


@dataclass(frozen=True, kw_only=True)
class Transport(Printed):
    """Push one distribution onto another at the least cost, and measure how far from the best.

    x is standard normal, y lies in five clusters, and the cost is half the squared distance. The
    best entropic plan between them is known, so each solver, which sees samples only, has an error.
    """

    solver: tuple[str, ...] = tuple(SOLVERS)
    """independent, gaussian, sinkhorn, light-bridge, sliced, neural-transport, wgan"""

    dimensions: tuple[int, ...] = (2,)
    """of the space; several are measured one after the other"""

    epsilon: tuple[float, ...] = (0.1,)
    """strength of the entropy, in units of the cost [0.001 .. 1000]"""

    samples: int = 50_000
    """of each side that a solver sees"""

    steps: int = 10_000
    """updates of light-bridge, neural-transport and wgan"""

    seeds: int = 1
    """repetitions, each with samples of its own; from two on there are intervals"""

    figure: Path | None = None
    """PNG, SVG or PDF of red points pushed onto blue ones, in two dimensions"""

    film: Path | None = None
    """the same moving, as .gif or .mp4"""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.solver:
            if name not in SOLVERS:
                raise UserError(f"solver must be one of {', '.join(SOLVERS)}, got {name!r}")
        bounds = {"samples": (100, 10**7), "steps": (1, 10**7), "seeds": (1, 1000)}
        for name, (least, most) in bounds.items():
            if not least <= getattr(self, name) <= most:
                raise UserError(f"{name} must be in {least}..{most:,}, got {getattr(self, name)}")
        for size in self.dimensions:
            if not 1 <= size <= 1024:
                raise UserError(f"dimensions must be in 1..1024, got {size}")
        for epsilon in self.epsilon:
            if not 1e-3 <= epsilon <= 1e3:
                raise UserError(f"epsilon must be in 0.001..1000, got {epsilon:g}")
        for given, check in ((self.figure, check_figure), (self.film, check_video)):
            if given is not None:
                check(given)
                if 2 not in self.dimensions:
                    raise UserError(f"{given} would show two dimensions: add --dimensions 2")


def main(arguments: list[str]) -> None:
    """Solve, print, draw."""
    options = parse(Transport, arguments, "transport")
    solved = []
    for epsilon in options.epsilon:
        for size in options.dimensions:
            problem = transport.Problem(dimensions=size, epsilon=epsilon, samples=options.samples)
            for solver in options.solver:
                note(f"{solver} in {size} dimensions, epsilon {epsilon:g} ...")
                own = {"steps": options.steps} if solver in LEARNED else {}
                solved.append(transport.solve(problem, solver, range(options.seeds), **own))
    record = {
        "plans": transport.to_json(solved),
        "command": shlex.join(["hringur", "transport", *arguments]),
    }
    present(options, record, [transport.table(solved)])
    flat = [one for one in solved if one.problem.dimensions == 2]
    shown = [one for one in flat if one.problem.epsilon == options.epsilon[0]]
    if options.figure is not None:
        note(f"wrote {save(transport.picture(shown), options.figure)}")
    if options.film is not None:
        write_video(options.film, transport.film(shown), frames_per_second=20)
        note(f"wrote {options.film}")
