"""Makes reference.json, the values that tests/reference.rs compares with.

    pip install numpy==2.4.6 scipy==1.17.1 pymoo==0.6.2
    python make_reference.py
"""

import itertools
import json
from pathlib import Path

import numpy as np
import pymoo
import scipy
from pymoo.indicators.hv import HV
from pymoo.operators.survival.rank_and_crowding.metrics import calc_crowding_distance
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting
from scipy.stats import kendalltau, spearmanr

random = np.random.default_rng(20190806)


def spread(points, dimension):
    """Random points near the unit sphere, so that many of them are non-dominated."""
    directions = np.abs(random.normal(size=(points, dimension)))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    radii = random.uniform(0.9, 1.1, size=(points, 1))
    return np.round(1.1 - directions * radii, 4)


def hypervolume(points, dimension):
    front = spread(points, dimension)
    reference = np.full(dimension, 1.0)
    return {
        "points": front.tolist(),
        "reference": reference.tolist(),
        "hypervolume": float(HV(ref_point=reference)(front)),
    }


def whole_hypervolume(points, dimension, side):
    """Whole coordinates: the dominated unit cells are counted one by one."""
    front = random.integers(0, side, size=(points, dimension))
    dominated = sum(
        bool(np.any(np.all(front <= np.array(cell), axis=1)))
        for cell in itertools.product(range(side), repeat=dimension)
    )
    return {
        "points": front.astype(float).tolist(),
        "reference": [float(side)] * dimension,
        "hypervolume": float(dominated),
    }


def sorting(points, dimension):
    """Different values in every objective: with ties, extremes and neighbours are ambiguous."""
    values = [random.permutation(points) / 4.0 for _ in range(dimension)]
    values = np.stack(values, axis=1)
    # A common trend makes several fronts.
    values += np.arange(points)[:, None] * 2.0
    fronts = NonDominatedSorting().do(values)
    crowding = np.zeros(points)
    for front in fronts:
        if len(front) > 2:
            # pymoo divides by the number of objectives.
            crowding[front] = calc_crowding_distance(values[front]) * dimension
        else:
            crowding[front] = np.inf
    return {
        "points": values.tolist(),
        "fronts": [sorted(map(int, front)) for front in fronts],
        "crowding": [None if np.isinf(value) else float(value) for value in crowding],
    }


def correlation(items, levels):
    x = np.round(random.normal(size=items) * levels)
    y = np.round(x * 0.5 + random.normal(size=items) * levels)
    return {
        "x": x.tolist(),
        "y": y.tolist(),
        "kendall_tau": float(kendalltau(x, y, variant="b").statistic),
        "spearman_rho": float(spearmanr(x, y).statistic),
    }


def main():
    reference = {
        "versions": {
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "pymoo": pymoo.__version__,
        },
        "hypervolume": [
            hypervolume(points, dimension)
            for points, dimension in [(1, 2), (40, 2), (80, 3), (60, 4), (40, 5), (25, 6)]
        ],
        "whole_hypervolume": [
            whole_hypervolume(points, dimension, side)
            for points, dimension, side in [(20, 2, 40), (30, 3, 20), (30, 4, 10), (20, 5, 6)]
        ],
        "sorting": [sorting(60, dimension) for dimension in (2, 3, 4)],
        "correlation": [
            correlation(items, levels)
            for items, levels in [(2, 1000), (13, 1000), (20, 2), (100, 3), (300, 1), (300, 1e6)]
        ],
    }
    path = Path(__file__).with_name("reference.json")
    path.write_text(json.dumps(reference, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
