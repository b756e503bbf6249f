"""A package outside Hringur: each part is one file and one registration."""

import gymnasium

gymnasium.register("Bag-v0", "bags.bag:Bag")  # single only
gymnasium.register("ClusterTSP-v0", "bags.clusters:cluster_tsp")
