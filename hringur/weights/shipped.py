"""Where the weights that ship with the package lie."""

from pathlib import Path

ATTENTION_MODEL = Path(__file__).with_name("attention-model.safetensors")
"""Trained on tours of 5 to 94 places of Iceland and 105 points; ``hringur tour`` plans with it."""

DIGIT_CLASSIFIER = Path(__file__).with_name("digit-classifier.safetensors")
"""Trained on MNIST by scripts/train_classifier.py; its features measure images."""

FACES = Path(__file__).with_name("faces.safetensors")
"""An attribute-autoencoder of drawn faces, 32 x 32; ``hringur mix`` and ``hringur edit`` use it."""

DIGITS = Path(__file__).with_name("digits.safetensors")
"""A wae-mmd of MNIST whose codes have eight numbers; the page to play with uses it."""

MODELS = {"attention-model": ATTENTION_MODEL, "faces": FACES}
"""Shipped agents and models, by the name under which ``hringur.load`` opens them."""
