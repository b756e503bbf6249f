"""Autoencoders of sequences: a code of noise or of a channel, and a decoder that writes tokens.

Of the two objectives that all have, ``vae`` is minus the evidence lower bound. The other,
``deterministic``, has no random encoder (Ghosh et al. 2020): codes are normed to length sqrt(Z) and
pass through a channel whose noise is drawn anew for each string, log-uniform between two strengths
s,

    L(x) = E_{s, epsilon}[-log p(x | (z + s * epsilon) / (1 + s^2))],    z = encode(x),

so that the decoder sees the best linear estimate of z, and its length tells the strength. Without
noise it reconstructs. For new strings a density is fitted to the codes, and its draws pass through
the channel at ``sample_noise``: the stronger it is, the closer the noised codes are to noised draws
of the density, and the more the decoder relies on the tokens before instead of on the code.
"""

import math
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hringur.generative.models.vae import kl_from_standard_normal
from hringur.generative.sequences.batches import Sequences
from hringur.generative.sequences.derivations import Derivations
from hringur.generative.sequences.model import SequenceModel
from hringur.generative.sequences.networks import (
    SequenceAutoencoder,
    SequenceEncoder,
    SequenceSizes,
    shifted,
)
from hringur.types import Metrics

CLIP_NORM = 5.0


class StringAutoencoder(SequenceModel):
    """Trained on the negative log-likelihood of strings, given their noised codes."""

    encoder: ClassVar[type[nn.Module]] = SequenceEncoder

    def build_networks(self) -> None:
        """Encoder and decoder."""
        self.domain.check()
        self.derivations(1)  # refuses a mask that does not fit
        config = self.config
        sizes = SequenceSizes(
            len(self.grammar.rules),
            self.longest,
            config.latent,
            config.hidden,
            config.encoder_hidden,
            config.plan,
            config.embedding,
            self.styles_told,
        )
        network = SequenceAutoencoder(sizes, config.objective == "vae", self.encoder)
        self.autoencoder = self.add_network("autoencoder", network)

    @property
    def styles_told(self) -> int:
        """Styles of which the decoder is told one."""
        return 0

    # Training ---------------------------------------------------------------------------------

    def loss(self, batch: Sequences) -> tuple[Float[Tensor, ""], Metrics]:
        """Negative log-likelihood of a string [nats], with what else the objective asks."""
        config, network, tokens = self.config, self.autoencoder.network, batch.tokens
        code, scale = network.encode(hidden(tokens, config.input_dropout))
        latent, rate = self.through_noise(code, scale)
        before = hidden(shifted(tokens), config.token_dropout)
        distortion = network.cost(self.with_style(latent, batch), before, tokens).mean()
        more, metrics = self.against(code, batch)
        metrics |= {"model/distortion_nats": distortion.item(), "model/rate_nats": rate.item()}
        return distortion + config.beta * rate + more, metrics

    def through_noise(
        self, code: Float[Tensor, "B Z"], scale: Float[Tensor, "B Z"] | None
    ) -> tuple[Float[Tensor, "B Z"], Float[Tensor, ""]]:
        """What the decoder sees of codes while it learns, and the rate [nats]."""
        config, noise = self.config, torch.randn_like(code)
        if scale is not None:
            return code + scale * noise, kl_from_standard_normal(code, scale).mean()
        low, high = math.log(config.least_noise), math.log(config.most_noise)
        strength = torch.exp(low + (high - low) * torch.rand(len(code), 1, device=code.device))
        return channel(code, strength, noise), code.new_zeros(())

    def with_style(self, latent: Float[Tensor, "B Z"], batch: Sequences) -> Float[Tensor, "B Y"]:
        """Codes with what the decoder is told beside them."""
        return latent

    def against(
        self, code: Float[Tensor, "B Z"], batch: Sequences
    ) -> tuple[Float[Tensor, ""], Metrics]:
        """What adversaries of the codes ask of the encoder, after a step of each."""
        return code.new_zeros(()), Metrics()

    def update(self, batch: Sequences, progress: float) -> Metrics:
        """Make one gradient step of each network."""
        self.factor = self.config.lr_factor(progress)
        loss, metrics = self.loss(batch)
        norm = self.autoencoder.step(loss, self.factor, CLIP_NORM)
        return metrics | {"train/loss": loss.item(), "model/grad_norm": norm}

    # Reading and writing ----------------------------------------------------------------------

    def codes(self, tokens: Sequences) -> Float[Tensor, "B Z"]:
        """The code of each sequence, the mean where codes are random."""
        return self.with_style(self.autoencoder.average.encode(tokens.tokens)[0], tokens)

    def noised(
        self, latent: Float[Tensor, "B Z"], generator: torch.Generator
    ) -> Float[Tensor, "B Z"]:
        """Codes after the channel; those of other objectives have their noise already."""
        if self.config.objective != "deterministic":
            return latent
        noise = torch.randn(latent.shape, generator=generator)
        return channel(latent, torch.tensor(self.config.sample_noise), noise.to(latent.device))

    def write(
        self,
        latent: Float[Tensor, "B Z"],
        derivations: Derivations,
        temperature: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Sequences:
        """Sequences by the averaged decoder; at temperature 0 the likeliest token each time."""
        decoder = self.autoencoder.average.decoder
        state, plan = decoder.start(latent, self.longest)
        before = torch.full((len(latent), 1), -1, device=latent.device)
        written = []
        for place in range(self.longest):
            logits, state = decoder.advance(before, plan[:, place : place + 1], state)
            logits = logits[:, 0].masked_fill(~derivations.allowed(), -math.inf)
            if temperature:
                chances = (logits / temperature).softmax(dim=1).cpu()
                token = torch.multinomial(chances, 1, generator=generator)[:, 0].to(latent.device)
            else:
                token = logits.argmax(dim=1)
            written.append(torch.where(derivations.done, -1, token))
            derivations.apply(token)
            before = token[:, None]
            if bool(derivations.done.all()):
                break
        return Sequences(torch.stack(written, dim=1))


def channel(
    code: Float[Tensor, "B Z"], strength: Float[Tensor, "*#B"], noise: Float[Tensor, "B Z"]
) -> Float[Tensor, "B Z"]:
    """The best linear estimate of a code of variance 1 from (code + strength * noise)."""
    return (code + strength * noise) / (1 + strength.square())


def hidden(tokens: Int[Tensor, "B T"], share: float) -> Int[Tensor, "B T"]:
    """Tokens of which a share is absent."""
    if not share:
        return tokens
    return torch.where(torch.rand(tokens.shape, device=tokens.device) < share, -1, tokens)
