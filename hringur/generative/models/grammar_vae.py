"""Grammar autoencoder of strings (Kusner et al. 2017), variational or with noise of many strengths.

A string is the rules of its derivation, and the decoder chooses among rules that may follow. Of the
two objectives, ``vae`` is minus the evidence lower bound. The other, ``deterministic``, has no
random encoder (Ghosh et al. 2020): codes are normed to length sqrt(Z) and pass through a channel
whose noise is drawn anew for each string, log-uniform between two strengths s,

    L(x) = E_{s, epsilon}[-log p(x | (z + s * epsilon) / (1 + s^2))],    z = encode(x),

so that the decoder sees the best linear estimate of z, and its length tells the strength. Without
noise it reconstructs. For new strings a density is fitted to the codes, and its draws pass through
the channel at ``sample_noise``: the stronger it is, the closer the noised codes are to noised draws
of the density, and the more the decoder relies on the rules before instead of on the code.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hringur.checks import check_choice, check_not_negative, check_positive, check_share
from hringur.generative.models.vae import kl_from_standard_normal
from hringur.generative.sequences.batches import Sequences
from hringur.generative.sequences.derivations import Derivations
from hringur.generative.sequences.model import Mask, SequenceModel
from hringur.generative.sequences.networks import SequenceAutoencoder, SequenceSizes, shifted
from hringur.generative.settings import ModelConfig
from hringur.types import Metrics, UserError

CLIP_NORM = 5.0


@dataclass(frozen=True, kw_only=True)
class GrammarVAEConfig(ModelConfig):
    """Grammar autoencoder of molecules or expressions."""

    name: ClassVar[str] = "grammar-vae"
    usual_dataset: ClassVar[str] = "molecules"
    usual_samples: ClassVar[int] = 600_000

    tokens: Literal["rules", "characters"] = "rules"
    """what strings are written in: rules of their grammar, or characters, in any order"""

    mask: Mask = "grammar"
    """what may follow: what the grammar allows; with valence only what ends in a molecule"""

    objective: Literal["deterministic", "vae"] = "deterministic"
    """deterministic: codes without noise of their own, a density is fitted to them; vae: evidence
    lower bound"""

    latent: int = 128
    """numbers in a code"""

    hidden: int = 128
    """units of the decoder's recurrence"""

    encoder_hidden: int = 384
    """units of the encoder's layers"""

    plan: int = 64
    """numbers that the code says of each place"""

    embedding: int = 32
    """numbers of a token"""

    lr: float = 2e-3
    lr_warm_up: int = 200
    beta1: float = 0.9
    beta2: float = 0.99
    average_decay: float = 0.99

    least_noise: float = 0.1
    """weakest noise on a code, its numbers having variance 1 (deterministic)"""

    most_noise: float = 5.0
    """strongest noise on a code (deterministic)"""

    sample_noise: float = 4.0
    """noise on codes that are drawn from a density (deterministic)"""

    beta: float = 1.0
    """weight of the rate (vae)"""

    token_dropout: float = 0.0
    """share of tokens before that are hidden from the decoder (Bowman et al. 2016)"""

    input_dropout: float = 0.0
    """share of tokens that are hidden from the encoder: denoising (Shen et al. 2020)"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "hidden", "encoder_hidden", "plan", "embedding")
        check_positive(self, "least_noise", "most_noise")
        check_not_negative(self, "sample_noise", "beta")
        check_share(self, "token_dropout", "input_dropout")
        check_choice(self, "tokens", ("rules", "characters"))
        check_choice(self, "mask", get_args(Mask))
        check_choice(self, "objective", ("deterministic", "vae"))
        if self.least_noise > self.most_noise:
            raise UserError(
                f"least_noise must be at most most_noise, {self.most_noise}, got {self.least_noise}"
            )


class GrammarVAE(SequenceModel):
    """Trained on the negative log-likelihood of strings, given their noised codes."""

    settings = GrammarVAEConfig
    config: GrammarVAEConfig

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
        )
        network = SequenceAutoencoder(sizes, config.objective == "vae")
        self.autoencoder = self.add_network("autoencoder", network)

    def loss(self, batch: Sequences) -> tuple[Float[Tensor, ""], Metrics]:
        """Negative log-likelihood of a string [nats], for ``vae`` with the rate."""
        config, network, tokens = self.config, self.autoencoder.network, batch.tokens
        code, scale = network.encode(hidden(tokens, config.input_dropout))
        rate = torch.zeros(())
        if scale is None:
            low, high = math.log(config.least_noise), math.log(config.most_noise)
            strength = torch.exp(low + (high - low) * torch.rand(len(code), 1, device=code.device))
            latent = channel(code, strength, torch.randn_like(code))
        else:
            latent = code + scale * torch.randn_like(code)
            rate = kl_from_standard_normal(code, scale).mean()
        before = hidden(shifted(tokens), config.token_dropout)
        distortion = network.cost(latent, before, tokens).mean()
        metrics = {"model/distortion_nats": distortion.item(), "model/rate_nats": rate.item()}
        return distortion + config.beta * rate, metrics

    def update(self, batch: Sequences, progress: float) -> Metrics:
        """Make one gradient step."""
        loss, metrics = self.loss(batch)
        norm = self.autoencoder.step(loss, self.config.lr_factor(progress), CLIP_NORM)
        return metrics | {"train/loss": loss.item(), "model/grad_norm": norm}

    def codes(self, tokens: Sequences) -> Float[Tensor, "B Z"]:
        """The code of each sequence, the mean where codes are random."""
        return self.autoencoder.average.encode(tokens.tokens)[0]

    def noised(
        self, latent: Float[Tensor, "B Z"], generator: torch.Generator
    ) -> Float[Tensor, "B Z"]:
        """Codes after the channel; those of a VAE have their noise already."""
        if self.config.objective == "vae":
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
