"""What the experiments on handwritten digits share: network, configuration, cell, table."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product

import pandas as pd
import torch

from ibcore.memory.pipeline import Pipeline, group_pipelines
from ibcore.memory.problem import Problem, digits_problem
from ibcore.memory.scaling import Layers
from ibcore.memory.sweep import sweep
from ibcore.memory.table import sweep_table
from ibcore.nets import MLP, ConvNet, Norm
from ibcore.nets.network import Network
from ibcore.runs import Experiment
from ibcore.runtime import Tier

FIVE = (0.5, 1.0, 2.0, 4.0, 8.0)
THREE = (1.0, 4.0, 8.0)


@dataclass(frozen=True)
class Net:
    """One architecture: an `ibcore.nets.MLP`, or with ``channels`` an `ibcore.nets.ConvNet`.

    A norm has gains and shifts.  Depth and width are those of the MLP.
    """

    name: str = "tanh"
    activation: str = "tanh"
    norm: Norm | None = None
    depth: int = 2
    width: int = 64
    channels: tuple[int, ...] = ()


@dataclass(frozen=True)
class Digits:
    """Networks are trained from every scale, by every pipeline, for each net and layers.

    300 digits for training, 300 for validation, 1,197 for testing.
    """

    pipelines: tuple[Pipeline, ...]
    scales: tuple[float, ...] = FIVE
    steps: int = 3000
    looks: tuple[int, ...] = (0, 30, 100, 300, 600, 1000, 1500, 2000, 2500, 3000)
    nets: tuple[Net, ...] = (Net(),)
    layers: tuple[Layers, ...] = ("all",)
    splits: tuple[int, ...] = (0,)
    networks: int = 5
    train: int = 300
    validation: int = 300
    seed: int = 0


@dataclass(frozen=True)
class Grid:
    """One net, choice of layers and split; its pipelines train as one population."""

    net: Net
    layers: Layers
    split: int
    pipelines: tuple[Pipeline, ...]
    scales: tuple[float, ...]
    steps: int
    looks: tuple[int, ...]
    networks: int
    train: int
    validation: int
    seed: int


def grids(config: Digits) -> list[Grid]:
    """Return the cells of a configuration: pipelines of one optimizer and batch size together.

    Examples
    --------
    >>> config = Digits((Pipeline("a"), Pipeline("b", "adam"), Pipeline("c")), splits=(0, 1))
    >>> [(cell.split, len(cell.pipelines)) for cell in grids(config)]
    [(0, 2), (0, 1), (1, 2), (1, 1)]
    """
    groups = group_pipelines(config.pipelines)
    return [
        Grid(
            net,
            layers,
            split,
            tuple(config.pipelines[number] for number in group),
            config.scales,
            config.steps,
            config.looks,
            config.networks,
            config.train,
            config.validation,
            config.seed,
        )
        for net, layers, split, group in product(config.nets, config.layers, config.splits, groups)
    ]


def build(cell: Grid) -> tuple[Problem, Network]:
    """Return the data and the architecture of a cell.

    Examples
    --------
    >>> problem, net = build(grids(Digits((Pipeline("a"),)))[0])
    >>> net(problem.train.x[:2]).shape
    torch.Size([2, 10])
    """
    net, images = cell.net, bool(cell.net.channels)
    problem = digits_problem(
        train=cell.train, validation=cell.validation, split=cell.split, images=images
    )
    return problem, _conv(net, problem) if images else _mlp(net, problem)


def _mlp(net: Net, problem: Problem) -> Network:
    return MLP(
        problem.train.x.shape[1],
        problem.classes,
        depth=net.depth,
        width=net.width,
        activation=net.activation,
        norm=net.norm,
        affine=net.norm is not None,
    )


def _conv(net: Net, problem: Problem) -> Network:
    if net.norm == "layer":
        raise ValueError("a ConvNet has batch norm or none; set norm to 'batch' or None")
    channels, size = problem.train.x.shape[1], problem.train.x.shape[-1]
    return ConvNet(
        channels,
        problem.classes,
        channels=net.channels,
        image_size=size,
        activation=net.activation,
        norm=net.norm,
        head="flatten",
    )


def run_grid(cell: Grid, device: torch.device) -> pd.DataFrame:
    """Train a cell and return its table: one row per look, pipeline, scale and network.

    Examples
    --------
    >>> tiny = Digits((Pipeline("a"),), scales=(1.0, 8.0), steps=1, looks=(), networks=2)
    >>> len(run_grid(grids(tiny)[0], torch.device("cpu")))
    4
    """
    problem, network = build(cell)
    result = sweep(
        problem,
        network,
        cell.pipelines,
        scales=cell.scales,
        networks=cell.networks,
        steps=cell.steps,
        looks=cell.looks,
        layers=cell.layers,
        seed=cell.seed,
        device=device,
    )
    labels = {"architecture": cell.net.name, "layers": cell.layers, "split": cell.split}
    return pd.DataFrame(labels, index=range(1)).merge(sweep_table(result), how="cross")


def small(config: Digits, *, steps: int = 600, looks: tuple[int, ...] = (0, 100, 300)) -> Digits:
    """Return a configuration of seconds: three scales, three narrow networks, 200 digits.

    Examples
    --------
    >>> small(Digits((Pipeline("a"),))).networks
    3
    """
    return replace(
        config,
        scales=THREE,
        steps=steps,
        looks=looks,
        nets=tuple(replace(net, width=32) for net in config.nets),
        networks=3,
        train=200,
    )


def experiment(
    name: str, question: str, *, smoke: Digits, laptop: Digits, paper: Digits
) -> Experiment[Digits, Grid]:
    """Return an experiment whose cells are the grids of a configuration.

    Examples
    --------
    >>> config = Digits((Pipeline("a"),))
    >>> experiment("toy", "Why?", smoke=config, laptop=config, paper=config).name
    'memory.toy'
    """
    tiers: Mapping[Tier, Digits] = {"smoke": smoke, "laptop": laptop, "paper": paper}
    return Experiment(f"memory.{name}", question, tiers, grids, run_grid)
