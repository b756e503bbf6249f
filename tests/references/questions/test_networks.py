"""Shortest networks against networkx, and against every tree."""

from itertools import combinations

import networkx as nx
import numpy as np
import pytest

from hringur.references.questions.networks import spanning_tree_length, steiner_tree_length


def distances(batch, n, seed=0):
    points = np.random.default_rng(seed).random((batch, n, 2))
    return np.linalg.norm(points[:, :, None] - points[:, None], axis=-1)


def graph(table):
    edges = nx.Graph()
    edges.add_nodes_from(range(len(table)))
    for i, j in combinations(range(len(table)), 2):
        edges.add_edge(i, j, weight=table[i, j])
    return edges


@pytest.mark.parametrize("n", [1, 2, 7, 12])
def test_spanning_trees_are_those_of_networkx(n):
    table = distances(20, n)
    found = spanning_tree_length(table, np.ones((20, n), dtype=bool))
    expected = [nx.minimum_spanning_tree(graph(one)).size(weight="weight") for one in table]
    np.testing.assert_allclose(found, expected)


def test_only_included_places_are_joined():
    table = distances(10, 6)
    included = np.tile([False, True, True, False, True, True], (10, 1))
    kept = [1, 2, 4, 5]
    expected = spanning_tree_length(table[:, kept][:, :, kept], np.ones((10, 4), dtype=bool))
    np.testing.assert_allclose(spanning_tree_length(table, included), expected)


def test_steiner_trees_are_the_best_of_all_trees():
    """Every set of connections that joins the terminals, tried one after the other."""
    pairs = list(combinations(range(5), 2))
    for table in distances(6, 5, seed=1):
        best = np.inf
        for count in range(2, 5):
            for chosen in combinations(pairs, count):
                edges = nx.Graph(chosen)
                edges.add_nodes_from(range(5))
                if all(nx.has_path(edges, 0, k) for k in (1, 2)):
                    best = min(best, sum(table[pair] for pair in chosen))
        assert steiner_tree_length(table[None], 3)[0] == pytest.approx(best)


def test_a_steiner_point_helps_where_it_lies_between():
    corners = np.array([[0, 0], [2, 0], [1, 1.7], [1, 0.6]])
    table = np.linalg.norm(corners[:, None] - corners, axis=-1)[None]
    assert steiner_tree_length(table, 3)[0] < spanning_tree_length(
        table[:, :3, :3], np.ones((1, 3), dtype=bool)
    )
