"""Distances between samples, each on plain batches of vectors.

Models match their codes to a prior by them, and evaluations compare made images with real ones.
"""

from hringur.faces import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "features": "Neighbourhoods exact_transport frechet_distance kernel_distance"
        " neighbourhoods",
        "kernels": "Kernels mmd mmd_to_normal",
        "transport": "sinkhorn_divergence sliced_distance sliced_wasserstein transport_plan",
    },
)
