"""Train every pipeline, scale and seed at once, and look at them on the way."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ibcore.memory.pipeline import Pipeline, group_pipelines
from ibcore.memory.problem import Examples, Problem
from ibcore.memory.result import MEASURES, SweepResult
from ibcore.memory.scaling import Layers, repeat_members, scale_weights
from ibcore.memory.watch import Watcher
from ibcore.nets.network import Network
from ibcore.population import Population, member_seed


def sweep(
    problem: Problem,
    architecture: Network,
    pipelines: Sequence[Pipeline],
    *,
    scales: Sequence[float],
    networks: int,
    steps: int,
    looks: Sequence[int] = (),
    layers: Layers = "all",
    seed: int = 0,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> SweepResult:
    r"""Train networks from initial weights :math:`\alpha w_0`, for every scale and pipeline.

    Weights :math:`w_0` are Gaussian with variance one over the fan-in, biases 0.  Network i has
    the same draw and the same order of minibatches at all scales and in all pipelines, so scale
    and pipeline are the only differences.  All pipelines with one optimizer and one batch size
    train as one population.

    Parameters
    ----------
    problem
        Data; cross-entropy is the loss.
    architecture
        Fixes the computation: inputs as in ``problem``, one output for each class.  Batch norm
        is evaluated with the statistics of the training set.
    pipelines
        At least one, with distinct names.
    scales
        The values of :math:`\alpha`, positive and increasing.
    networks
        How many draws.
    steps
        Of training.
    looks
        After which steps to look, 0 for before the first; the last step is always one of them.
    layers
        Which weights are scaled, as in `scale_weights`.
    seed
        Of the draws and the batches.
    device, dtype
        Where and in which precision to train.

    Raises
    ------
    ValueError
        If a number is out of range or the problem does not fit the architecture.
    FloatingPointError
        If training diverges.

    Examples
    --------
    >>> from ibcore.memory import Examples
    >>> from ibcore.nets import MLP
    >>> points = Examples(torch.eye(2), torch.tensor([0, 1]))
    >>> problem, net = Problem(points, points, points), MLP(2, 2, depth=1, width=4)
    >>> done = sweep(problem, net, [Pipeline("SGD", learning_rate=1.0, batch_size=2)],
    ...              scales=(1.0, 4.0), networks=3, steps=30, looks=(0, 10))
    >>> done.looks, done.values("test_accuracy", "SGD").tolist()
    ((0, 10, 30), [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    """
    alphas, moments = _scales(scales), _looks(looks, steps)
    drawn = Population.sample(
        architecture,
        networks=networks,
        prior="gaussian",
        scaling="fan_in",
        bias_scale=0.0,
        seed=seed,
        device=device,
        dtype=dtype,
    )
    data = problem.to(drawn.device, dtype)
    seeds = [member_seed(seed, network) for network in range(networks)]
    shape = (len(moments), len(pipelines), len(alphas), networks)
    measures = {name: np.full(shape, np.nan) for name in MEASURES}
    predictions = np.zeros((*shape, len(data.test.y)), dtype=np.int32)
    for group in group_pipelines(pipelines):
        factors = (
            torch.tensor(alphas, dtype=torch.float64).repeat_interleave(networks).repeat(len(group))
        )
        start = scale_weights(
            repeat_members(drawn, len(factors) // networks), factors, layers=layers
        )
        watcher = Watcher(data, start, moments)
        chosen = [pipelines[number] for number in group]
        _train(start, data.train, chosen, steps=steps, seeds=seeds, watcher=watcher)
        part = (len(moments), len(group), len(alphas), networks)
        for name, values in watcher.measures.items():
            measures[name][:, group] = values.reshape(part)  # (looks, m) -> part
        predictions[:, group] = watcher.predictions.reshape(*part, -1)
    return SweepResult(tuple(pipelines), alphas, moments, seed, measures, predictions)


def _scales(scales: Sequence[float]) -> tuple[float, ...]:
    alphas = tuple(map(float, scales))
    if not alphas or any(b <= a for a, b in pairwise((0.0, *alphas))):
        raise ValueError(f"scales must be positive and increasing, got {alphas}")
    return alphas


def _looks(looks: Sequence[int], steps: int) -> tuple[int, ...]:
    moments = tuple(sorted({*looks, steps}))
    if moments[0] < 0 or moments[-1] > steps:
        raise ValueError(f"looks must lie between 0 and the {steps} steps, got {tuple(looks)}")
    return moments


def _train(
    start: Population,
    train: Examples,
    pipelines: Sequence[Pipeline],
    *,
    steps: int,
    seeds: Sequence[int],
    watcher: Watcher,
) -> None:
    """Train pipelines of one optimizer and batch size; ``start`` holds them one after the other.

    Members with one draw share their order of batches: ``seeds`` holds one for each draw.
    """
    each = len(start) // len(pipelines)  # members of one pipeline, the draws innermost

    def rates(values: Iterable[float]) -> Tensor:
        return torch.tensor(list(values), dtype=torch.float64).repeat_interleave(each)

    start.train(
        *train,
        loss="cross_entropy",
        steps=steps,
        optimizer=pipelines[0].optimizer,
        learning_rate=rates(p.learning_rate for p in pipelines),
        weight_decay=rates(p.weight_decay for p in pipelines),
        momentum=rates(p.momentum for p in pipelines),
        batch_size=pipelines[0].batch_size,
        decay_steps=rates(_decay_steps(p, steps) for p in pipelines).long(),
        sam_radius=rates(p.sam_radius for p in pipelines),
        seed=[seeds[member % len(seeds)] for member in range(len(start))],
        looks=tuple(watcher.rows),
        on_look=watcher,
    )


def _decay_steps(pipeline: Pipeline, steps: int) -> int:
    return steps if pipeline.decay_steps is None else pipeline.decay_steps
