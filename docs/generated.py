"""Pages that are written from the package itself: environments, learners, models, API, pictures."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import fields
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import gymnasium
import numpy as np
from PIL import Image

import hringur
from hringur.registry import ENVIRONMENTS, EXPERIMENTS, LEARNERS, MODELS, environment_row, summary

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"

FACES = {
    "hringur": "",
    "hringur.envs": "",
    "hringur.agents": "",
    "hringur.estimators": "",
    "hringur.generative": "",
    "hringur.references": "",
    "hringur.divergences": "",
    "hringur.training": "",
    "hringur.data.tours": "",
    "hringur.data.trading": "",
    "hringur.data.images": "",
    "hringur.data.molecules": "",
    "hringur.evaluation": "hringur.evaluation.statistics hringur.evaluation.tours.scores"
    " hringur.evaluation.agents.scores hringur.evaluation.generative.scores"
    " hringur.evaluation.films.film",
    "hringur.types": "hringur.types",
}
"""Public packages, and of those without public names the modules that are shown."""

PAGES = {"tours": "environments", "trading": "stock_trading", "breakout": "breakout"}
"""The page with the options of an environment, by the folder of its file; else questions."""

COMMON = {
    "compute_optimal": "the last `info` has the best policy's return on the same episode",
    "render_mode": '`"rgb_array"`, or `"human"` for a window (extra `human`)',
}
"""What arguments mean in every environment; a page may say it otherwise."""

MORE = {
    "attention-model": ("agents", "gaps"),
    "pointer-network": ("agents", "gaps"),
    "reinforce": ("reinforce", "compare_ornstein_uhlenbeck"),
    "ppo": ("baselines", "gaps"),
    "a2c": ("baselines", "gaps"),
    "dqn": ("baselines", "gaps"),
    "maskable-ppo": ("baselines", "gaps"),
    "gan": ("generative", "generative_gan"),
    "adversarial-autoencoder": ("generative", "generative_samples"),
    "vae": ("generative", "generative_latent_plane"),
    "wae-mmd": ("generative", "generative_prior"),
    "transport-autoencoder": ("generative", "generative_transport_plan"),
    "discrete-autoencoder": ("generative", "discrete_codes"),
    "wgan-gp": ("generative", "generative_samples"),
    "attribute-autoencoder": ("applications", "edit"),
    "grammar-vae": ("words_and_molecules", "molecules_prior"),
    "sequence-autoencoder": ("words_and_molecules", ""),
    "text-style": ("words_and_molecules", ""),
    "translation": ("applications", "translation_glyphs"),
    "attend-infer-repeat": ("questions", "scenes"),
    "relational-inference": ("questions", "relations"),
}
"""Of learners and models: the page that says more, and a picture of docs/pictures."""

COMPARED = "hringur compare --env StockTrading-v0 --option prices={} --agents reinforce ppo a2c dqn"
WAE = "hringur train wae-mmd"
DRAWN_BY = {
    "breakout_decisions": "hringur evaluate runs/no-sticky --episodes 1 --video game.mp4",
    "breakout_filmstrip": "hringur evaluate runs/no-sticky --episodes 1 --video game.mp4",
    "compare_autoregressive": f"{COMPARED.format('autoregressive')} --seeds 5 --budget 60s",
    "compare_ornstein_uhlenbeck": f"{COMPARED.format('ornstein-uhlenbeck')} --seeds 5 --budget 60s",
    "discrete_codes": "python scripts/discrete_codes.py",
    "domains": "python scripts/draw_data_sets.py --folder docs/pictures",
    "edit": "hringur edit face:10 face:33 face:43 face:50 face:53 face:68"
    " --smile 1 --age 1 --narrow-eyes 1 --blonde 1 --beard 1",
    "estimators": "hringur estimators --folder estimators",
    "evaluation_is_difficult": "python scripts/draw_lecture.py",
    "faces": "python scripts/draw_data_sets.py --folder docs/pictures",
    "gaps": "make run",
    "generative_gan": "hringur train gan --dataset mnist --seconds 240",
    "generative_latent_plane": f"{WAE} --dataset mnist --latent 2 --seconds 60",
    "generative_prior": f"{WAE} --dataset mnist",
    "generative_reconstruction": f"{WAE} --dataset mnist",
    "generative_samples": "hringur compare --models exp0 exp1 exp2 exp3 exp4 exp5 exp6 exp7"
    " --seeds 3 --budget usual",
    "generative_transport_plan": f"{WAE} --dataset mnist --latent 2 --seconds 60",
    "learning_curve": "make run",
    "lecture_tour": "hringur tour lecture --exact --map lecture_tour.png",
    "mix": "hringur mix face:1 face:2",
    "mix_grid": "hringur mix face:1 face:2 face:3 face:4 --path sphere",
    "molecules_around": "hringur search --model runs/molecules --neighbours around.png",
    "molecules_prior": "hringur train grammar-vae --dataset molecules --samples 1600000",
    "molecules_search": "hringur search --model runs/molecules --property qed --seeds 3"
    " --figure search.png",
    "molecules_winners": "hringur search --model runs/molecules --seeds 3 --winners winners.png",
    "next_place": "python scripts/draw_next_place.py --output next_place.png",
    "not_identifiable": "python scripts/draw_lecture.py",
    "play": "hringur demo",
    "question_boundingbox": "python scripts/draw_questions.py",
    "question_buildnetwork": "python scripts/draw_questions.py",
    "question_callfunction": "python scripts/draw_questions.py",
    "question_stopdecoding": "python scripts/draw_questions.py",
    "relations": "hringur train relational-inference --dataset springs",
    "scenes": "hringur train attend-infer-repeat --dataset digit-scenes",
    "stock_trading": "hringur evaluate runs/trading --report report",
    "translation_coats": "hringur train translation --dataset coats --method object-transport"
    " --seconds 150 --lr 0.002",
    "translation_fruits": "hringur train translation --dataset fruits --seconds 150",
    "translation_glyphs": "hringur train translation --dataset glyphs --seconds 480 --lr 0.002",
    "transport": "hringur transport --figure transport.png",
    "two_digits": "python scripts/draw_lecture.py",
}
"""The command that draws a picture of docs/pictures."""

OWN_PLACES = "name,lat,lon\nReykjavík,64.15,-21.94\nAkureyri,65.68,-18.10\nVík,63.42,-19.01\n"
OWN_PLACES += "Höfn,64.25,-15.21\nÍsafjörður,66.07,-23.13\nHúsavík,66.05,-17.34\n"


def write(folder: Path) -> None:
    """Write every generated page; a file that has not changed is left alone."""
    pages = {"contributing": include("CONTRIBUTING.md"), "changelog": include("CHANGELOG.md")}
    pages["notice"] = "---\norphan: true\n---\n# Notices\n\n```{literalinclude} ../../NOTICE\n```\n"
    pages["gallery"] = gallery()
    pages["environments/index"] = index("The environments, one by one", ENVIRONMENTS)
    pages |= {f"environments/{name}": environment(name, folder) for name in ENVIRONMENTS}
    pages["learners/index"] = index("The learners, one by one", LEARNERS)
    pages["models/index"] = index("The generative models, one by one", MODELS)
    pages |= {f"learners/{name}": learner(name, LEARNERS[name]) for name in LEARNERS}
    pages |= {f"models/{name}": learner(name, MODELS[name]) for name in MODELS}
    pages["api/index"] = index("Python API", FACES)
    pages |= {f"api/{name}": api(name, modules.split()) for name, modules in FACES.items()}
    for name, text in pages.items():
        path = folder / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def toctrees(navigation: Mapping[str, list[str]]) -> str:
    """The navigation of the site: a hidden tree for each of its parts."""
    return "".join(
        f"\n```{{toctree}}\n:caption: {caption}\n:hidden:\n:glob:\n\n"
        + "\n".join(pages)
        + "\n```\n"
        for caption, pages in navigation.items()
    )


def include(name: str) -> str:
    """A page that is a file outside of the folder."""
    return f"```{{include}} ../../{name}\n```\n"


def index(title: str, names: Mapping[str, Any]) -> str:
    """A page that lists pages."""
    return f"# {title}\n\n```{{toctree}}\n:maxdepth: 1\n\n" + "\n".join(names) + "\n```\n"


def rst(text: str) -> str:
    """A docstring, which is reStructuredText; its indented equations stay as they are typed."""
    equations = re.sub(r"(?<!::)\n\n(?=    \S)", "\n\n::\n\n", text)
    return f"````{{eval-rst}}\n{equations}\n````\n"


def sentence(text: str) -> str:
    """A cell of a docstring's table as a sentence."""
    return rst(text[:1].upper() + text[1:] + ".")


def image(words: str, picture: str) -> str:
    """A picture as wide as the text is comfortable to read."""
    return f"![{words}]({picture}){{width=480px}}\n"


def environment(name: str, folder: Path) -> str:
    """A page in the order of Farama's: what is chosen, seen, earned, and when an episode ends."""
    row = ENVIRONMENTS[name]
    module = import_module(row.factory.partition(":")[0])
    parts = table_of(inspect.getdoc(module) or "")
    parts = parts or table_of(inspect.getdoc(import_module(row.domain.environment.split(":")[0])))
    env = make(name, folder)
    picture = play_episode(env, folder / "environments" / f"{name}.gif")
    lines = [
        f"# {name}",
        "",
        image("The first steps of an episode with random choices", picture.name),
    ]
    lines += [rst(description(inspect.getdoc(module) or "")), "## Action space", ""]
    lines += [f"`{env.action_space}`", "", sentence(parts["action"]), "## Observation space", ""]
    lines += ["```", *pretty(env.observation_space), "```", "", sentence(parts["observe"])]
    lines += ["## Rewards", "", sentence(parts["reward"])]
    lines += ["## Starting state", "", sentence(parts["start"])]
    lines += ["## Episode end", "", sentence("**Terminated** " + parts["terminated"])]
    lines += [
        sentence("**Truncated** " + parts["truncated"]),
        "## Information",
        "",
        sentence(parts["info"]),
    ]
    lines += ["## Arguments", "", arguments(name), "## Vectorised", "", vectorised(name)]
    lines += ["## Version history", "", f"`{name}`: as in the first release, 0.1.0.", ""]
    return "\n".join(lines)


def table_of(docstring: str | None) -> dict[str, str]:
    """The rows of the table in an environment's docstring, by their first column."""
    rows = re.findall(r"^(\w+) +(\S.*(?:\n {3,}.*)*)", docstring or "", re.MULTILINE)
    return {part: " ".join(text.split()) for part, text in rows if part != "part"}


def description(docstring: str) -> str:
    """The docstring without its table and its first line's name."""
    text = re.sub(r"^=+ =+\n.*\n=+ =+$", "", docstring, flags=re.DOTALL | re.MULTILINE)
    head, _, rest = text.partition("\n")
    what = head.partition(": ")[2]
    return what[:1].upper() + what[1:] + "\n" + rest


def make(name: str, folder: Path) -> gymnasium.Env:
    """The environment with its defaults; a file of places where one is needed."""
    options: dict[str, Any] = {}
    if name == "OwnTSP-v0":
        options["csv"] = folder / "own_places.csv"
        options["csv"].parent.mkdir(parents=True, exist_ok=True)
        options["csv"].write_text(OWN_PLACES, encoding="utf-8")
    return gymnasium.make(name, render_mode="rgb_array", **options)


def pretty(space: gymnasium.Space) -> list[str]:
    """A space in lines; long bounds are left out."""
    if isinstance(space, gymnasium.spaces.Dict):
        return [f"{key}: {part}" for key, part in space.items()]
    return re.sub(r"\[[-+.\s\d…]{60,}\]", "[...]", str(space)).splitlines()


def play_episode(env: gymnasium.Env, path: Path, frames: int = 24) -> Path:
    """A GIF of the first steps of an episode, chosen at random among what is allowed."""
    if path.exists():
        return path
    _, info = env.reset(seed=1)
    rng, pictures, finished = np.random.default_rng(0), [env.render()], False
    for _ in range(frames):
        if finished:
            break
        mask = info.get("action_mask")
        env.action_space.seed(int(rng.integers(2**31)))
        action = env.action_space.sample(mask) if mask is not None else env.action_space.sample()
        *_, terminated, truncated, info = env.step(action)
        finished = terminated or truncated
        pictures.append(env.render())
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = [Image.fromarray(np.asarray(picture)) for picture in pictures]
    shown = [one.resize((480, round(480 * one.height / one.width))) for one in shown]
    shown[0].save(path, save_all=True, append_images=shown[1:], duration=400, loop=0)
    return path


def arguments(name: str) -> str:
    """Arguments with types and defaults from the signature, and what the page says of them."""
    row = ENVIRONMENTS[name]
    page = PAGES.get(row.factory.split(".")[2], "questions")
    said = COMMON | meanings((DOCS / f"{page}.md").read_text(encoding="utf-8"))
    lines = ["| argument | default | meaning |", "| --- | --- | --- |"]
    for option in inspect.signature(resolve_name(row.factory)).parameters.values():
        lines.append(f"| `{option.name}` | `{option.default!r}` | {said.get(option.name, '')} |")
    return "\n".join([*lines, "", f"More in [{page.replace('_', ' ')}](/{page}.md).", ""])


def meanings(page: str) -> dict[str, str]:
    """What the tables of options on a page say, by option."""
    found = {}
    for names, text in re.findall(r"^\| (`[^|]*`) \|[^|]*\| (.*) \|$", page, re.MULTILINE):
        if text != "see above":
            found |= {option: text for option in re.findall(r"`(\w+)`", names)}
    return found


def vectorised(name: str) -> str:
    """How many are made at once."""
    row = environment_row(name)
    native = row is not None and (row.vector or row.domain.vector)
    if not native:
        return "By Gymnasium's own vector environments.\n"
    return textwrap.dedent(f"""\
        Natively: one step of the batch is exactly a loop of single steps.

        ```python
        envs = gymnasium.make_vec(
            "{name}", num_envs=256, vectorization_mode="vector_entry_point"
        )
        ```
        """)


def learner(name: str, where: str) -> str:
    """A page of a learner or model: idea and equation, command, picture, every setting."""
    config = resolve_name(where)
    page, picture = MORE.get(name, ("guide", ""))
    lines = [f"# {name}", "", rst(inspect.getdoc(import_module(where.split(":")[0])) or "")]
    numbers = [key for key, one in EXPERIMENTS.items() if one.model == name]
    lines += ["```", f"hringur train {name}", f"hringur train {name} --help"]
    lines += [f"python scripts/run_models.py --xp_id {key}" for key in numbers] + ["```", ""]
    if picture:
        lines += [image(summary(config), f"/pictures/{picture}.png")]
    lines += [f"More, with figures and intervals: [{page.replace('_', ' ')}](/{page}.md).", ""]
    lines += ["## Settings", "", "| setting | default | meaning |", "| --- | --- | --- |"]
    for setting, default, text in settings(config):
        lines.append(f"| `--{setting.replace('_', '-')}` | `{default!r}` | {text} |")
    return "\n".join([*lines, ""])


def settings(config: type[Any]) -> Iterator[tuple[str, Any, str]]:
    """Name, default and help of every field of a dataclass of settings."""
    helps: dict[str, str] = {}
    for parent in reversed(config.__mro__[:-1]):
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(parent))).body
        for line, after in pairwise(tree.body):
            if isinstance(line, ast.AnnAssign) and isinstance(after, ast.Expr):
                said = " ".join(ast.literal_eval(after.value).split())
                helps[ast.unparse(line.target)] = said.replace("|", "\\|")
    for field in fields(config):
        factory = field.default_factory
        default = factory() if callable(factory) else field.default
        yield field.name, default, helps.get(field.name, "")


def api(name: str, modules: list[str]) -> str:
    """The public names of a package, from their docstrings; or its modules."""
    module = import_module(name)
    blocks = [rst(f".. automodule:: {one}\n   :members:") for one in modules]
    words = re.sub(r"\n\n(?=from )", "\n\n    ", inspect.getdoc(module) or "")
    blocks = blocks or [rst(re.sub(r"^(?=\w+\(|\w+ = \w+\()", "    ", words, flags=re.M))]
    for public in getattr(module, "__all__", ()) if not modules else ():
        kind = "class" if inspect.isclass(value := getattr(module, public)) else "function"
        if callable(value):
            again = "\n   :no-index:" if name == "hringur" else ""  # its own package has it as well
            blocks.append(rst(f".. auto{kind}:: {name}.{public}{again}"))
        else:
            names = value if isinstance(value, Mapping) else [value]
            blocks.append(f"`{public}`: " + ", ".join(f"`{one}`" for one in names) + "\n")
    return "\n".join([f"# {name}", "", *blocks])


def gallery() -> str:
    """A grid of every picture with what the pages say of it, and a link to the page."""
    lines, seen = ["# Gallery", "", "````{container} gallery"], set()
    for page in [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]:
        found = re.findall(r"!\[([^\]]+)\]\((?:docs/)?(pictures/[\w.]+)\)", page.read_text("utf-8"))
        for words, picture in found:
            if picture not in seen:
                seen.add(picture)
                where = "index" if page.name == "README.md" else page.stem
                lines += ["```{container}", image(words, f"/{picture}")]
                lines += [f"[{words}](/{where}.md)", "", f"`{DRAWN_BY[Path(picture).stem]}`", "```"]
    return "\n".join([*lines, "````", ""])


del hringur  # imported to register the environments
