"""One good call of each exported function and class: what goes in, by name."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ibcore import (
    guidance,
    memory,
    metainit,
    nets,
    plots,
    redshift,
    stats,
    synthesis,
    tasks,
    training,
)
from ibcore.population import Population, member_seed
from ibcore.runtime import check_tier, generator, resolve_device

Call = tuple[Callable[..., Any], dict[str, Any]]


def normal(*shape: int, seed: int = 0) -> Tensor:
    """Return standard normal numbers in float64."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


FUNCTIONS = redshift.sample_functions(networks=3, grid=8, width=8)
SHARES = np.array([[0.9, 0.8, 0.7], [0.92, 0.81, 0.72]])
SIX, OTHER = np.arange(6.0), np.array([1.0, 3, 2, 5, 4, 6])
BITS = np.random.default_rng(0).integers(0, 2, (20, 16), dtype=np.uint8)
CLASSES = np.random.default_rng(0).integers(0, 3, (2, 4, 9))
RANDOM = np.random.default_rng(0).random((4, 3))
TABLES = np.random.default_rng(1).random((4, 3, 5))
NET = nets.MLP(1, 1, depth=1, width=8).double()
THREE_NETS = Population.sample(NET, networks=3)
PARAMS = {name: value.detach().clone() for name, value in NET.named_parameters()}
STARTS = metainit.random_starts(NET, 3, dtype=torch.float64)
X, Y = normal(3, 5, 1), normal(3, 5, 1, seed=1)
POINTS = normal(6, 2)
WIDE, NARROW = normal(20, 5), normal(20, 7, seed=1)
THREE = nets.MLP(4, 3, depth=2, width=8)
LABELS = torch.arange(24) % 3
SPLINE = redshift.Spline(torch.linspace(-1, 1, 11))
PLAN = redshift.Bilevel(knots=11, outer_steps=1, inner_steps=(2, 3), networks=2, depth=1, width=8)
GLYPHS = tasks.synthetic_glyphs(characters=3, drawings=4, size=12)
PRIOR = metainit.TaskPrior(*tasks.concept_prior(features=3, draws=20))
PICKED = torch.tensor([[0, 1, 2], [3, 4, 5]])
ANSWERS = torch.tensor([[0.0, 1, 0], [1, 0, 1]], dtype=torch.float64)
FRAME = pd.DataFrame(
    {"g": ["a"] * 6 + ["b"] * 6, "network": [*range(6)] * 2, "x": [1.0, 2, 3] * 4, "v": range(12)}
)
CELLS = FRAME.assign(p="q").drop_duplicates(["g", "x"])
PROBLEM = memory.digits_problem(train=30, validation=30)
INNER = {"loss": "mse", "task_chunk": 2, "vectorize": True}
INTERVAL = {"level": 0.9, "draws": 50, "seed": 0}


def many(networks: int = 4, **options: Any) -> Population:
    """Return small networks on two inputs."""
    return Population.sample(
        nets.MLP(2, 1, depth=1, width=8, **options), networks=networks, dtype=torch.float64
    )


def guided(x: Tensor, y: Tensor, **options: Any) -> Any:
    """Return the losses of one guided training from new networks."""
    student, teacher = nets.MLP(4, 3, depth=2, width=8), nets.MLP(4, 3, depth=2, width=8, seed=1)
    return guidance.guide(student, teacher, x, y, **options).log


def streamed(x: Tensor, y: Tensor, **options: Any) -> Any:
    """Return CKA from one minibatch."""
    measure = guidance.MinibatchCKA(**options)
    measure.update([x], [y])
    return measure.value()


def guesses(x: Tensor, y: Tensor, **options: Any) -> Any:
    """Return how many random networks fit three points."""
    guess = redshift.network_guesser(nets.MLP(2, 1, depth=1, width=8))
    return redshift.check_guesses(guess, (x, y), (x, y), **options)


def drawn(**options: Any) -> Any:
    """Return parameters of four layers."""
    return nets.sample_parameters(
        {"a.weight": (4, 8, 2), "a.bias": (4, 8)}, generator(0), **options
    )


def meta(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of tasks that takes support and query point by point."""

    def call(support_x: Tensor, support_y: Tensor, **options: Any) -> Any:
        rates, options["support"] = options.pop("rates"), (support_x, support_y)
        if "query_x" in options:
            options["query"] = (options.pop("query_x"), options.pop("query_y"))
        return function(NET, PARAMS, rates, **options)

    return call


def curve(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a learning curve's function that takes support point by point."""

    def call(support_x: Tensor, support_y: Tensor, **options: Any) -> Any:
        return function(NET, STARTS, support=(support_x, support_y), **options)

    return call


TASK = {"support_x": X, "support_y": Y}
SHAPED = {"depth": 2, "width": 8, "activation": "relu", "norm": "layer"}

CALLS: dict[str, Call] = {
    # networks
    "nets.MLP": (
        nets.MLP,
        {
            "in_features": 2,
            "out_features": 1,
            **SHAPED,
            "prefactor": 1.0,
            "residual": "paper",
            "gated": False,
            "affine": False,
            "seed": 0,
        },
    ),
    "nets.RNN": (nets.RNN, {"in_features": 2, "out_features": 1, **SHAPED, "seed": 0}),
    "nets.LSTM": (
        nets.LSTM,
        {"in_features": 2, "out_features": 1, "depth": 1, "width": 8, "norm": "layer", "seed": 0},
    ),
    "nets.ConvNet": (
        nets.ConvNet,
        {
            "in_channels": 1,
            "out_features": 3,
            "channels": (4, 4),
            "image_size": 8,
            "activation": "relu",
            "norm": "batch",
            "head": "average",
            "seed": 0,
        },
    ),
    "nets.ResNet": (
        nets.ResNet,
        {
            "in_channels": 1,
            "out_features": 3,
            "depth": 9,
            "width": 4,
            "residual": True,
            "norm": "batch",
            "activation": "relu",
            "image_size": 8,
            "seed": 0,
        },
    ),
    "nets.Transformer": (
        nets.Transformer,
        {
            "vocabulary": 16,
            "depth": 1,
            "width": 8,
            "heads": 2,
            "context": 8,
            "activation": "gelu",
            "gain": 1.0,
            "head": "tied",
            "positions": True,
            "scale_residual": True,
            "seed": 0,
        },
    ),
    "nets.activation_function": (nets.activation_function, {"name": "relu", "in_place": False}),
    "nets.count_parameters": (nets.count_parameters, {"module": NET}),
    "nets.match_size": (
        nets.match_size,
        {"build": lambda width: nets.MLP(width=width), "target": 500, "largest": 64},
    ),
    "nets.sample_parameters": (
        drawn,
        {
            "weight_scale": 1.0,
            "bias_scale": 1.0,
            "bias_growth": 1.0,
            "prior": "uniform",
            "scaling": "glorot",
        },
    ),
    "nets.batch_statistics": (lambda x: many(norm="batch").batch_statistics(x), {"x": POINTS}),
    "population.member_seed": (member_seed, {"seed": 0, "member": 2}),
    "population.Population": (
        lambda **options: Population.sample(nets.MLP(2, 1, depth=1, width=8), **options),
        {
            "networks": 3,
            "seed": 0,
            "device": "cpu",
            "dtype": torch.float32,
            "weight_scale": 1.0,
            "bias_scale": 1.0,
            "prior": "uniform",
            "scaling": "glorot",
            "first": 1,
        },
    ),
    "population.Population.forward": (many().forward, {"x": POINTS}),
    "population.Population.train": (
        many().train,
        {
            "x": normal(12, 2),
            "y": normal(12, 1, seed=1),
            "loss": "mse",
            "steps": 3,
            "optimizer": "adam",
            "learning_rate": 0.01,
            "weight_decay": 0.1,
            "momentum": 0.0,
            "batch_size": 4,
            "seed": 0,
            "stop_at": 1e-9,
        },
    ),
    # tasks
    "tasks.axis": (tasks.axis, {"points": 5, "nodes": "uniform", "dtype": torch.float64}),
    "tasks.grid": (
        tasks.grid,
        {"points": 5, "dimensions": 2, "nodes": "uniform", "dtype": torch.float64},
    ),
    "tasks.colored_digits": (
        tasks.colored_digits,
        {"train": 30, "band": 1, "seed": 0, "dtype": torch.float64},
    ),
    "tasks.concept_inputs": (
        tasks.concept_inputs,
        {"view": "image", "features": 4, "size": 16, "dtype": torch.float32},
    ),
    "tasks.concept_prior": (tasks.concept_prior, {"features": 3, "draws": 10, "seed": 0}),
    "tasks.sample_concepts": (tasks.sample_concepts, {"count": 3, "features": 3, "seed": 0}),
    "tasks.constant_predictor": (tasks.constant_predictor, {"chosen": (3, 5), "numbers": 20}),
    "tasks.remainder_tables": (
        tasks.remainder_tables,
        {"chosen": (3, 5), "numbers": 20, "dtype": torch.float32},
    ),
    "tasks.digits": (tasks.digits, {"dtype": torch.float32}),
    "tasks.synthetic_glyphs": (
        tasks.synthetic_glyphs,
        {
            "alphabets": ["First", "Second"],
            "characters": 2,
            "drawings": 2,
            "size": 12,
            "seed": 0,
        },
    ),
    "tasks.glyph_episodes": (
        tasks.glyph_episodes,
        {"glyphs": GLYPHS, "tasks": 2, "ways": 3, "shots": 1, "queries": 1, "seed": 0},
    ),
    "tasks.glyph_pool": (tasks.glyph_pool, {"glyphs": GLYPHS, "pool": "all"}),
    "tasks.rotated": (tasks.rotated, {"glyphs": GLYPHS, "degrees": 15.0, "seed": 0}),
    "tasks.glyphs_from_arrays": (
        tasks.glyphs_from_arrays,
        {
            "ink": np.random.default_rng(0).random((3, 2, 16, 16)),
            "alphabets": ["a", "a", "b"],
            "size": 8,
        },
    ),
    "tasks.modular_addition": (
        tasks.modular_addition,
        {
            "modulus": 3,
            "numbers": 6,
            "dimensions": 2,
            "rule": "below",
            "train_fraction": 0.6,
            "seed": 0,
            "dtype": torch.float64,
        },
    ),
    "tasks.modular_labels": (
        tasks.modular_labels,
        {"modulus": 3, "numbers": 6, "dimensions": 2, "rule": "below", "points": 6},
    ),
    "tasks.moduli": (tasks.moduli, {"split": "extrapolation"}),
    "tasks.number_inputs": (
        tasks.number_inputs,
        {
            "view": "circular",
            "numbers": 20,
            "size": 16,
            "periods": (3.0, 5.0),
            "dtype": torch.float32,
        },
    ),
    "tasks.patches": (tasks.patches, {"images": normal(2, 1, 8, 8), "size": 4}),
    "tasks.sparse_regression": (
        tasks.sparse_regression,
        {"points": 5, "features": 8, "nonzero": 2, "noise": 0.1, "seed": 0},
    ),
    "tasks.table_episodes": (
        tasks.table_episodes,
        {
            "inputs": normal(10, 3),
            "targets": normal(4, 10),
            "tasks": 2,
            "support": 3,
            "noise": 0.1,
            "seed": 0,
        },
    ),
    # training
    "training.OptimizerConfig": (
        training.OptimizerConfig,
        {
            "optimizer": "sgd",
            "learning_rate": 0.01,
            "weight_decay": 0.01,
            "momentum": 0.1,
            "eps": 1e-8,
            "decay_steps": 3,
            "sam_radius": 0.1,
        },
    ),
    # synthesis
    "synthesis.DigitFamily": (synthesis.DigitFamily, {"seed": 0}),
    # redshift
    "redshift.sample_functions": (
        redshift.sample_functions,
        {
            **SHAPED,
            "weight_scale": 1.0,
            "networks": 3,
            "grid": 8,
            "residual": "paper",
            "gated": False,
            "prior": "uniform",
            "scaling": "glorot",
            "bias_scale": 1.0,
            "seed": 0,
            "device": "cpu",
            "dtype": torch.float64,
            "prefactor": 1.0,
            "bias_growth": 1.0,
            "first": 1,
        },
    ),
    "redshift.fourier_complexity": (
        redshift.fourier_complexity,
        {"values": FUNCTIONS, "transform": "dct"},
    ),
    "redshift.chebyshev_complexity": (
        redshift.chebyshev_complexity,
        {"values": FUNCTIONS, "degree": 2, "nodes": "uniform"},
    ),
    "redshift.legendre_complexity": (
        redshift.legendre_complexity,
        {"values": FUNCTIONS, "degree": 2, "nodes": "uniform"},
    ),
    "redshift.lempel_ziv_complexity": (
        redshift.lempel_ziv_complexity,
        {"values": FUNCTIONS, "variant": "lz78", "levels": 2},
    ),
    "redshift.total_variation": (redshift.total_variation, {"values": FUNCTIONS}),
    "redshift.radial_spectrum": (
        redshift.radial_spectrum,
        {"values": FUNCTIONS, "transform": "dct"},
    ),
    "redshift.lz76": (redshift.lz76, {"sequence": [0, 1, 1, 0, 1, 0, 0, 1]}),
    "redshift.lz78": (redshift.lz78, {"sequence": [0, 1, 1, 0, 1, 0, 0, 1]}),
    "redshift.boolean_complexity": (redshift.boolean_complexity, {"tables": BITS}),
    "redshift.rank_functions": (
        redshift.rank_functions,
        {"tables": BITS, "batches": 2, "top": 3},
    ),
    "redshift.sample_boolean": (
        redshift.sample_boolean,
        {
            "activation": "relu",
            "variables": 3,
            "depth": 1,
            "width": 8,
            "weight_scale": 1.0,
            "bias_scale": 1.0,
            "networks": 4,
            "seed": 0,
            "first": 1,
            "device": "cpu",
        },
    ),
    "redshift.sample_sequences": (
        redshift.sample_sequences,
        {
            "architecture": nets.Transformer(16, depth=1, width=8, heads=2, context=8),
            "networks": 2,
            "gains": (1.0, 2.0),
            "length": 5,
            "seed": 0,
            "first": 1,
            "device": "cpu",
        },
    ),
    "redshift.sample_unbiased": (
        redshift.sample_unbiased,
        {"networks": 2, "grid": 8, "amplitude": 1.0, "seed": 0, "device": "cpu"},
    ),
    "redshift.UnbiasedModel": (
        redshift.UnbiasedModel,
        {"points": 8, "amplitude": 1.0, "seed": 0},
    ),
    "redshift.Spline": (
        redshift.Spline,
        {"heights": torch.linspace(-1, 1, 11), "bound": 5.0},
    ),
    "redshift.evaluate_spline": (
        redshift.evaluate_spline,
        {
            "z": normal(7),
            "heights": torch.linspace(-1, 1, 11, dtype=torch.float64),
            "bound": 5.0,
        },
    ),
    "redshift.SplineMLP": (
        redshift.SplineMLP,
        {
            "spline": SPLINE,
            "in_features": 2,
            "out_features": 1,
            "depth": 1,
            "width": 8,
            "seed": 0,
        },
    ),
    "redshift.Bilevel": (
        redshift.Bilevel,
        {
            "start": "relu",
            "knots": 11,
            "bound": 5.0,
            "smoothing": 1.0,
            "outer_steps": 2,
            "inner_steps": (2, 3),
            "networks": 2,
            "train_fraction": 0.7,
            "depth": 1,
            "width": 8,
            "learning_rate": 0.01,
            "spline_rate": 0.05,
        },
    ),
    "redshift.learn_activation": (
        redshift.learn_activation,
        {
            "x": normal(20, 2).float(),
            "y": (normal(20, seed=2) > 0).float(),
            "plan": PLAN,
            "seed": 0,
        },
    ),
    "redshift.path_variation": (
        redshift.path_variation,
        {"population": many(), "a": normal(3, 2), "b": normal(3, 2, seed=3), "points": 5},
    ),
    "redshift.check_guesses": (
        guesses,
        {"x": POINTS.float(), "y": POINTS[:, 0].sign().float(), "samples": 8, "chunk": 4},
    ),
    "redshift.network_guesser": (
        redshift.network_guesser,
        {"architecture": nets.MLP(2, 1, depth=1, width=8), "device": "cpu"},
    ),
    "redshift.unbiased_guesser": (
        redshift.unbiased_guesser,
        {"points": 8, "amplitude": 1.0, "seed": 0, "device": "cpu"},
    ),
    # metainit
    "metainit.meta_gradient": (
        meta(metainit.meta_gradient),
        {
            **TASK,
            "query_x": X,
            "query_y": Y,
            "rates": 0.1,
            "inner_steps": 2,
            "first_order": False,
            **INNER,
        },
    ),
    "metainit.adapt": (
        meta(metainit.adapt),
        {**TASK, "rates": 0.1, "inner_steps": 2, **INNER},
    ),
    "metainit.reptile_gradient": (
        meta(metainit.reptile_gradient),
        {**TASK, "rates": 0.1, "inner_steps": 2, **INNER},
    ),
    "metainit.full_rates": (
        metainit.full_rates,
        {"params": PARAMS, "rate": 0.1, "names": list(PARAMS)[:1]},
    ),
    "metainit.random_starts": (
        metainit.random_starts,
        {
            "model": NET,
            "networks": 2,
            "seed": 0,
            "first": 1,
            "device": "cpu",
            "dtype": torch.float32,
        },
    ),
    "metainit.optimizer_curve": (
        curve(metainit.optimizer_curve),
        {
            **TASK,
            "x": X,
            "steps": (0, 1, 3),
            "optimizer": "adamw",
            "learning_rate": 0.01,
            "weight_decay": 0.1,
            "momentum": 0.0,
            **INNER,
        },
    ),
    "metainit.rates_curve": (
        curve(metainit.rates_curve),
        {**TASK, "x": X, "rates": 0.1, "steps": (0, 1, 3), **INNER},
    ),
    "metainit.predict": (
        metainit.predict,
        {"model": NET, "stacked": STARTS, "x": X, "task_chunk": 2, "vectorize": True},
    ),
    "metainit.MetaLearner": (
        metainit.MetaLearner,
        {
            "model": NET,
            "rate": 0.01,
            "rates": "each",
            "adapted": list(PARAMS)[:1],
            "inner_steps": 1,
            "first_order": False,
            "reptile": False,
            **INNER,
        },
    ),
    "metainit.MetaLearner.fit": (
        lambda **options: metainit.MetaLearner(NET).fit(lambda _: ((X, Y), (X, Y)), **options),
        {
            "steps": 3,
            "optimizer": "adamw",
            "learning_rate": 0.01,
            "weight_decay": 0.01,
            "clip": 1.0,
            "validation": [((X, Y), (X, Y))],
            "validate_every": 2,
            "patience": 2,
        },
    ),
    "metainit.gap": (metainit.gap, {"scores": RANDOM, "kind": "pairwise"}),
    "metainit.gap_reduction": (
        metainit.gap_reduction,
        {"without": TABLES, "with_starts": TABLES * 0.9, "kind": "pairwise", **INTERVAL},
    ),
    "metainit.pool_inverse_variance": (
        metainit.pool_inverse_variance,
        {"values": RANDOM, "floor": 1e-4},
    ),
    "metainit.accuracy": (
        metainit.accuracy,
        {"outputs": normal(3, 5, 4), "targets": torch.arange(15).reshape(3, 5) % 4},
    ),
    "metainit.squared_error": (metainit.squared_error, {"outputs": X, "targets": Y}),
    "metainit.variance_explained": (metainit.variance_explained, {"outputs": X, "targets": Y}),
    "metainit.guess_accuracy": (
        metainit.guess_accuracy,
        {"guesses": torch.rand(3, 5, dtype=torch.float64), "labels": (Y[..., 0] > 0).double()},
    ),
    "metainit.TaskPrior": (
        metainit.TaskPrior,
        {"tables": PRIOR.tables.double(), "weights": PRIOR.weights.double()},
    ),
    "metainit.posterior": (
        metainit.posterior,
        {"prior": PRIOR, "picked": PICKED, "labels": ANSWERS, "noise": 0.1},
    ),
    "metainit.memorize_majority": (
        metainit.memorize_majority,
        {"picked": PICKED, "labels": ANSWERS, "objects": 8},
    ),
    "metainit.pooled": (
        lambda a, b, c, d: metainit.pooled((a, b), (c, d)),
        {"a": X, "b": Y, "c": X, "d": Y},
    ),
    "metainit.names_below": (metainit.names_below, {"model": NET, "prefixes": ["layers"]}),
    # guidance
    "guidance.cka": (
        guidance.cka,
        {"x": WIDE, "y": NARROW, "kernel": "rbf", "unbiased": True, "sigma": 1.0},
    ),
    "guidance.cka_matrix": (
        lambda x, y, **options: guidance.cka_matrix([x], [y], **options),
        {"x": WIDE, "y": NARROW, "kernel": "rbf", "unbiased": True, "sigma": 1.0},
    ),
    "guidance.MinibatchCKA": (
        streamed,
        {"x": WIDE, "y": NARROW, "kernel": "linear", "unbiased": True},
    ),
    "guidance.procrustes": (guidance.procrustes, {"x": WIDE, "y": NARROW}),
    "guidance.ridge": (
        guidance.ridge,
        {"x": WIDE, "y": NARROW, "penalty": 0.001, "folds": 5, "seed": 0},
    ),
    "guidance.rsa": (
        guidance.rsa,
        {"x": WIDE, "y": NARROW, "dissimilarity": "euclidean", "comparison": "pearson"},
    ),
    "guidance.error_consistency": (
        guidance.error_consistency,
        {
            "first": np.array([1, 0, 1, 1, 0, 0], bool),
            "second": np.array([1, 1, 1, 0, 0, 0], bool),
            **INTERVAL,
        },
    ),
    "guidance.gabor_filters": (
        guidance.gabor_filters,
        {"size": 5, "orientations": 4, "wavelengths": (2.5, 4.0)},
    ),
    "guidance.FilterGuide": (
        guidance.FilterGuide,
        {"size": 5, "orientations": 4, "wavelengths": (2.5, 4.0)},
    ),
    "guidance.LabelGuide": (guidance.LabelGuide, {"classes": 3}),
    "guidance.NoiseGuide": (
        guidance.NoiseGuide,
        {"points": 5, "features": 4, "seed": 0, "dtype": torch.float32},
    ),
    "guidance.NoiseInputGuide": (
        guidance.NoiseInputGuide,
        {"guide": guidance.NetworkGuide(THREE), "points": 24, "seed": 0},
    ),
    "guidance.NetworkGuide": (
        guidance.NetworkGuide,
        {"model": THREE, "names": guidance.layer_names(THREE, torch.zeros(2, 4)), "mode": "eval"},
    ),
    "guidance.ScrambledGuide": (
        guidance.ScrambledGuide,
        {"guide": guidance.NetworkGuide(THREE), "seed": 0},
    ),
    "guidance.ShuffledGuide": (
        guidance.ShuffledGuide,
        {"guide": guidance.NetworkGuide(THREE), "x": normal(24, 4).float(), "seed": 0},
    ),
    "guidance.Schedule": (guidance.Schedule, {"kind": "disconnect", "weight": 1.0, "until": 3}),
    "guidance.Alignment": (
        guidance.Alignment,
        {
            "measure": "cka",
            "kernel": "linear",
            "unbiased": False,
            "reduction": "sum",
            "per_token": False,
        },
    ),
    "guidance.Distillation": (
        guidance.Distillation,
        {"logits": normal(5, 3), "temperature": 2.0, "weight": 0.5},
    ),
    "guidance.activations": (
        guidance.activations,
        {
            "model": THREE,
            "x": normal(5, 4).float(),
            "names": guidance.layer_names(THREE, torch.zeros(2, 4))[:1],
        },
    ),
    "guidance.layer_names": (
        guidance.layer_names,
        {"model": THREE, "x": normal(5, 4).float(), "last": False},
    ),
    "guidance.layer_pairs": (
        guidance.layer_pairs,
        {"guide": ["a", "b", "c"], "target": ["d", "e"], "mapping": "even"},
    ),
    "guidance.redraw": (lambda seed: guidance.redraw(THREE, seed), {"seed": 0}),
    "guidance.guide": (
        guided,
        {
            "x": normal(24, 4).float(),
            "y": LABELS,
            "steps": 2,
            "mapping": "even",
            "loss": "cross_entropy",
            "optimizer": "adam",
            "learning_rate": 0.001,
            "weight_decay": 0.01,
            "momentum": 0.0,
            "batch_size": 8,
            "seed": 0,
            "device": "cpu",
        },
    ),
    # memory
    "synthesis.half_life": (
        synthesis.half_life,
        {"times": SIX, "values": SIX[::-1].copy(), "first": 1},
    ),
    "synthesis.train": (
        synthesis.train,
        {
            "population": THREE_NETS,
            "losses": lambda _, p: sum(v.flatten(1).square().sum(1) for v in p.values()),
            "steps": 2,
            "method": training.OptimizerConfig("sgd", learning_rate=0.1),
            "anchored": 0.5,
            "checkpoints": (0, 1),
            "on_checkpoint": lambda _, networks: None,
        },
    ),
    "memory.spread": (memory.spread, {"accuracy": SHARES}),
    "memory.spread_interval": (memory.spread_interval, {"accuracy": SHARES, **INTERVAL}),
    "memory.spread_per_seed": (memory.spread_per_seed, {"accuracy": SHARES}),
    "memory.forgetting_time": (
        memory.forgetting_time,
        {
            "times": np.array([1.0, 10, 100, 1000]),
            "spreads": np.array([20.0, 10, 3, 1]),
            "eps": 2.0,
        },
    ),
    "memory.gate": (memory.gate, {"train_accuracy": SHARES[0], "at_least": 0.99}),
    "memory.scale_slope": (
        memory.scale_slope,
        {"accuracy": SHARES, "scales": np.array([0.5, 2.0])},
    ),
    "memory.explicit_clock": (
        memory.explicit_clock,
        {"steps": np.array([1.0, 10]), "learning_rate": 0.1, "weight_decay": 0.01, "momentum": 0.5},
    ),
    "memory.noise_clock": (
        memory.noise_clock,
        {
            "steps": np.array([1.0, 10]),
            "learning_rate": 0.1,
            "batch_size": 8,
            "squared_gradient": 1.0,
        },
    ),
    "memory.selected_look": (memory.selected_look, {"validation": RANDOM}),
    "memory.at_selected": (memory.at_selected, {"validation": RANDOM, "values": RANDOM / 2}),
    "memory.disagreement": (memory.disagreement, {"predictions": CLASSES}),
    "memory.disagreement_by_scale": (memory.disagreement_by_scale, {"predictions": CLASSES}),
    "memory.effective_scale": (
        memory.effective_scale,
        {"scale": 1.0, "time": 2.0, "weight_decay": 0.1},
    ),
    "memory.effective_learning_rate": (
        memory.effective_learning_rate,
        {"norm_squared": normal(3).abs(), "learning_rate": 0.1},
    ),
    "memory.equilibrium_norm_squared": (
        memory.equilibrium_norm_squared,
        {"unit_gradient": 1.0, "learning_rate": 0.1, "weight_decay": 0.1},
    ),
    "memory.flow_balance": (
        memory.flow_balance,
        {"balance": normal(3), "time": 1.0, "weight_decay": 0.1},
    ),
    "memory.saxe_mode": (
        memory.saxe_mode,
        {"time": np.array([0.0, 1.0]), "strength": 1.0, "start": 0.1},
    ),
    "memory.saxe_time": (memory.saxe_time, {"share": 0.5, "strength": 1.0, "start": 0.1}),
    "memory.time_to_scale": (
        memory.time_to_scale,
        {"scale": 2.0, "target": 1.0, "weight_decay": 0.1},
    ),
    "memory.woodworth_potential": (
        memory.woodworth_potential,
        {"beta": normal(3), "scale": 1.0},
    ),
    "memory.woodworth_solution": (
        memory.woodworth_solution,
        {"x": normal(3, 5), "y": normal(3), "scale": 1.0, "tolerance": 1e-9, "most_steps": 50},
    ),
    "memory.DiagonalNet": (memory.DiagonalNet, {"p": normal(2, 5), "q": normal(2, 5)}),
    "memory.FactorNet": (memory.FactorNet, {"u": normal(2, 3), "v": normal(2, 3)}),
    "memory.NormalizedNet": (
        memory.NormalizedNet,
        {"weight": normal(4, 3), "readout": normal(4)},
    ),
    "memory.TwoLayerReLU": (
        memory.TwoLayerReLU,
        {"first": normal(2, 4, 3), "second": normal(2, 4)},
    ),
    "memory.sign_balance": (
        memory.sign_balance,
        {"net": memory.FactorNet(normal(2, 3), normal(2, 3))},
    ),
    "memory.sign_step": (
        memory.sign_step,
        {
            "net": memory.FactorNet(normal(3), normal(3)),
            "x": normal(4, 3),
            "y": normal(4),
            "learning_rate": 0.1,
            "weight_decay": 0.1,
            "loss": "squared",
        },
    ),
    "memory.sign_descent": (
        memory.sign_descent,
        {
            "net": memory.FactorNet(normal(3), normal(3)),
            "x": normal(4, 3),
            "y": normal(4),
            "steps": 3,
            "learning_rate": 0.1,
            "weight_decay": 0.1,
            "batch_size": 2,
            "loss": "squared",
            "final_rate": 0.5,
            "seed": 0,
        },
    ),
    "memory.Pipeline": (
        memory.Pipeline,
        {
            "name": "a",
            "optimizer": "sgd",
            "learning_rate": 0.1,
            "weight_decay": 0.1,
            "momentum": 0.5,
            "batch_size": 8,
            "decay_steps": 3,
            "sam_radius": 0.1,
        },
    ),
    "memory.digits_problem": (
        memory.digits_problem,
        {"train": 30, "validation": 30, "split": 0, "images": False, "dtype": torch.float32},
    ),
    "memory.image_problem": (
        memory.image_problem,
        {
            "images": torch.rand(40, 1, 4, 4),
            "labels": torch.arange(40) % 3,
            "train": 10,
            "validation": 10,
            "test": 10,
            "split": 0,
        },
    ),
    "memory.minibatches": (
        lambda **options: list(memory.minibatches(**options)),
        {
            "x": normal(9, 2),
            "y": normal(9),
            "steps": 3,
            "batch_size": 4,
            "label_noise": 0.1,
            "seed": 0,
        },
    ),
    "memory.repeat_members": (memory.repeat_members, {"population": many(), "times": 2}),
    "memory.scale_weights": (
        memory.scale_weights,
        {"population": many(), "alpha": 2.0, "layers": "all"},
    ),
    "memory.weight_names": (
        memory.weight_names,
        {"architecture": nets.MLP(), "layers": "all"},
    ),
    "memory.cosine": (memory.cosine, {"trained": many(), "start": many()}),
    "memory.retained_fraction": (
        memory.retained_fraction,
        {"trained": many(), "start": many()},
    ),
    "memory.weight_norm": (memory.weight_norm, {"population": many()}),
    "memory.sweep": (
        lambda **options: memory.sweep(
            PROBLEM,
            nets.MLP(64, 10, depth=1, width=8),
            [memory.Pipeline("a", learning_rate=0.1, batch_size=8)],
            **options,
        ),
        {
            "scales": (1.0, 2.0),
            "networks": 2,
            "steps": 3,
            "layers": "all",
            "seed": 0,
            "device": "cpu",
            "dtype": torch.float32,
        },
    ),
    # statistics, device and plots
    "stats.mean_interval": (stats.mean_interval, {"values": SIX, **INTERVAL}),
    "stats.paired_difference": (
        stats.paired_difference,
        {"a": SIX, "b": SIX * 2, **INTERVAL},
    ),
    "stats.spearman": (stats.spearman, {"x": SIX, "y": OTHER}),
    "stats.spearman_interval": (stats.spearman_interval, {"x": SIX, "y": OTHER, **INTERVAL}),
    "stats.wilson_interval": (
        stats.wilson_interval,
        {"successes": 3, "trials": 10, "level": 0.9},
    ),
    "runtime.generator": (
        lambda **options: generator(**options).initial_seed(),
        {"seed": 0, "device": "cpu"},
    ),
    "runtime.resolve_device": (resolve_device, {"device": "cpu"}),
    "runtime.check_tier": (check_tier, {"tier": "smoke"}),
    "plots.interval_table": (
        plots.interval_table,
        {
            "frame": FRAME,
            "by": "g",
            "value": "v",
            "unit": "network",
            "percent": False,
            "digits": 2,
            "level": 0.9,
        },
    ),
    "plots.interval_grid": (
        plots.interval_grid,
        {
            "frame": FRAME,
            "by": "g",
            "value": "v",
            "across": "x",
            "unit": "network",
            "percent": False,
            "level": 0.9,
        },
    ),
    "plots.curves": (
        plots.curves,
        {"frame": FRAME, "x": "x", "y": "v", "hue": "g", "log_x": False},
    ),
    "plots.heatmaps": (
        plots.heatmaps,
        {"frame": CELLS, "x": "x", "y": "g", "value": "v", "panel": "p", "limits": (0.0, 12.0)},
    ),
    "plots.scatter": (plots.scatter, {"frame": FRAME, "x": "x", "y": ["v"], "hue": "g"}),
    "plots.gallery": (
        plots.gallery,
        {"values": normal(2, 2, 8, 8), "rows": ["a", "b"], "columns": ["c", "d"], "size": 1.0},
    ),
}
