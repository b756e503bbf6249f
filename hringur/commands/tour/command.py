"""``hringur tour [PLACE...]``: the shortest tour that is known, its legs and hours, and its map.

docs/command_line.md describes the options, the JSON, and what is refused.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from hringur.commands.console import note, parse
from hringur.commands.options import check_figure, check_seed
from hringur.data.files import check_writable
from hringur.training.config import Device
from hringur.types import Season, UserError

if TYPE_CHECKING:  # they take a second to import: not for --help
    from hringur.commands.tour.methods import Answer
    from hringur.commands.tour.problem import Problem

DEFAULT_MAP = Path("tour.png")
File = Annotated[Path | None, arg(metavar="FILE")]
Name = Annotated[str | None, arg(metavar="PLACE")]


@dataclass(frozen=True, kw_only=True)
class Tour:
    """Plan a tour, show its legs, hours and gap to the proven optimum, and draw it on a map.

    PLACE is the name of one of 94 places of Iceland, without accents if you like, or its
    beginning; a point of your own as LAT,LON or NAME=LAT,LON in degrees; or the single word
    lecture, towns or all. The tour begins at the first of them.
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

    tsplib: Annotated[tuple[Path, ...], arg(metavar="FILE ...")] = ()
    """TSPLIB files: EUC_2D, CEIL_2D, GEO, ATT or EXPLICIT; several give one table"""

    agent: Annotated[str | None, arg(metavar="NAME-or-RUN")] = None
    """show the tour of this agent: a heuristic's name, attention-model (the shipped one), a run
    folder or a saved agent"""

    exact: bool = False
    """the exact solver's tour alone, without an agent's beside it"""

    start: Name = None
    """where the tour begins; it need not be named among the places"""

    end: Name = None
    """where the tour ends instead of coming home; it need not be named among the places"""

    open_path: bool = False
    """end anywhere instead of coming home"""

    hours_per_day: float | None = None
    """also split a tour by road into days of at most so many hours at the wheel, nights in towns"""

    speed: Annotated[tuple[str, ...], arg(metavar="CLASS=KMH ...")] = ()
    """other speeds by class of road: paved, paved-local, gravel, mountain, f-road, track"""

    map: File = None
    """PNG, SVG or PDF to draw, overwritten if it exists; tour.png when not given (with --json:
    none)"""

    gpx: File = None
    """write the way driven for navigation devices, overwritten if it exists"""

    geojson: File = None
    """write stops and legs as GeoJSON, overwritten if it exists"""

    link: bool = False
    """print addresses of Google Maps that show the tour"""

    seconds: float = 60.0
    """time limit of the exact solver"""

    device: Device = "auto"
    """where a network computes"""

    seed: int = 0
    """of what is random, which is an open path's samples [0 .. 2**32 - 1]"""

    json: bool = False
    """print one JSON document instead of the table"""

    def check(self) -> None:
        """Refuse options that exclude each other, and files that could not be written."""
        files = [f"--{kind}" for kind in ("csv", "matrix", "tsplib") if getattr(self, kind)]
        if len(files) > 1:
            raise UserError(f"{' and '.join(files)} exclude each other: give one file")
        if files and self.places:
            raise UserError(f"places and {files[0]} exclude each other: give one or the other")
        for option, given in (
            ("--no-f-roads", self.no_f_roads),
            ("--season", self.season != "summer"),
            ("--hours-per-day", self.hours_per_day is not None),
            ("--speed", self.speed),
        ):
            if files and given:
                raise UserError(f"{option} is about the roads of Iceland, not for {files[0]}")
        if self.exact and self.agent is not None:
            raise UserError("--exact and --agent exclude each other: give one")
        if not self.seconds > 0:  # NaN fails too
            raise UserError(f"--seconds must be positive, got {self.seconds}")
        if self.hours_per_day is not None and not 1 <= self.hours_per_day <= 24:
            raise UserError(f"--hours-per-day must be in 1..24, got {self.hours_per_day}")
        check_seed(self.seed)
        written = {"map": self.map_path, "gpx": self.gpx, "geojson": self.geojson}
        for option, path in written.items():
            if path is not None and len(self.tsplib) > 1 and getattr(self, option):
                raise UserError(f"--{option} shows one tour, and there are {len(self.tsplib)}")
        if self.link and len(self.tsplib) > 1:
            raise UserError(f"--link shows one tour, and there are {len(self.tsplib)}")
        if self.map_path is not None:
            check_figure(self.map_path, "--map")
        for path in (self.gpx, self.geojson):
            if path is not None:
                check_writable(path)

    @property
    def map_path(self) -> Path | None:
        """Where the map goes; None: nowhere."""
        return self.map or (None if self.json or len(self.tsplib) > 1 else DEFAULT_MAP)


def main(arguments: list[str]) -> None:
    """Everything that can go wrong does so before anything is written."""
    options = parse(Tour, arguments, "tour")
    options.check()
    from hringur.commands.tour import methods, report
    from hringur.commands.tour.drive import drive
    from hringur.data.tours.driving import read_speeds

    if options.agent is not None:
        methods.check_agent(options.agent)
    speeds = read_speeds(options.speed)
    problems = read_problems(options)
    if options.device == "cuda":  # refused if it is not there, even if nothing would use it
        from hringur.training.trainer import TrainerConfig, make_fabric

        make_fabric(TrainerConfig(device="cuda"))
    for line in (line for problem in problems for line in problem.notes):
        note(f"hringur: {line}")
    answers = [answer(problem, options) for problem in problems]
    if len(answers) > 1:
        report.show_many(answers, options.json)
        return
    found = answers[0]
    driven = drive(found.problem, found.shown.tour, speeds, options.hours_per_day)
    report.write_files(found, options.map_path, options.gpx, options.geojson)
    addresses = report.addresses(found) if options.link else []
    if options.json:
        report.print_record(found, driven, addresses, options.map_path)
    else:
        report.report(found, driven, addresses, options.map_path)


def answer(problem: "Problem", options: Tour) -> "Answer":
    """The shortest tour known, or that of the agent that was named."""
    from hringur.commands.tour import methods

    agent = None
    if options.agent is not None:
        agent = methods.plan(problem, options.agent, options.device, options.seed)
    elif not options.exact:
        agent = methods.plan_by_default(problem, options.device, options.seed)
    best = methods.shortest(problem, options.seconds, agent)
    named = None if options.agent is None else agent
    shown = named or methods.shortest_plan(problem, agent, best)
    return methods.Answer(problem=problem, shown=shown, agent=agent, best=best)


def read_problems(options: Tour) -> "list[Problem]":
    """Places or files, whichever were given; the faults of all files in one line."""
    from hringur.commands.tour.reading import READERS, from_file, from_places

    round_trip, faults, problems = not options.open_path, [], []
    files = [(kind, path) for kind in READERS for path in paths_of(getattr(options, kind))]
    for kind, path in files:
        try:
            problems.append(from_file(kind, path, options.start, options.end, round_trip))
        except UserError as error:
            faults.append(str(error))
    if faults:
        raise UserError("; ".join(faults))
    if not files:
        summer = options.season == "summer"
        season = "summer-no-f-roads" if summer and options.no_f_roads else options.season
        problems = [from_places(options.places, season, options.start, options.end, round_trip)]
    for option in ("gpx", "geojson", "link"):
        if getattr(options, option) and problems[0].lonlat is None:
            raise UserError(f"--{option} needs places on the globe, which {files[0][1]} has not")
    return problems


def paths_of(value: Path | tuple[Path, ...] | None) -> tuple[Path, ...]:
    """One path or several as several."""
    return value if isinstance(value, tuple) else () if value is None else (value,)
