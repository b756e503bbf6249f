"""What every generative model shares: networks, training, a density of codes, saving.

``model.py`` adds what images need, ``sequences/model.py`` what strings need.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, get_args

import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor, nn

from hringur.data.files import reading
from hringur.generative.fitted_density import Mixture, fit_gaussians, scikit_learn_mixture
from hringur.registry import model_config
from hringur.settings import read
from hringur.training import checkpoint
from hringur.training.averaged import AveragedNetwork
from hringur.training.exports.sharing import Shared
from hringur.training.log import NoLog
from hringur.training.random_state import seed_everything
from hringur.training.run_folder import learner_state
from hringur.training.trainer import TrainerConfig, make_fabric, train
from hringur.types import Batches, Metrics, State, UserError

Model = TypeVar("Model", bound="GenerativeModel")

DensityName = Literal["prior", "fitted"]


class GenerativeModel(Shared, ABC):
    """A model that learns to make more of what it is shown."""

    settings: ClassVar[type[Any]]
    own_headline: ClassVar[str]
    """tag of the metric that is shown while training, if samples are not compared"""

    larger_is_better: ClassVar[frozenset[str]] = frozenset()
    """those of its headlines of which more is better; of all others, less"""

    encodes: ClassVar[bool] = True
    """whether an encoder is trained"""

    saved_as: ClassVar[str]
    """key of the description in a saved file"""

    of: ClassVar[str]
    """what it is a model of, for messages"""

    evaluation: ClassVar[str]
    """the function behind ``hringur evaluate``, as ``module:function``"""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "settings" in vars(cls):
            cls.settings.model_class = cls

    def __init__(
        self,
        config: Any = None,
        *,
        seed: int = 0,
        device: str = "auto",
        fabric: Fabric | None = None,
    ) -> None:
        """``device`` (auto, cpu or cuda) counts where no ``fabric`` is given."""
        self.config: Any = config or self.settings()
        self.fabric = fabric or make_fabric(TrainerConfig(device=device))  # type: ignore[arg-type]
        self.seed = seed
        self.networks: dict[str, AveragedNetwork] = {}
        self.monitor: Any = None
        self.density: Mixture | None = None

    # What a model states itself ---------------------------------------------------------------

    @abstractmethod
    def build_networks(self) -> None:
        """Build every network and register it by ``add_network``."""

    @abstractmethod
    def update(self, batch: Any, progress: float) -> Metrics:
        """Make one gradient step on the model's loss."""

    @abstractmethod
    def evaluate(self) -> Metrics:
        """Scalars on held-out data."""

    @abstractmethod
    def batches(self) -> Batches:
        """Endless batches of the training data."""

    @abstractmethod
    def figures(self) -> Mapping[str, Any]:
        """Pictures and texts by tag."""

    @abstractmethod
    def write_pictures(self, folder: Path) -> list[Path]:
        """All pictures as files; returns their paths."""

    @abstractmethod
    def codes_for_density(self) -> Float[Tensor, "N Z"]:
        """Codes of training data, to fit a density to; few or none without a data set."""

    @classmethod
    @abstractmethod
    def from_description(cls, about: State, config: Any, device: str, dataset: Any) -> Any:
        """A model with fresh weights, as ``description`` tells of it."""

    @abstractmethod
    def description(self) -> State:
        """What a saved file says of the model beside its weights."""

    # What a model may override ----------------------------------------------------------------

    def prior(self, count: int, generator: torch.Generator) -> Float[Tensor, "B Z"]:
        """Codes drawn from the prior, a standard normal distribution."""
        return torch.randn(count, self.config.latent, generator=generator)

    def fit_density(self, codes: Float[Tensor, "N Z"]) -> Mixture:
        """A density fitted to codes."""
        return fit_gaussians(codes, seed=self.seed)

    @classmethod
    def check_extras(cls) -> None:
        """Refuse to begin a run whose pictures need an extra that is not installed."""
        if cls.encodes:
            scikit_learn_mixture()

    # Codes --------------------------------------------------------------------------------------

    def draw(
        self, count: int, density: DensityName = "prior", seed: int | None = None
    ) -> Float[Tensor, "B Z"]:
        """Codes from the ``prior``, or from a mixture ``fitted`` to the training codes."""
        if density not in get_args(DensityName):
            raise UserError(f"density must be prior or fitted, got {density!r}")
        if count < 1:
            raise UserError(f"count must be at least 1, got {count}")
        generator = torch.Generator()
        generator.manual_seed(int(torch.randint(2**62, ())) if seed is None else seed)
        return (self.prior if density == "prior" else self.fitted().sample)(count, generator)

    def fitted(self) -> Mixture:
        """The density of the training codes, fitted once for the present weights."""
        if self.density is None:
            codes = self.codes_for_density()
            if len(codes) < 2:
                raise UserError(f"a density is fitted to codes of {self.of}; load with a data set")
            self.density = self.fit_density(codes)
        return self.density

    # Training -----------------------------------------------------------------------------------

    def fit(self: Model, seconds: int | float | None = None, samples: int | None = None) -> Model:
        """Train for so many seconds or samples; for 180 s if neither is given."""
        budget = None if seconds is None else float(seconds)
        config = TrainerConfig(samples=samples, seconds=budget, evaluate_every_seconds=None)
        seed_everything(self.seed)
        self.density = None
        train(self, self.batches(), config, NoLog())
        return self

    @property
    def headline(self) -> str:
        """Tag of the metric that is shown while training."""
        return self.own_headline

    # Saving and loading -----------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write the averaged weights and what is needed to build the model again to one file."""
        weights = {name: dict(one.average.state_dict()) for name, one in self.networks.items()}
        density = None if self.density is None else self.density.state_dict()
        checkpoint.save(
            Path(path),
            {self.saved_as: self.description(), "weights": weights, "density": density},
        )

    @classmethod
    def load(cls, path: str | Path, device: str = "auto", dataset: Any = None) -> Any:
        """The model in a saved file or in a run folder's newest checkpoint.

        ``dataset`` has data to train or evaluate it further on; there are none without it.
        """
        state = learner_state(Path(path))
        if cls.saved_as not in state:
            raise UserError(f"{path} is a checkpoint, but not one that a model of {cls.of} wrote")
        with reading(path, f"a model of {cls.of}"):
            return cls._built(state, path, device, dataset)

    @classmethod
    def _built(cls, state: State, path: str | Path, device: str, dataset: Any) -> Any:
        """The model whose description and weights are in ``state``."""
        about = state[cls.saved_as]
        config = read(model_config(about["model"]), about["config"], path)
        if not issubclass(config.model(), cls):
            raise UserError(f"{path} holds a model {about['model']!r}, not {cls.settings.name!r}")
        model = config.model().from_description(about, config, device, dataset)
        if "weights" not in state:
            model.load_state_dict(state)
            return model
        for name, network in model.networks.items():
            network.load_weights(state["weights"][name], str(path))
        if state["density"] is not None:
            model.density = Mixture(**state["density"])
        return model

    def state_dict(self) -> State:
        """All networks with their optimisers, and the monitor."""
        monitor = {} if self.monitor is None else {"monitor": self.monitor.state_dict()}
        return {
            self.saved_as: self.description(),
            "networks": {name: network.state_dict() for name, network in self.networks.items()},
            **monitor,
        }

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``, which must be of the same model and architecture."""
        found = state.get(self.saved_as, {"model": f"no model of {self.of}"})["model"]
        if found != self.config.name:
            raise UserError(f"the checkpoint is of {found}, not of {self.config.name}")
        networks = state.get("networks") or state["players"]  # the name before 0.2
        for name, network in self.networks.items():
            network.load_state_dict(networks[name])
        if self.monitor is not None:
            self.monitor.load_state_dict(state.get("monitor") or state["watch"])
        self.density = None

    def compile(self) -> None:
        """Compile the networks."""
        for network in self.networks.values():
            network.compile()

    # Helpers ----------------------------------------------------------------------------------

    def add_network(
        self, name: str, network: nn.Module, lr: float | None = None
    ) -> AveragedNetwork:
        """Register a network under ``name``, to be trained at ``lr`` or the settings' own rate."""
        config = self.config
        self.networks[name] = AveragedNetwork(
            self.fabric,
            network,
            config.lr if lr is None else lr,
            (config.beta1, config.beta2),
            config.average_decay,
            config.lr_warm_up,
        )
        return self.networks[name]

    def told(self) -> State:
        """The part of the description that all models have."""
        return {"model": self.config.name, "config": asdict(self.config)}
