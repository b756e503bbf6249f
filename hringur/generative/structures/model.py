"""A model that infers a structure: one network, trained on its evidence lower bound."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from jaxtyping import Float
from lightning_fabric import Fabric
from matplotlib.figure import Figure
from torch import Tensor, nn

from hringur.generative.pictures import write_figures
from hringur.generative.structures.settings import StructureConfig
from hringur.training.averaged import AveragedNetwork
from hringur.training.log import NoLog
from hringur.training.random_state import seed_everything
from hringur.training.trainer import TrainerConfig, make_fabric, train
from hringur.types import Batches, Metrics, State

Model = TypeVar("Model", bound="StructureModel")


class StructureModel(ABC):
    """Infers what is known by construction; larger values of its headline are better."""

    settings: ClassVar[type[StructureConfig]]
    of: ClassVar[str]
    headline: ClassVar[str]
    network_name: ClassVar[str]
    """key of the network in checkpoints"""

    evaluation: ClassVar[str] = "hringur.commands.evaluate.structures:main"
    larger_is_better: ClassVar[frozenset[str]]

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.settings.model_class = cls
        cls.larger_is_better = frozenset({cls.headline})

    def __init__(self, config: Any, seed: int, device: str, fabric: Fabric | None) -> None:
        """``device`` (auto, cpu or cuda) counts where no ``fabric`` is given."""
        self.config: Any = config or self.settings()  # type: ignore[call-arg]
        self.fabric = fabric or make_fabric(TrainerConfig(device=device))  # type: ignore[arg-type]
        self.seed = seed

    def add_network(self, network: nn.Module) -> None:
        """The network to train."""
        betas, decay = (0.9, 0.999), self.config.average_decay
        self.network = AveragedNetwork(self.fabric, network, self.config.lr, betas, decay)
        self.networks = {self.network_name: self.network}

    # What a model states itself ---------------------------------------------------------------

    @property
    @abstractmethod
    def dataset(self) -> str:
        """Name of the data set."""

    @abstractmethod
    def batches(self) -> Batches:
        """Endless batches of the training data."""

    @abstractmethod
    def bound(self, batch: Any, temperature: float) -> tuple[Float[Tensor, ""], Metrics]:
        """Minus the evidence lower bound of a batch, the error divided by ``temperature``."""

    @abstractmethod
    def supervised_loss(self, batch: Any) -> Float[Tensor, ""]:
        """The loss against the true structures."""

    @abstractmethod
    def evaluate(self) -> Metrics:
        """Scalars on held-out data."""

    @abstractmethod
    def figures(self) -> dict[str, Figure]:
        """Pictures by tag."""

    # What all share ---------------------------------------------------------------------------

    def update(self, batch: Any, progress: float) -> Metrics:
        """Make one gradient step."""
        if self.config.supervised:
            loss, metrics = self.supervised_loss(batch), Metrics()
        else:
            loss, metrics = self.bound(batch, self.config.temperature(progress))
        norm = self.network.step(loss, self.config.lr_factor(progress), self.config.clip_norm)
        return metrics | {"train/loss": loss.item(), "model/grad_norm": norm}

    def fit(self: Model, seconds: int | float | None = None, samples: int | None = None) -> Model:
        """Train for so many seconds or samples; for 180 s if neither is given."""
        budget = None if seconds is None else float(seconds)
        config = TrainerConfig(samples=samples, seconds=budget, evaluate_every_seconds=None)
        seed_everything(self.seed)
        train(self, self.batches(), config, NoLog())
        return self

    def write_pictures(self, folder: Path) -> list[Path]:
        """The pictures as PNG; returns their paths."""
        return write_figures(self.figures(), folder)

    @classmethod  # noqa: B027  a model may need some
    def check_extras(cls) -> None:
        """Do nothing: no extra is needed."""

    def compile(self) -> None:
        """Compile the network."""
        self.network.compile()

    def state_dict(self) -> State:
        """The network, its average and its optimiser."""
        return {self.network_name: self.network.state_dict()}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``, which must be of the same architecture."""
        self.network.load_state_dict(state[self.network_name])
