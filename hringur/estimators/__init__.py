"""Gradients of expectations over discrete choices, behind one interface.

from hringur.estimators import bernoullis, make_estimator
"""

from hringur.faces import lazy

_DISTRIBUTIONS = "hringur.estimators.distributions"

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "Estimator": "hringur.estimators.interface",
        "bernoullis": _DISTRIBUTIONS,
        "categoricals": _DISTRIBUTIONS,
        "discounted_returns": "hringur.estimators.returns",
        "gaussians": _DISTRIBUTIONS,
        "generalised_advantages": "hringur.estimators.returns",
        "make_estimator": "hringur.estimators.catalogue",
    },
)
