"""Generative models of images, strings and trajectories: each in its own file.

from hringur.generative import VAE, VAEConfig
VAE(images, VAEConfig(latent=2)).fit(seconds=60).sample(16)
"""

from hringur.faces import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "model": "ImageModel",
        "models.adversarial_autoencoder": "AdversarialAutoencoder AdversarialAutoencoderConfig",
        "models.attribute_autoencoder": "AttributeAutoencoder AttributeAutoencoderConfig",
        "models.discrete_autoencoder": "DiscreteAutoencoder DiscreteAutoencoderConfig",
        "models.gan": "GAN GANConfig",
        "models.grammar_vae": "GrammarVAE GrammarVAEConfig",
        "models.attend_infer_repeat": "AttendInferRepeat AttendInferRepeatConfig",
        "models.relational_inference": "RelationalInference RelationalInferenceConfig",
        "models.sequence_autoencoder": "SentenceAutoencoder SequenceAutoencoderConfig",
        "models.text_style": "TextStyle TextStyleConfig",
        "models.transport_autoencoder": "TransportAutoencoder TransportAutoencoderConfig",
        "models.vae": "VAE VAEConfig",
        "models.wae_mmd": "WAEMMD WAEMMDConfig",
        "models.wgan_gp": "WGANGP WGANGPConfig",
        "translation.model": "Translation TranslationConfig",
    },
)
