"""Generative models of images: each in its own file, its loss readable as the equation.

from hringur.generative import VAE, VAEConfig
VAE(images, VAEConfig(latent=2)).fit(seconds=60).sample(16)
"""

from hringur.faces import lazy

_MODELS = "hringur.generative.models."
_CLASSES = {
    "AdversarialAutoencoder": "adversarial_autoencoder",
    "DiscreteAutoencoder": "discrete_autoencoder",
    "GAN": "gan",
    "TransportAutoencoder": "transport_autoencoder",
    "VAE": "vae",
    "WAEMMD": "wae_mmd",
    "WGANGP": "wgan_gp",
}

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "ImageModel": "hringur.generative.model",
        **{name: _MODELS + file for name, file in _CLASSES.items()},
        **{f"{name}Config": _MODELS + file for name, file in _CLASSES.items()},
    },
)
