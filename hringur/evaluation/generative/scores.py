"""All figures of an image model's samples and codes, beside its references.

    report = score_model(VAE.load("vae.safetensors"), ImageEvaluator(load_images("mnist")))

The references are the model before its first update, the training images and their two halves.
"""

import torch

from hringur.divergences.features import python_optimal_transport, reconstruction_error
from hringur.evaluation.generative.report import GenerativeReport
from hringur.evaluators.images import WHILE_TRAINING, ImageEvaluator, latent_mismatch
from hringur.generative.model import ImageModel
from hringur.training.random_state import undisturbed
from hringur.types import Metrics


def check_extras(model: type[ImageModel]) -> None:
    """Raise ``MissingExtra`` where a model's figures need scikit-learn or POT."""
    model.check_extras()
    if model.encodes:
        python_optimal_transport()


def score_model(model: ImageModel, evaluator: ImageEvaluator, seed: int = 0) -> GenerativeReport:
    """Figures of the samples, of those of a fitted density, and of the references."""
    rows = {"samples": _all_scores(model, evaluator, seed)}
    if model.encodes:
        made = model.sample(evaluator.count, density="fitted", seed=seed)
        rows["samples, density fitted to the codes"] = evaluator.measure(made)
    rows["untrained model"] = _all_scores(model.untrained(), evaluator, seed)
    rows["training images"] = evaluator.training_images
    rows["the data's halves"] = evaluator.halves | prior_scores(model, evaluator)
    return GenerativeReport(evaluator.images.name, evaluator.count, rows)


def _all_scores(model: ImageModel, evaluator: ImageEvaluator, seed: int) -> Metrics:
    with undisturbed():
        torch.manual_seed(seed)
        own = model.own_measures()
    return own | sample_scores(model, evaluator, seed) | code_scores(model, evaluator)


def sample_scores(model: ImageModel, evaluator: ImageEvaluator, seed: int = 0) -> Metrics:
    """Figures of samples from the prior beside held-out images."""
    return evaluator.measure(model.sample(evaluator.count, seed=seed))


@torch.no_grad()
def code_scores(model: ImageModel, evaluator: ImageEvaluator) -> Metrics:
    """Reconstruction error of held-out images, and mismatch of codes and prior; {} for a GAN."""
    if not model.encodes:
        return {}
    with undisturbed():
        torch.manual_seed(0)
        few = evaluator.held_out[:WHILE_TRAINING]  # the kernels compare every pair
        code = model.draw_codes(few).cpu()
        prior = model.prior(len(code), torch.Generator().manual_seed(0)).cpu()
        rebuilt = model.reconstruct(evaluator.held_out).cpu()
    image = evaluator.held_out.float() / 255
    error = {"evaluation/reconstruction_error": reconstruction_error(image, rebuilt)}
    return error | latent_mismatch(code, prior)


def prior_scores(model: ImageModel, evaluator: ImageEvaluator) -> Metrics:
    """Mismatch of the prior with itself, the floor of that of codes; {} for a GAN."""
    if not model.encodes:
        return {}
    count = min(WHILE_TRAINING, evaluator.count)
    first, second = (model.prior(count, torch.Generator().manual_seed(k)).cpu() for k in (1, 0))
    return latent_mismatch(first, second)
