"""Exact solver and classic heuristics for tours."""

from hringur.faces import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "exact": "ExactTour optimal_tour",
        "heuristics": "christofides farthest_insertion nearest_neighbour two_opt",
        "subtour_cuts": "lower_bounds",
    },
)
