"""Gradient estimators: from samples and their costs to the gradient of the expected cost.

from hringur.estimators import bernoullis, make_estimator
make_estimator("disarm", (5,)).surrogate(f, bernoullis(logits), samples=4).backward()
"""

from hringur.faces import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "baselines": "BatchMean GreedyRollout LeaveOneOut MovingAverage NoBaseline",
        "bernoulli": "ARM DisARM",
        "catalogue": "ESTIMATORS make_estimator",
        "distributions": "LocationScale bernoullis categoricals gaussians",
        "interface": "Estimator Promises",
        "pathwise": "GumbelSoftmax Pathwise StraightThrough",
        "rebar": "Rebar Relax",
        "returns": "discounted_returns generalised_advantages",
        "score_functions": "ScoreFunction Vimco score_function",
    },
)
