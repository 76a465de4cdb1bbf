"""The map of complexity over depth and weight scale, with a network of every cell."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ibcore.door import door
from ibcore.explorers.base import Answer, Control, Poster, StoredFigure, square
from ibcore.explorers.portable_random import evaluate_drawn, uniforms
from ibcore.explorers.random_network import SEEDS, complexity_of
from ibcore.explorers.stored import (
    fit_pictures,
    nearest,
    ordered,
    read_table,
    rounded,
    source_of,
    summaries,
)
from ibcore.nets import MLP
from ibcore.redshift.fourier import Transform
from ibcore.runs import load
from ibcore.tasks.modular import modular_labels

TRANSFORMS: tuple[Transform, ...] = ("dct", "fft")
AXES = ("activation", "weight_scale", "depth", "network")
LARGEST_GRID = 128  # networks are evaluated on the stored grid up to this size

_NAMES = {"dct": "cosine transform", "fft": "plain Fourier transform"}
MEASURES = {"dct": "cosine", "fft": "plain Fourier"}


def _references(points: int) -> dict[str, dict[str, float | None]]:
    """Return the complexity of a straight ramp and of white noise in each transform."""
    ramp = np.tile(np.linspace(-1, 1, points)[:, None], (1, points))
    noise = uniforms(0, points**2).reshape(points, points)
    known = {"ramp": ramp, "noise": noise}
    return {
        transform: {name: complexity_of(values, transform) for name, values in known.items()}
        for transform in TRANSFORMS
    }


@door
class ComplexityMap(StoredFigure):
    """Mean complexity over depth and weight scale, and a random network of each cell.

    The map shows a stored run of `redshift.activations`.  For the cell under the pointer or the
    keyboard's focus a network of its depth, width and weight scale is drawn and evaluated in the
    browser (with a kernel, by ibcore), and its own complexity stands beside the mean of the cell.

    Parameters
    ----------
    activation
        One of those in the run.
    transform
        ``"dct"`` (cosine transform) or ``"fft"`` (plain Fourier transform).
    depth, weight_scale
        The cell to start from; by default those in the run nearest to 3 and 4.
    seed
        0 to 31.
    frame
        A tidy frame with the columns activation, depth, weight_scale, network, width, grid, dct,
        fft; the same networks in each cell, one width and one grid; by default
        ``ibcore.runs.load("redshift.activations")``.

    Raises
    ------
    FileNotFoundError
        If no frame is given and the run is not stored; the message names the command.
    ValueError
        If a value is not among those of the run, or the frame lacks a column or a cell.

    Examples
    --------
    >>> ComplexityMap("sine", transform="fft").to_html().startswith("<ib-explorer")
    True
    """

    def __init__(
        self,
        activation: str = "tanh",
        *,
        transform: Transform = "dct",
        depth: int | None = None,
        weight_scale: float | None = None,
        seed: int = 0,
        frame: pd.DataFrame | None = None,
    ) -> None:
        data = load("redshift.activations") if frame is None else frame
        self.source = source_of(data)
        table = read_table(data, AXES, TRANSFORMS, one=("width", "grid"))
        self.scales, self.depths = (table.axes[name] for name in AXES[1:3])
        self.width, measured = (int(data[name].iloc[0]) for name in ("width", "grid"))
        self.grid = measured if measured <= LARGEST_GRID else 64
        self._controls = {
            "activation": Control("dropdown", "Activation", table.axes["activation"], wide=False),
            "transform": Control("choice", "Measure", TRANSFORMS, MEASURES, wide=False),
            "seed": Control("slider", "Seed", SEEDS, wide=False),
        }
        self._choices = {"depth": self.depths, "weight_scale": self.scales}
        self._cells = {
            name: {t: _cells(name, table.at(t, activation=name)) for t in TRANSFORMS}
            for name in table.axes["activation"]
        }
        self._numbers = {
            "depths": self.depths,
            "scales": self.scales,
            "width": self.width,
            "grid": self.grid,
            "measured_grid": measured,
            "cells": self._cells,
            "references": _references(measured),
        }
        usual = {"depth": int(nearest(3, self.depths)), "weight_scale": nearest(4, self.scales)}
        asked = {"activation": activation, "transform": transform, "seed": seed}
        self._start(usual, **asked, depth=depth, weight_scale=weight_scale)
        rows = len(self.scales)
        self.heights = (
            f"{28 * rows + 1060}px",
            f"max({34 * rows + 637}px, .4762*min(100cqw, 920px) + 400.4px)",
        )

    def poster(self) -> Poster:
        """Return the map of the first activation as a picture."""
        p = self._initial
        rows = self._cells[p["activation"]][p["transform"]]
        means = [np.nan if cell[0] is None else cell[0] for cell in rows]
        cells = np.array(means).reshape(len(self.scales), len(self.depths))
        return self._still(
            square(np.where(np.isnan(cells), np.nanmin(cells), cells)).T,
            f"Map of the mean complexity of random {p['activation']} networks, depth to the right "
            f"and weight scale upward, in the {_NAMES[p['transform']]}",
            self._extremes(cells),
            subject=f"{p['activation']}, {_NAMES[p['transform']]}",
        )

    def answer(self, params: Mapping[str, Any]) -> Answer:
        """Evaluate the network of the cell that the controls ask for.

        Raises
        ------
        ValueError
            If a parameter is unknown, missing or not among those of the run.
        """
        p = self._checked(params)
        values = self.network_values(p)
        facts: dict[str, Any] = {t: complexity_of(values, t) for t in TRANSFORMS}
        facts |= {"min": float(values.min()), "max": float(values.max())}
        return Answer(facts, values.astype(np.float32).tobytes())

    def network_values(self, params: Mapping[str, Any]) -> NDArray[np.float64]:
        """Return the drawn network of a cell: (grid, grid), ``values[i, j] = f(x_i, x_j)``."""
        architecture = MLP(
            depth=params["depth"],
            width=self.width,
            activation=params["activation"],
        )
        return evaluate_drawn(
            architecture, self.grid, seed=params["seed"], weight_scale=params["weight_scale"]
        )

    def _describe(self, p: Mapping[str, Any]) -> str:
        cell = f"depth {p['depth']}, weight scale {p['weight_scale']:.3g}"
        return f"{p['activation']}, {_NAMES[p['transform']]}, {cell}, seed {p['seed']}"

    def _extremes(self, cells: NDArray[np.float64]) -> str:
        """Say where the mean complexity is lowest and highest."""
        words = []
        for name, index in (("lowest", np.nanargmin(cells)), ("highest", np.nanargmax(cells))):
            row, column = np.unravel_index(index, cells.shape)
            cell = f"depth {self.depths[column]}, weight scale {self.scales[row]:.3g}"
            words.append(f"{name} {cells[row, column]:.3f} at {cell}")
        return ", ".join(words)


def _cells(name: str, values: NDArray[np.float64]) -> list[Any]:
    """Summarize (scales, depths, networks) by rising weight scale, then by depth."""
    if np.isnan(values).all():
        raise ValueError(f"every function of {name!r} is constant: it has no map")
    return [cell for row in summaries(values) for cell in row]


# The player of learned modular additions: what a network learns as its prefactor grows.

SIDE = 32  # points along each axis of a stored picture
LARGEST = 90_000  # characters of the packed pictures
KEYS = ("activation", "prefactor", "modulus")
ACCURACIES = ("train_accuracy", "test_accuracy")


def _target(modulus: int) -> str:
    """Return the label of each point of the picture as text of 0 and 1, x1 the slow axis."""
    labels = modular_labels(modulus, points=SIDE).flatten().tolist()
    return "".join(map(str, labels))


@door
class ModularPlayer(StoredFigure):
    """Modular addition, learned: the target, one learned function and the accuracy.

    Labels are 1 where (x1 + x2) mod M is below M / 2, for whole numbers x1, x2 from 0 to 15.
    The reader chooses activation, prefactor and M, or lets the prefactor run.

    Parameters
    ----------
    activation, prefactor, modulus
        What to start from; by default the first activation, the prefactor nearest to 1 and the
        largest modulus of the pictures.
    curves
        Columns activation, prefactor, modulus, network, train_accuracy, test_accuracy; by
        default ``ibcore.runs.load("redshift.modular")``.
    pictures
        Columns activation, prefactor, modulus, picture, train_accuracy, test_accuracy: one row
        for every combination, ``picture`` the 32 x 32 bytes of the function on the grid of
        [-1, 1]^2, x1 the slow axis, 255 times the probability of label 1; by default
        ``ibcore.runs.load("redshift.modular-pictures")``.

    Raises
    ------
    FileNotFoundError
        If a frame is neither given nor stored; the message names the command that computes it.
    ValueError
        If a value is not in the frames, a frame lacks a column or a combination, or the packed
        pictures are too large for a page.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"activation": "relu", "prefactor": 1.0, "modulus": 10}
    >>> row |= {"train_accuracy": 1.0, "test_accuracy": 0.9}
    >>> curves, pictures = pd.DataFrame([row]), pd.DataFrame([{**row, "picture": bytes(1024)}])
    >>> ModularPlayer(curves=curves.assign(network=0), pictures=pictures)
    ModularPlayer(relu, prefactor 1, modulus 10)
    """

    heights = ("calc(50cqw + 869px)", "max(653px, .2619*min(100cqw, 920px) + 424.3px)")

    def __init__(
        self,
        activation: str | None = None,
        *,
        prefactor: float | None = None,
        modulus: int | None = None,
        curves: pd.DataFrame | None = None,
        pictures: pd.DataFrame | None = None,
    ) -> None:
        accuracies = load("redshift.modular") if curves is None else curves
        learned = load("redshift.modular-pictures") if pictures is None else pictures
        self.source = source_of(accuracies)
        orders = {"modulus": ordered(learned["modulus"])[::-1]} if "modulus" in learned else {}
        packed = {"picture": (np.uint8, SIDE**2)}
        self._table = table = read_table(
            learned, KEYS, ACCURACIES, packed=packed, orders=orders, name="pictures"
        )
        activations, prefactors, moduli = table.axes.values()
        self._controls = {
            "prefactor": Control("slider", "Prefactor", prefactors, _three_digits, wide=False),
            "activation": Control("dropdown", "Activation", activations, wide=False),
            "modulus": Control("choice", "Modulus M", moduli, wide=False),
        }
        squares = table.measures["picture"].reshape(-1, SIDE, SIDE)
        packed_pictures, levels = fit_pictures(squares, LARGEST)
        measures = [table.measures[name].ravel() for name in ACCURACIES]
        self._numbers = {
            "side": SIDE,
            "targets": {str(modulus): _target(modulus) for modulus in moduli},
            "levels": levels,
            "pictures": packed_pictures,
            "networks": rounded(np.stack(measures, axis=1), 4),
            "curves": _read_curves(accuracies, activations, moduli),
        }
        usual = {"prefactor": nearest(1, table.axes["prefactor"])}
        self._start(usual, activation=activation, prefactor=prefactor, modulus=modulus)

    def poster(self) -> Poster:
        """Return the first learned function with its accuracy."""
        p = self._initial
        train, test = (float(self._table.at(name, **p)) for name in ACCURACIES)
        return self._still(
            self._table.at("picture", **p).reshape(SIDE, SIDE) / 255,
            f"The function that a network ({self._describe(p)}) learned from modular addition, "
            "over two inputs from 0 to 15",
            f"train accuracy {train:.2f}, test accuracy {test:.2f}",
        )

    def _describe(self, p: Mapping[str, Any]) -> str:
        return f"{p['activation']}, prefactor {p['prefactor']:.3g}, modulus {p['modulus']}"


def _read_curves(
    frame: pd.DataFrame, activations: list[str], moduli: list[int]
) -> dict[str, dict[str, list[Any]]]:
    """Return ``curves[activation][modulus]``: prefactor, then train and test accuracy."""
    axes = ("activation", "modulus", "prefactor", "network")
    orders: dict[str, list[Any]] = {"activation": activations, "modulus": moduli}
    table = read_table(frame, axes, ACCURACIES, orders=orders, name="curves")

    def curve(**chosen: Any) -> list[Any]:
        found = (summaries(table.at(name, **chosen)) for name in ACCURACIES)
        return list(zip(table.axes["prefactor"], *found, strict=True))

    return {
        name: {str(m): curve(activation=name, modulus=m) for m in moduli} for name in activations
    }


def _three_digits(value: float) -> str:
    return f"{value:#.3g}".rstrip(".")
