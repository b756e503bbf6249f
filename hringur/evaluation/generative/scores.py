"""A model of images, measured: every figure of its samples and codes beside its references.

    evaluator = ImageEvaluator(load_images("mnist"))
    report = score_model(VAE.load("vae.safetensors"), evaluator)
    print(report.markdown())

The references are the model before its first update, the training images and their two halves
(``hringur/evaluators/images.py``).
"""

import torch

from hringur.divergences.features import check_pot, reconstruction_error
from hringur.evaluation.generative.report import GenerativeReport
from hringur.evaluators.images import WHILE_TRAINING, ImageEvaluator, latent_mismatch
from hringur.generative.model import ImageModel
from hringur.training.random_state import undisturbed
from hringur.types import Metrics


def check_extras(model: type[ImageModel]) -> None:
    """Refuse to begin where the figures of a model need an extra that is not installed.

    Raises:
        MissingExtra: scikit-learn or POT is missing.
    """
    model.check_extras()
    if model.encodes:
        check_pot()


def score_model(model: ImageModel, evaluator: ImageEvaluator, seed: int = 0) -> GenerativeReport:
    """The model's samples, those of a density fitted to its codes, and the references."""
    rows = {"samples": _all_scores(model, evaluator, seed)}
    if model.encodes:
        made = model.sample(evaluator.count, density="fitted", seed=seed)
        rows["samples, density fitted to the codes"] = evaluator.measure(made)
    rows["untrained model"] = _all_scores(model.untrained(), evaluator, seed)
    rows["training images"] = evaluator.training_images
    rows["the data's halves"] = evaluator.halves | prior_scores(model, evaluator)
    return GenerativeReport(evaluator.images.name, evaluator.count, rows)


def _all_scores(model: ImageModel, evaluator: ImageEvaluator, seed: int) -> Metrics:
    """What only this model has, such as a bound, then what all have."""
    with undisturbed():
        torch.manual_seed(seed)
        own = model.own_measures()
    return own | sample_scores(model, evaluator, seed) | code_scores(model, evaluator)


def sample_scores(model: ImageModel, evaluator: ImageEvaluator, seed: int = 0) -> Metrics:
    """Samples from the prior compared with held-out images."""
    return evaluator.measure(model.sample(evaluator.count, seed=seed))


@torch.no_grad()
def code_scores(model: ImageModel, evaluator: ImageEvaluator) -> Metrics:
    """Held-out images through their codes and back, and codes beside the prior; {} for a GAN."""
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
    """Codes of the prior beside others of it: the floor of the mismatch; {} for a GAN."""
    if not model.encodes:
        return {}
    count = min(WHILE_TRAINING, evaluator.count)
    first, second = (model.prior(count, torch.Generator().manual_seed(k)).cpu() for k in (1, 0))
    return latent_mismatch(first, second)
