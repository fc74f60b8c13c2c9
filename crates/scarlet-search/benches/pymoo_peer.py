"""pymoo's NSGA-II on the problem of `examples/nsga2_runs.rs`, compared with what that found.

    pip install numpy==2.4.6 pymoo==0.6.2
    cargo run --release -p scarlet-search --example nsga2_runs > ours.json
    python pymoo_peer.py ours.json

Same problem, population, evaluations and operators: random start, binary tournament, single-point
crossover with probability 0.9, each gene mutated to another choice with probability 0.1. Prints
medians over the seeds: of the hypervolume, as a fraction of the box between the worst and the best
conceivable values, of what each returns (pymoo: its last population; ours: the front of all that
it evaluated), of the last population and of all evaluated; and of generations per second without
the evaluation. Their time is that of the median generation, pymoo's in processor time, so that
other programs on the machine do not count.
"""

import json
import sys
import time
from statistics import median

import numpy as np
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.mutation import Mutation
from pymoo.core.problem import Problem
from pymoo.core.sampling import Sampling
from pymoo.indicators.hv import HV
from pymoo.operators.crossover.pntx import SinglePointCrossover
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

POPULATION = 75
GENERATIONS = 120
CHOICES = 13


class Networks(Problem):
    """Accuracy and parameters up, multiply-adds down, from tables of whole numbers."""

    def __init__(self, tables):
        self.mult_adds, self.parameters, self.gain, self.harmony = (
            np.array(tables[name], dtype=np.int64)
            for name in ("mult_adds", "parameters", "gain", "harmony")
        )
        self.fixed, self.half = tables["fixed"], tables["half"]
        self.seconds = 0.0
        self.evaluated = []
        layers = len(self.gain)
        super().__init__(n_var=layers, n_obj=3, xl=0, xu=CHOICES - 1, vtype=int)

    def measure(self, genomes):
        layers = np.arange(self.n_var)
        quality = self.gain[layers, genomes].sum(axis=1)
        pairs = self.harmony[layers[:-1], genomes[:, :-1], genomes[:, 1:]]
        quality = quality + pairs.sum(axis=1)
        return np.stack(
            [
                quality / (quality + self.half),
                (self.fixed[0] + self.mult_adds[layers, genomes].sum(axis=1)).astype(float),
                (self.fixed[1] + self.parameters[layers, genomes].sum(axis=1)).astype(float),
            ],
            axis=1,
        )

    def _evaluate(self, genomes, out, *args, **kwargs):
        start = time.process_time()
        values = self.measure(genomes)
        out["F"] = values * [-1.0, 1.0, -1.0]
        self.evaluated.append(values)
        self.seconds = time.process_time() - start

    def hypervolume(self, values):
        """As a fraction: 0 at the worst conceivable values, 1 at the best."""
        least, most = (
            np.array(
                [
                    accuracy,
                    self.fixed[0] + extreme(self.mult_adds, axis=1).sum(),
                    self.fixed[1] + extreme(self.parameters, axis=1).sum(),
                ],
                dtype=float,
            )
            for accuracy, extreme in ((0.0, np.min), (1.0, np.max))
        )
        scaled = (values - least) / (most - least)
        scaled[:, [0, 2]] = 1.0 - scaled[:, [0, 2]]
        front = NonDominatedSorting().do(scaled, only_non_dominated_front=True)
        return float(HV(ref_point=np.ones(3))(scaled[front]))


class RandomChoices(Sampling):
    def _do(self, problem, n_samples, *args, random_state=None, **kwargs):
        return random_state.integers(0, CHOICES, size=(n_samples, problem.n_var))


class OtherChoices(Mutation):
    def _do(self, problem, genomes, *args, random_state=None, **kwargs):
        others = random_state.integers(0, CHOICES - 1, size=genomes.shape)
        others = others + (others >= genomes)
        return np.where(random_state.random(genomes.shape) < 0.1, others, genomes)


def run(tables, seed):
    problem = Networks(tables)
    algorithm = NSGA2(
        pop_size=POPULATION,
        sampling=RandomChoices(),
        crossover=SinglePointCrossover(prob=0.9),
        mutation=OtherChoices(),
        eliminate_duplicates=True,
    )
    algorithm.setup(problem, termination=("n_gen", GENERATIONS), seed=seed, verbose=False)
    seconds = []
    while algorithm.has_next():
        start = time.process_time()
        algorithm.next()
        seconds.append(time.process_time() - start - problem.seconds)
    population = problem.measure(algorithm.pop.get("X").astype(int))
    everything = np.concatenate(problem.evaluated)
    assert len(everything) == POPULATION * GENERATIONS
    return problem.hypervolume(population), problem.hypervolume(everything), 1.0 / median(seconds)


def main():
    with open(sys.argv[1]) as file:
        ours = json.load(file)
    problem = Networks(ours["tables"])
    # The multiply-adds and parameters published for SCARLET-C.
    scarlet_c = np.array([[7, 6, 7, 12, 12, 0, 11, 6, 6, 1, 8, 2, 6, 8, 6, 12, 9, 11, 10]])
    assert problem.measure(scarlet_c)[0, 1:].tolist() == [280_082_912, 6_073_684]

    ours_rows, pymoo_rows = [], []
    for result in ours["runs"]:
        assert result["evaluations"] == POPULATION * GENERATIONS
        last, front = (
            hypervolume_of(problem, members) for members in (result["population"], result["front"])
        )
        # No evaluated point outside of the front adds to its hypervolume.
        ours_rows.append((front, last, front, 1.0 / result["seconds_per_generation"]))
        last, everything, speed = run(ours["tables"], result["seed"])
        pymoo_rows.append((last, last, everything, speed))

    seeds = len(ours_rows)
    print(f"{f'median of {seeds} seeds':28}{'ours':>10}{'pymoo':>10}{'ours larger in':>18}")
    names = (
        "hypervolume returned",
        "hypervolume of population",
        "hypervolume of all evaluated",
        "generations per second",
    )
    for name, a, b in zip(names, zip(*ours_rows), zip(*pymoo_rows)):
        larger = sum(x > y for x, y in zip(a, b))
        print(f"{name:28}{median(a):10.5g}{median(b):10.5g}{f'{larger} of {seeds}':>18}")


def hypervolume_of(problem, members):
    """Of genomes with values, which must be those that the tables give."""
    genomes, values = (np.array(column) for column in zip(*members))
    assert np.array_equal(problem.measure(genomes), values), "the problems differ"
    return problem.hypervolume(values)


if __name__ == "__main__":
    main()
