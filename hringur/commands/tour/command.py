"""``hringur tour [PLACE...]``: a tour, its legs, its gap to the proven optimum, and its map.

docs/command_line.md describes the options, the JSON, and what is refused.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from hringur.commands.console import parse, print_json
from hringur.commands.options import check_seed
from hringur.data.files import check_writable
from hringur.training.config import Device
from hringur.types import Season, UserError

if TYPE_CHECKING:  # they take a second to import: not for --help
    from hringur.commands.tour.problem import Problem

DEFAULT_MAP = Path("tour.png")
File = Annotated[Path | None, arg(metavar="FILE")]


@dataclass(frozen=True, kw_only=True)
class Tour:
    """Plan a tour, show its legs and its gap to the proven optimum, and draw it on a map.

    PLACE is the name of one of 94 places of Iceland, without accents if you like, or its
    beginning; or the single word lecture, towns or all. The tour begins at the first of them.
    """

    places: Annotated[Positional[tuple[str, ...]], arg(metavar="[PLACE ...]")] = ()
    """places to visit"""

    season: Season = "summer"
    """roads of summer, or of winter, when the highlands are closed"""

    no_f_roads: bool = False
    """summer without F-roads, which require four-wheel drive and have fords"""

    csv: File = None
    """places of your own, instead of PLACE: a CSV with name,lat,lon [degrees]"""

    matrix: File = None
    """distances of your own: a square CSV, with or without names"""

    tsplib: File = None
    """a TSPLIB file: EUC_2D, CEIL_2D, GEO, ATT or EXPLICIT"""

    agent: Annotated[str | None, arg(metavar="NAME-or-RUN")] = None
    """a heuristic's name, attention-model (the shipped one), a run folder or a saved agent"""

    exact: bool = False
    """take the exact solver's tour"""

    start: Annotated[str | None, arg(metavar="PLACE")] = None
    """where the tour begins, one of the places"""

    open_path: bool = False
    """end anywhere instead of coming home"""

    map: File = None
    """PNG to draw, overwritten if it exists; tour.png when not given (with --json: none)"""

    seconds: float = 60.0
    """time limit of the exact solver"""

    device: Device = "auto"
    """where a network computes"""

    seed: int = 0
    """of what is random, which is an open path's samples [0 .. 2**32 - 1]"""

    json: bool = False
    """print one JSON document instead of the table"""

    def check(self) -> None:
        """Refuse options that exclude each other, and a map that could not be written."""
        files = [f"--{kind}" for kind in ("csv", "matrix", "tsplib") if getattr(self, kind)]
        if len(files) > 1:
            raise UserError(f"{' and '.join(files)} exclude each other: give one file")
        if files and self.places:
            raise UserError(f"places and {files[0]} exclude each other: give one or the other")
        if files and (self.season != "summer" or self.no_f_roads):
            option = "--no-f-roads" if self.no_f_roads else "--season"
            raise UserError(f"{option} is about the roads of Iceland, not for {files[0]}")
        if self.exact and self.agent is not None:
            raise UserError("--exact and --agent exclude each other: give one")
        if not self.seconds > 0:  # NaN fails too
            raise UserError(f"--seconds must be positive, got {self.seconds}")
        check_seed(self.seed)
        if self.map_path is not None:
            check_map(self.map_path)

    @property
    def map_path(self) -> Path | None:
        """Where the map goes; None: nowhere."""
        return self.map or (None if self.json else DEFAULT_MAP)


def main(arguments: list[str]) -> None:
    """Everything that can go wrong does so before anything is written."""
    options = parse(Tour, arguments, "tour")
    options.check()
    from hringur.commands.tour import methods as tour_methods
    from hringur.commands.tour import report as tour_report

    if options.agent is not None:
        tour_methods.check_agent(options.agent)
    problem = read_problem(options)
    if options.device == "cuda":  # refused if it is not there, even if nothing would use it
        from hringur.training.trainer import TrainerConfig, make_fabric

        make_fabric(TrainerConfig(device="cuda"))
    found = None
    if not options.exact:
        device, seed = options.device, options.seed
        if options.agent is None:
            found = tour_methods.plan_by_default(problem, device, seed)
        else:
            found = tour_methods.plan(problem, options.agent, device, seed)
    best = tour_methods.shortest(problem, options.seconds)
    found = found or tour_methods.exact_plan(best)
    if options.map_path is not None:
        tour_report.draw(options.map_path, problem, found, best)
    if options.json:
        print_json(tour_report.record(problem, found, best, options.map_path))
    else:
        tour_report.report(problem, found, best, options.map_path)


def read_problem(options: Tour) -> "Problem":
    """Places or file, whichever was given."""
    from hringur.commands.tour.problem import READERS, from_file, from_places

    round_trip = not options.open_path
    for kind in READERS:
        path = getattr(options, kind)
        if path is not None:
            return from_file(kind, path, options.start, round_trip)
    summer = options.season == "summer"
    season = "summer-no-f-roads" if summer and options.no_f_roads else options.season
    return from_places(options.places, season, options.start, round_trip)


def check_map(path: Path) -> None:
    """Refuse, before any work, a map that could not be written."""
    if path.suffix.lower() != ".png":
        raise UserError(f"--map must end in .png, got {path}")
    check_writable(path)
