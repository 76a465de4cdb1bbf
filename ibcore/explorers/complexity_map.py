"""The map of complexity over depth and weight scale, with a network of every cell."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from ibcore.explorers.base import Answer, Explorer
from ibcore.explorers.checks import check_among, check_names, check_whole
from ibcore.explorers.complexity import complexity_of
from ibcore.explorers.draw import Poster, square
from ibcore.explorers.draws import evaluate_drawn, uniforms
from ibcore.explorers.random_network import SEEDS
from ibcore.explorers.stored import (
    Summary,
    check_columns,
    in_order,
    nearest,
    plain,
    source_of,
    summarize,
)
from ibcore.nets import MLP, Activation
from ibcore.redshift.fourier import Transform
from ibcore.runs import load

if TYPE_CHECKING:
    import pandas as pd

TRANSFORMS: tuple[Transform, ...] = ("dct", "fft")
COLUMNS = ("activation", "depth", "weight_scale", "width", "grid", *TRANSFORMS)
LARGEST_GRID = 128  # networks are evaluated on the stored grid up to this size

_NAMES = {"dct": "cosine transform", "fft": "plain Fourier transform"}


def _only(name: str, values: list[Any]) -> Any:
    if len(values) != 1:
        raise ValueError(f"the map needs one {name}, got {values}; select one before")
    return values[0]


def _references(points: int) -> dict[str, dict[str, float | None]]:
    """Return the complexity of a straight ramp and of white noise in each transform."""
    ramp = np.tile(np.linspace(-1, 1, points)[:, None], (1, points))
    noise = uniforms(0, points**2).reshape(points, points)
    known = {"ramp": ramp, "noise": noise}
    return {
        transform: {name: complexity_of(values, transform) for name, values in known.items()}
        for transform in TRANSFORMS
    }


class ComplexityMap(Explorer):
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
        A tidy frame with the columns activation, depth, weight_scale, width, grid, dct, fft, one
        row for each network, one width and one grid; by default
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

    kind: ClassVar[str] = "ComplexityMap"

    def __init__(
        self,
        activation: str = "tanh",
        *,
        transform: Transform = "dct",
        depth: int | None = None,
        weight_scale: float | None = None,
        seed: int = 0,
        frame: "pd.DataFrame | None" = None,
    ) -> None:
        data = load("redshift.activations") if frame is None else frame
        check_columns("frame", data, COLUMNS)
        self.source = source_of(data)
        self.activations = in_order(data["activation"])
        self.depths: list[int] = plain(data["depth"])
        self.scales: list[float] = plain(data["weight_scale"])
        self.width: int = _only("width", plain(data["width"]))
        self.measured_grid: int = _only("grid", plain(data["grid"]))
        self.grid = self.measured_grid if self.measured_grid <= LARGEST_GRID else 64
        self._cells = self._summaries(data)
        depth = int(nearest(3, self.depths)) if depth is None else depth
        scale = nearest(4, self.scales) if weight_scale is None else weight_scale
        self._initial = self._checked(
            {
                "activation": activation,
                "transform": transform,
                "depth": depth,
                "weight_scale": float(scale),
                "seed": seed,
            }
        )
        rows = len(self.scales)
        self.heights = (
            f"calc(100cqw + {34 * rows + 867}px)",
            f"max({34 * rows + 637}px, .4762*min(100cqw, 920px) + 400.4px)",
        )

    def __repr__(self) -> str:
        return f"ComplexityMap({self._describe(self._initial)})"

    def setup(self) -> dict[str, Any]:
        """Return the axes of the map and its cells: ``cells[activation][transform]`` by row."""
        return {
            "activations": self.activations,
            "depths": self.depths,
            "scales": self.scales,
            "width": self.width,
            "grid": self.grid,
            "measured_grid": self.measured_grid,
            "cells": self._cells,
            "references": _references(self.measured_grid),
            "source": self.source,
        }

    def initial(self) -> dict[str, Any]:
        """Return the activation, transform, cell and seed that the figure starts from."""
        return dict(self._initial)

    def poster(self) -> Poster:
        """Return the map of the first activation as a picture."""
        p = self._initial
        rows = self._cells[p["activation"]][p["transform"]]
        means = [np.nan if cell[0] is None else cell[0] for cell in rows]
        cells = np.array(means).reshape(len(self.scales), len(self.depths))
        where = self._extremes(cells)
        return Poster(
            square(np.where(np.isnan(cells), np.nanmin(cells), cells)).T,
            f"Map of the mean complexity of random {p['activation']} networks, depth to the right "
            f"and weight scale upward, in the {_NAMES[p['transform']]}: {where}.",
            f"{p['activation']}, {_NAMES[p['transform']]}: {where}. "
            "With JavaScript this figure is interactive.",
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
            activation=cast(Activation, params["activation"]),
        )
        return evaluate_drawn(
            architecture, self.grid, seed=params["seed"], weight_scale=params["weight_scale"]
        )

    def _checked(self, params: Mapping[str, Any]) -> dict[str, Any]:
        expected = ("activation", "transform", "depth", "weight_scale", "seed")
        check_names(params, expected)
        scale = params["weight_scale"]
        checked = {**params, "weight_scale": float(scale) if isinstance(scale, int) else scale}
        check_among("activation", checked["activation"], self.activations)
        check_among("transform", checked["transform"], TRANSFORMS)
        check_among("depth", checked["depth"], self.depths)
        check_among("weight_scale", checked["weight_scale"], self.scales)
        check_whole("seed", checked["seed"], SEEDS)
        return checked

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

    def _summaries(self, data: "pd.DataFrame") -> dict[str, dict[str, list[Summary]]]:
        """Summarize every cell; rows by rising weight scale, then by depth."""
        groups = data.groupby(["activation", "weight_scale", "depth"], observed=True)
        found = dict(iter(groups))
        keys = [(scale, depth) for scale in self.scales for depth in self.depths]
        for name in self.activations:
            missing = next((key for key in keys if (name, *key) not in found), None)
            if missing:
                raise ValueError(
                    f"frame has no networks with activation {name!r}, weight scale {missing[0]}, "
                    f"depth {missing[1]}; the map needs every combination"
                )
            if data.loc[data["activation"] == name, "dct"].isna().all():
                raise ValueError(f"every function of {name!r} is constant: it has no map")
        return {
            name: {t: [summarize(found[name, *key][t]) for key in keys] for t in TRANSFORMS}
            for name in self.activations
        }
