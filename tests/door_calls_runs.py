"""One good call of what reads and writes files, runs experiments, grades answers and draws."""

import tempfile
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch
from torch import nn

from ibcore import data, exercises, explorers, guidance, memory, metainit, nets, plots, runs, stats
from ibcore.explorers.guided_training import SWEEP_MEASURES
from ibcore.explorers.live_labs import DECAYS
from ibcore.explorers.synthesis_board import GAUGES

Call = tuple[Callable[..., Any], dict[str, Any]]

_FOLDER = tempfile.TemporaryDirectory()  # goes with the process
FOLDER = Path(_FOLDER.name)
STORE = str(FOLDER / "store")


def square(cell: runs.experiment.Cell, device: torch.device) -> pd.DataFrame:
    """Return one row: a cell of the experiment below."""
    size = cell["size"]
    return pd.DataFrame({"size": [size], "square": [size**2.0], "network": [size], "seed": [0]})


SQUARES = runs.Experiment(
    "toy.squares",
    "How large is a square?",
    {"smoke": runs.design({"size": (1, 2)})},
    square,
)
TABLE = runs.run(SQUARES, "smoke", store=STORE, progress=False)
FILE = Path(STORE) / "toy.squares.smoke.parquet"
ORIGIN = runs.read(FILE)[1]
CLAIM = next(claim for claim in runs.read_ledger().values() if claim.id.startswith("redshift."))
SQUARED = runs.ledger.parse_claim(
    {
        **{"id": "toy.mean", "statement": "It is {value}.", "lab": "toy", "null": 0},
        **{"experiment": "toy.squares", "measure": "mean('square')", "expect": {"above": 1}},
        **{"tier": "smoke", "paper": None, "verdict": "beyond the paper", "note": "An example."},
    }
)
NETWORKS = pd.DataFrame({"network": [0, 1, 2], "square": [1.0, 2.0, 3.0]})
EXERCISE = exercises.find("memory.limits.1")
STARTS = pd.DataFrame(
    [
        ("MLP", "meta", 1, 0, 0.9),
        ("MLP", "meta", 1, 1, 0.91),
        ("LSTM", "meta", 1, 0, 0.8),
        ("LSTM", "meta", 1, 1, 0.81),
        ("MLP", "random", 50, 0, 0.8),
        ("MLP", "random", 50, 1, 0.81),
        ("LSTM", "random", 50, 0, 0.6),
        ("LSTM", "random", 50, 1, 0.61),
    ],
    columns=["architecture", "method", "budget", "network", "accuracy"],
).assign(view="bits", support=5, floor=0.6, ceiling=0.95)
PICTURES = pd.DataFrame(
    {
        **{"architecture": "MLP", "view": "bits", "parameters": 9, "network": 0, "order": 0},
        **{"concept": "blue", "support": 0, "shown": bytes(range(16)), "labels": bytes(16)},
        **{"method": ["meta", "ideal", "memory"], "budget": [1, 0, 0], "accuracy": 1.0},
        "probabilities": bytes(16),
    }
)
REMAINDERS = pd.DataFrame(
    {
        **{"view": "bits", "split": "s", "support": 20, "modulus": 2, "moduli": "train"},
        **{"outputs": bytes(200), "shown": bytes(100), "error": 0.5, "budget": [0, 1]},
        **{"architecture": "MLP", "network": 0},
    }
)
MODULAR = pd.DataFrame(
    {
        **{"activation": ["relu"], "prefactor": 1.0, "modulus": 10},
        **{"train_accuracy": 1.0, "test_accuracy": 0.9},
    }
)
CURVES = pd.DataFrame(
    {
        **{"condition": "unguided", "reference": "pixels", "guide_layer": 1, "network": 0},
        **{"target_layer": 1, "step": [0, 5], "similarity": [0.5, 0.7], "mapped": True},
        "test_accuracy": [0.1, 0.4],
    }
)
GUIDES = pd.DataFrame(
    {
        **{"unlabeled": 0, "network": [0, 0, 1, 1], "test_accuracy": [0.5, 0.6, 0.5, 0.7]},
        **{"condition": ["unguided", "pixels"] * 2, "guide": ["none", "pixels"] * 2},
    }
)
SWEEP = pd.DataFrame(
    {
        **{"pipeline": "SGD", "optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 0.0},
        **{"momentum": 0.0, "step": 0, "weight_scale": [1.0, 8.0], "network": 0},
        **dict.fromkeys(SWEEP_MEASURES, 1.0),
        "explicit_clock": 0.0,
    }
)
DECAYED = pd.concat([SWEEP.assign(pipeline=name, test_accuracy=0.9) for name in DECAYS])
CLOCKED = pd.DataFrame(product(("random", "learned"), (1, 100)), columns=["start", "step"]).assign(
    **{"activation": "tanh", "optimizer": "sgd", "pull": "zero", "learning_rate": 0.1},
    **{"weight_decay": 0.01, "network": 0, "accuracy": 0.5, "half_steps": 9.0, "half_clock": 0.1},
)
BOARD = pd.DataFrame(
    product(("random", "learned"), (0, 9), (0, 1)), columns=["start", "step", "seed"]
).assign(
    **{"architecture": "relu", "guide": "none", "training": "sgd", "accuracy": 0.5},
    **dict.fromkeys(GAUGES, 0.5),
)
BOARD["final"] = BOARD.step == 9
GUIDED = pd.concat([BOARD.assign(guide=name) for name in ("none", "untrained", "trained")])
ACTIVATIONS = pd.DataFrame(
    [("tanh", depth, scale, n) for depth in (1, 3) for scale in (1.0, 4.0) for n in (0, 1)],
    columns=["activation", "depth", "weight_scale", "network"],
).assign(width=8, grid=16, dct=0.3, fft=0.4)
PLOTTED = pd.DataFrame({"x": [1.0, 2.0] * 2, "v": range(4), "g": "a", "network": [0, 0, 1, 1]})
IMAGES, LABELS = torch.rand(6, 1, 4, 4, generator=torch.Generator().manual_seed(0)), torch.arange(6)
SWEPT = memory.sweep(
    memory.digits_problem(train=30, validation=30),
    nets.MLP(64, 10, depth=1, width=8),
    [memory.Pipeline("a", learning_rate=0.1, batch_size=2)],
    scales=(1.0, 2.0),
    networks=1,
    steps=1,
)


def page(kind: type[explorers.Explorer]) -> Callable[..., str]:
    """Return a function that makes an explorer and returns its page."""
    return lambda **options: kind(**options).to_html()


def tap(**options: Any) -> Any:
    """Return one activation."""
    model = options["model"]
    with guidance.Taps(**options) as taps:
        model(torch.ones(2, 3))
    return dict(taps)


def mode(**options: Any) -> bool:
    """Return the mode inside."""
    with guidance.in_mode(**options):
        return bool(options["model"].training)


def of_one_claim(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of the ledger that finds one claim there."""

    def call(**options: Any) -> Any:
        with patch("ibcore.runs.ledger.read_ledger", lambda: {CLAIM.id: CLAIM}):
            return function(**options)

    return call


def workers(**options: Any) -> None:
    """Open no worker before the context begins."""
    runs.open_executor(**options)


def problem(**options: Any) -> Any:
    """Return a problem of three equal parts."""
    part = memory.Examples(**options)
    return memory.Problem(part, part, part)


CALLS: dict[str, Call] = {
    "data.find_data_set": (data.find_data_set, {"name": "mnist"}),
    "data.data_dir": (data.data_dir, {"data_set": "mnist"}),
    "stats.student_quantile": (stats.student_quantile, {"level": 0.9, "freedom": 5}),
    "stats.expanded_tail": (stats.expanded_tail, {"level": 0.9, "n": 5}),
    "stats.percentile_interval": (
        stats.percentile_interval,
        {"value": 1.0, "draws": np.linspace(0, 2, 20), "level": 0.9, "n": 5},
    ),
    "guidance.Taps": (tap, {"model": nn.Sequential(nn.Linear(3, 2)), "names": ["0"]}),
    "guidance.in_mode": (mode, {"model": nn.Linear(3, 2), "mode": "eval"}),
    "memory.Examples": (problem, {"x": IMAGES, "y": LABELS}),
    "memory.sweep_table": (memory.sweep_table, {"result": SWEPT, "eps": 2.0}),
    "metainit.Inner": (
        metainit.Inner,
        {"model": nn.Linear(3, 1), "loss": "mse", "vectorize": True, "task_chunk": 2},
    ),
    "plots.caption": (plots.caption, {"frame": TABLE, "band": "no bands"}),
    "plots.show": (
        lambda **options: len(plots.show(**options).svg) > 0,
        {
            "figure": plots.curves(PLOTTED, x="x", y="v", hue="g"),
            "alt": "A curve that rises from the left to the right end.",
            "caption": "",
            "source": "",
        },
    ),
    # exercises
    "exercises.check": (exercises.check, {"name": "memory.limits.1", "answer": 4}),
    "exercises.find": (exercises.find, {"name": "memory.limits.1"}),
    "exercises.try_out": (exercises.try_out, {"exercise": EXERCISE}),
    "exercises.Exercise": (
        exercises.Exercise,
        {
            **{"id": "memory.limits.1", "title": "A title", "kind": "core", "stub": "answer = ..."},
            **{"solution": "answer = 1", "wrong": EXERCISE.wrong, "grader": EXERCISE.grader},
            **{"hint": "A hint.", "variable": "answer"},
        },
    ),
    "exercises.Wrong": (exercises.Wrong, {"code": "answer = 2", "hint": "A hint."}),
    # runs
    "runs.design": (runs.design, {"factors": {"depth": (1, 2)}}),
    "runs.Experiment": (
        runs.Experiment,
        {
            **{"name": "toy.squares", "question": "How large?", "tiers": SQUARES.tiers},
            **{"run_cell": square, "cost": len, "tuned": {}},
        },
    ),
    "runs.experiments": (runs.experiments, {"lab": "memory"}),
    "runs.find": (runs.find, {"name": "redshift.references"}),
    "runs.run": (
        runs.run,
        {
            **{"experiment": SQUARES, "tier": "smoke", "workers": 1, "device": "cpu"},
            **{"time_limit": 60.0, "store": STORE, "fresh": False, "progress": False},
        },
    ),
    "runs.estimate": (
        runs.estimate,
        {"experiment": SQUARES, "tier": "smoke", "device": "cpu", "store": STORE},
    ),
    "runs.load": (runs.load, {"name": "toy.squares", "tier": "smoke", "store": STORE}),
    "runs.read": (lambda path: runs.read(path)[0], {"path": FILE}),
    "runs.stored": (runs.stored, {"store": STORE}),
    "runs.write": (
        runs.write,
        {"frame": TABLE, "path": FOLDER / "own.parquet", "provenance": ORIGIN},
    ),
    "runs.open_executor": (workers, {"spec": "processes:1", "device": "cpu"}),
    "runs.read_ledger": (runs.read_ledger, {"path": runs.ledger.ledger_path()}),
    "runs.evaluate": (runs.evaluate, {"claim": SQUARED, "frame": NETWORKS}),
    "runs.check": (
        of_one_claim(runs.check),
        {"lab": "redshift", "tier": CLAIM.tier, "fresh": False},
    ),
    "runs.claims": (of_one_claim(runs.claims), {"lab": "redshift"}),
    "runs.Results": (
        lambda **options: list(runs.Results(**options)),
        {"claims": [CLAIM], "tier": "smoke", "store": STORE},
    ),
    # explorers
    "explorers.ArchitectureGap": (
        page(explorers.ArchitectureGap),
        {"view": "bits", "budget": 50, "support": 5, "frame": STARTS},
    ),
    "explorers.ClockCollapse": (
        page(explorers.ClockCollapse),
        {"view": "steps", "shown": "learned", "mark": 0.5, "frame": CLOCKED},
    ),
    "explorers.ComplexityMap": (
        page(explorers.ComplexityMap),
        {
            **{"activation": "tanh", "transform": "dct", "depth": 3, "weight_scale": 4.0},
            **{"seed": 1, "frame": ACTIVATIONS},
        },
    ),
    "explorers.ConceptLearner": (
        page(explorers.ConceptLearner),
        {
            **{"architecture": "MLP", "concept": "blue", "support": 0, "look": "meta 1"},
            "frame": PICTURES,
        },
    ),
    "explorers.DiagonalNetwork": (
        page(explorers.DiagonalNetwork),
        {
            **{"weight_scale": 1.0, "weight_decay": 0.03, "batch": 5, "learning_rate": 0.005},
            **{"label_noise": False, "time": 1.0, "seed": 1},
        },
    ),
    "explorers.DigitTraining": (
        page(explorers.DigitTraining),
        {
            **{"pipeline": "SGD lr 0.1", "weight_scale": 8.0, "seed": 1, "train": False},
            "frame": DECAYED,
        },
    ),
    "explorers.GuideComparison": (
        page(explorers.GuideComparison),
        {
            **{"measure": "test_accuracy", "shown": "conditions", "unlabeled": 0, "close": True},
            **{"frame": GUIDES, "images": GUIDES},
        },
    ),
    "explorers.GuidedStep": (
        page(explorers.GuidedStep),
        {"guide": "none", "seed": 1, "train": False, "frame": GUIDED},
    ),
    "explorers.GuidedTraining": (
        page(explorers.GuidedTraining),
        {
            **{"condition": "unguided", "reference": "pixels", "measure": "test_accuracy"},
            **{"step": 5, "frame": CURVES},
        },
    ),
    "explorers.ImageSpectrum": (
        page(explorers.ImageSpectrum),
        {"preset": "wave", "cycles": 2.0},
    ),
    "explorers.MetaTraining": (
        page(explorers.MetaTraining),
        {"budget": 1, "seed": 1, "train": False, "frame": STARTS},
    ),
    "explorers.ModularPlayer": (
        page(explorers.ModularPlayer),
        {
            **{"activation": "relu", "prefactor": 1.0, "modulus": 10},
            "curves": MODULAR.assign(network=0),
            "pictures": MODULAR.assign(picture=[bytes(1024)]),
        },
    ),
    "explorers.RandomNetwork": (
        page(explorers.RandomNetwork),
        {
            **{"activation": "relu", "weight_scale": 2.0, "depth": 2, "width": 8, "norm": "layer"},
            **{"residual": "paper", "gated": False, "seed": 1, "grid": 16},
        },
    ),
    "explorers.RemainderLearner": (
        page(explorers.RemainderLearner),
        {
            **{"view": "bits", "split": "s", "support": 20, "modulus": 2, "steps": 1},
            "frame": REMAINDERS,
        },
    ),
    "explorers.SimilarityPlayground": (
        page(explorers.SimilarityPlayground),
        {
            **{"rotation": 30, "scale": 1.0, "stretch": 1.0, "shear": 0.0, "blur": 0.0},
            **{"noise": 0, "points": 40, "seed": 1},
        },
    ),
    "explorers.StepBudget": (
        page(explorers.StepBudget),
        {
            **{"architecture": "MLP", "support": 5, "budget": 50, "descent": False},
            "frame": STARTS,
        },
    ),
    "explorers.SweepPlayer": (
        page(explorers.SweepPlayer),
        {"pipeline": "SGD", "weight_scale": 8.0, "step": 0, "frame": SWEEP},
    ),
    "explorers.SynthesisBoard": (
        page(explorers.SynthesisBoard),
        {
            **{"first": {"start": "random"}, "second": {"start": "learned"}, "view": "race"},
            **{"bet": 2, "open": True, "frame": BOARD},
        },
    ),
}
