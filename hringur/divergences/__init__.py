"""Distances between samples, each on plain batches of vectors.

Models match their codes to a prior by them, and evaluations compare made images with real ones.
"""

from hringur.faces import lazy

_FEATURES, _TRANSPORT = "hringur.divergences.features", "hringur.divergences.transport"

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "Kernels": "hringur.divergences.kernels",
        "Neighbourhoods": _FEATURES,
        "exact_transport": _FEATURES,
        "frechet_distance": _FEATURES,
        "kernel_distance": _FEATURES,
        "mmd": "hringur.divergences.kernels",
        "mmd_to_normal": "hringur.divergences.kernels",
        "neighbourhoods": _FEATURES,
        "sinkhorn_divergence": _TRANSPORT,
        "sliced_distance": _TRANSPORT,
        "sliced_wasserstein": _TRANSPORT,
        "transport_plan": _TRANSPORT,
    },
)
