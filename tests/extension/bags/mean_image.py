"""A generative model of one picture: a linear decoder that learns the mean image and its spread."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from hringur.generative.batches import Batch
from hringur.generative.model import ImageModel
from hringur.generative.settings import ImageModelConfig
from hringur.types import Metrics


@dataclass(frozen=True, kw_only=True)
class MeanImageConfig(ImageModelConfig):
    """Mean image with linear deviations."""

    name: ClassVar[str] = "mean-image"


class Linear(nn.Module):
    """From a code to the logits of pixels."""

    def __init__(self, latent: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = tuple(shape)
        self.layer = nn.Linear(latent, int(torch.tensor(shape).prod()))

    def forward(self, code: Tensor) -> Tensor:
        return self.layer(code).unflatten(1, self.shape)


class MeanImage(ImageModel):
    """Trained on the squared error to images that its codes know nothing of."""

    settings = MeanImageConfig
    config: MeanImageConfig
    own_headline = "evaluation/pixel_sliced_wasserstein"
    encodes = False

    def build_networks(self) -> None:
        self.decoder = self.add_network("decoder", Linear(self.config.latent, self.shape))

    def update(self, batch: Batch, progress: float) -> Metrics:
        code = torch.randn(len(batch), self.config.latent, device=batch.image.device)
        loss = (self.decoder.network(code).sigmoid() - batch.image).square().mean()
        norm = self.decoder.step(loss, self.config.lr_factor(progress))
        return {"train/loss": loss.item(), "model/grad_norm": norm}

    def encode(self, image: Any) -> Tensor:
        raise NotImplementedError("there is no encoder")

    def logits(self, latent: Tensor) -> Tensor:
        return self.decoder.average(latent)
