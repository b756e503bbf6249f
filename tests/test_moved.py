"""Imports that the documentation showed before the rooms were rebuilt, and the face of now."""

import importlib
import importlib.util
import subprocess
import sys
import warnings

import pytest

import hringur
from hringur.moved import MOVED

SHOWN = [
    ("hringur.agents.attention_model", "AttentionModelConfig"),
    ("hringur.agents.reinforce", "ReinforceConfig"),
    ("hringur.agents.tour_agent", "TourAgent"),
    ("hringur.data.held_out", "held_out"),
    ("hringur.data.images", "load_images"),
    ("hringur.data.market_files", "read_prices"),
    ("hringur.data.price_processes", "OrnsteinUhlenbeck"),
    ("hringur.estimators.catalogue", "make_estimator"),
    ("hringur.estimators.distributions", "bernoullis"),
    ("hringur.estimators.relax", "Rebar"),
    ("hringur.estimators.score_function", "score_function"),
    ("hringur.evaluation.compare", "markdown"),
    ("hringur.evaluation.digit_classifier", "DigitClassifier"),
    ("hringur.evaluation.evaluate", "over_seeds"),
    ("hringur.evaluation.game", "Game"),
    ("hringur.evaluation.game", "decisions_figure"),
    ("hringur.evaluation.game", "filmstrip"),
    ("hringur.evaluation.generative_scores", "ImageYardstick"),
    ("hringur.evaluation.generative_scores", "score_model"),
    ("hringur.evaluation.methods", "exact_score"),
    ("hringur.evaluation.methods", "heuristic_scores"),
    ("hringur.evaluation.methods", "learner_scores"),
    ("hringur.evaluation.plots", "gap_chart"),
    ("hringur.evaluation.plots", "save"),
    ("hringur.evaluation.video", "film_game"),
    ("hringur.generative.vae", "VAE"),
    ("hringur.generative.wae_mmd", "WAEMMD"),
    ("hringur.generative.wae_mmd", "WAEMMDConfig"),
    ("hringur.references.exact", "optimal_tour"),
    ("hringur.references.heuristics", "farthest_insertion"),
    ("hringur.references.heuristics", "two_opt"),
    ("hringur.references.trading", "optimal_policy"),
    ("hringur.references.trading", "outcomes"),
    ("hringur.references.trading", "returns_of"),
    ("hringur.training.console", "display"),
    ("hringur.training.counters", "Counters"),
    ("hringur.training.interruption", "Interruption"),
    ("hringur.training.log", "RunLog"),
    ("hringur.training.processes", "rank"),
    ("hringur.training.random_state", "seed_everything"),
    ("hringur.training.run_folder", "RunFolder"),
    ("hringur.training.trainer", "TrainerConfig"),
    ("hringur.training.trainer", "make_fabric"),
    ("hringur.training.trainer", "train"),
]


@pytest.mark.parametrize("module, name", SHOWN)
def test_an_import_of_before_still_works(module, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert getattr(importlib.import_module(module), name) is not None


@pytest.mark.parametrize("before, now", MOVED.items())
@pytest.mark.filterwarnings("ignore:.*is now:DeprecationWarning")
def test_every_module_of_the_table_exists(before, now):
    assert importlib.util.find_spec(f"hringur.{before}") is not None
    assert all(importlib.util.find_spec(f"hringur.{one}").origin for one in now.split())


def test_a_module_of_before_warns_and_hands_on_the_very_same_objects():
    sys.modules.pop("hringur.references.heuristics", None)
    with pytest.warns(DeprecationWarning, match="is now hringur.references.tours.heuristics"):
        before = importlib.import_module("hringur.references.heuristics")
    now = importlib.import_module("hringur.references.tours.heuristics")
    assert before.two_opt is now.two_opt
    with pytest.raises(AttributeError):
        before.three_opt  # noqa: B018


def test_a_module_that_never_was_is_not_found():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("hringur.references.astrology")


FACES = {
    "hringur": ["Reinforce", "TourAgent", "load", "__version__"],
    "hringur.agents": ["Reinforce", "TourAgent", "AttentionModel", "PointerNetwork"],
    "hringur.generative": [
        "GAN", "VAE", "WAEMMD", "WGANGP",
        "AdversarialAutoencoder", "TransportAutoencoder", "DiscreteAutoencoder",
    ],
    "hringur.envs": ["IcelandTSP", "EuclideanTSP", "OwnTSP", "StockTrading"],
    "hringur.estimators": ["score_function", "make_estimator"],
}  # fmt: skip


@pytest.mark.parametrize("package, names", FACES.items())
def test_each_face_hands_on_its_names(package, names):
    face = importlib.import_module(package)
    assert all(getattr(face, name) is not None for name in names)
    assert set(names) - {"__version__"} <= set(dir(face))
    with pytest.raises(AttributeError):
        face.Astrology  # noqa: B018


def test_the_version_is_that_of_the_distribution():
    from importlib.metadata import version

    assert hringur.__version__ == version("hringur")


@pytest.mark.parametrize(
    "code",
    [
        "import hringur",
        "from hringur.envs import IcelandTSP, StockTrading",
        "import hringur.registry, hringur.data, hringur.references",
    ],
)
def test_what_needs_no_torch_imports_none(code):
    check = f"{code}\nimport sys\nassert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", check], check=True, timeout=300)
