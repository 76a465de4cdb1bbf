"""The map of complexity over depth and weight scale, with a network of every cell."""

from collections.abc import Mapping
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from ibcore.explorers.base import (
    Answer,
    Explorer,
    Poster,
    check_among,
    check_names,
    check_whole,
    square,
)
from ibcore.explorers.random_network import SEEDS, complexity_of, evaluate_drawn, uniforms
from ibcore.explorers.stored import (
    Summary,
    check_columns,
    fit_pictures,
    in_order,
    nearest,
    plain,
    source_of,
    summarize,
)
from ibcore.nets import MLP, Activation
from ibcore.redshift.fourier import Transform
from ibcore.runs import load
from ibcore.tasks.modular import modular_labels

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


# The player of learned modular additions: what a network learns as its prefactor grows.

SIDE = 32  # points along each axis of a stored picture
LARGEST = 90_000  # characters of the packed pictures
KEYS = ("activation", "prefactor", "modulus")
ACCURACIES = ("train_accuracy", "test_accuracy")


def _number(name: str, value: object) -> object:
    return float(value) if name == "prefactor" and isinstance(value, int) else value


def _target(modulus: int) -> str:
    """Return the label of each point of the picture as text of 0 and 1, x1 the slow axis."""
    labels = modular_labels(modulus, points=SIDE).flatten().tolist()
    return "".join(map(str, labels))


class ModularPlayer(Explorer):
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

    kind: ClassVar[str] = "ModularPlayer"
    heights = (
        "calc(50cqw + 907px)",
        "max(653px, .2619*min(100cqw, 920px) + 424.3px)",
    )

    def __init__(
        self,
        activation: str | None = None,
        *,
        prefactor: float | None = None,
        modulus: int | None = None,
        curves: "pd.DataFrame | None" = None,
        pictures: "pd.DataFrame | None" = None,
    ) -> None:
        accuracies = load("redshift.modular") if curves is None else curves
        learned = load("redshift.modular-pictures") if pictures is None else pictures
        check_columns("curves", accuracies, (*KEYS, "network", *ACCURACIES))
        check_columns("pictures", learned, (*KEYS, "picture", *ACCURACIES))
        self.source = source_of(accuracies)
        self.choices: dict[str, list[Any]] = {
            "activation": in_order(learned["activation"]),
            "prefactor": [float(value) for value in plain(learned["prefactor"])],
            "modulus": plain(learned["modulus"])[::-1],
        }
        self._pictures, self._networks = self._read_pictures(learned)
        self._curves = self._read_curves(accuracies)
        self._packed, self._levels = fit_pictures(self._pictures, LARGEST)
        start = (activation, prefactor, modulus)
        usual = (self.choices["activation"][0], nearest(1, self.choices["prefactor"]))
        defaults = (*usual, self.choices["modulus"][0])
        chosen = [d if value is None else value for value, d in zip(start, defaults, strict=True)]
        self._initial = self._checked(dict(zip(KEYS, chosen, strict=True)))

    def __repr__(self) -> str:
        p = self._initial
        return (
            f"ModularPlayer({p['activation']}, prefactor {p['prefactor']:.3g}, "
            f"modulus {p['modulus']})"
        )

    def setup(self) -> dict[str, Any]:
        """Return choices, packed pictures, their accuracies and the curves."""
        return {
            "choices": self.choices,
            "side": SIDE,
            "targets": {str(modulus): _target(modulus) for modulus in self.choices["modulus"]},
            "levels": self._levels,
            "pictures": self._packed,
            "networks": self._networks,
            "curves": self._curves,
            "source": self.source,
        }

    def initial(self) -> dict[str, Any]:
        """Return the activation, prefactor and modulus that the figure starts from."""
        return dict(self._initial)

    def poster(self) -> Poster:
        """Return the first learned function with its accuracy."""
        p = self._initial
        train, test = self._networks[self._index(p)]
        described = f"{p['activation']}, prefactor {p['prefactor']:.3g}, modulus {p['modulus']}"
        result = f"train accuracy {train:.2f}, test accuracy {test:.2f}"
        return Poster(
            self._pictures[self._index(p)] / 255,
            f"The function that a network ({described}) learned from modular addition, over two "
            f"inputs from 0 to 15: {result}.",
            f"{described}: {result}. With JavaScript this figure is interactive.",
        )

    def answer(self, params: Mapping[str, Any]) -> Answer:
        """Return the stored picture, in all its levels, and the accuracy of its network.

        Raises
        ------
        ValueError
            If a parameter is unknown, missing or not among those of the pictures.
        """
        index = self._index(self._checked(params))
        train, test = self._networks[index]
        values = self._pictures[index].astype(np.float32) / 255
        return Answer({"train_accuracy": train, "test_accuracy": test}, values.tobytes())

    def _combinations(self) -> list[tuple[Any, ...]]:
        return list(product(*(self.choices[name] for name in KEYS)))

    def _index(self, params: Mapping[str, Any]) -> int:
        return self._combinations().index(tuple(params[name] for name in KEYS))

    def _checked(self, params: Mapping[str, Any]) -> dict[str, Any]:
        check_names(params, KEYS)
        checked = {name: _number(name, params[name]) for name in KEYS}
        for name in KEYS:
            check_among(name, checked[name], self.choices[name])
        return checked

    def _read_pictures(
        self, frame: "pd.DataFrame"
    ) -> tuple[NDArray[np.uint8], list[tuple[float, float]]]:
        """Return pictures (m, 32, 32) and accuracies in the order of the combinations."""
        rows = {tuple(row[name] for name in KEYS): row for row in frame.to_dict("records")}
        wanted = self._combinations()
        if len(frame) != len(wanted) or any(key not in rows for key in wanted):
            raise ValueError(
                f"pictures must have one row for each of the {len(wanted)} combinations of "
                f"{', '.join(KEYS)}, got {len(frame)} rows for {len(rows)} combinations"
            )
        pictures = [np.frombuffer(rows[key]["picture"], dtype=np.uint8) for key in wanted]
        wrong = next((picture.size for picture in pictures if picture.size != SIDE**2), None)
        if wrong is not None:
            raise ValueError(f"a picture must have {SIDE} x {SIDE} bytes, got {wrong}")
        networks = [tuple(round(float(rows[k][name]), 4) for name in ACCURACIES) for k in wanted]
        stacked = np.stack(pictures).reshape(-1, SIDE, SIDE)
        return stacked, [(train, test) for train, test in networks]

    def _read_curves(
        self, frame: "pd.DataFrame"
    ) -> dict[str, dict[str, list[tuple[float, Summary, Summary]]]]:
        """Return ``curves[activation][modulus]``: prefactor, then train and test accuracy."""
        curves: dict[str, dict[str, list[tuple[float, Summary, Summary]]]] = {}
        for name, modulus in product(self.choices["activation"], self.choices["modulus"]):
            rows = frame[(frame["activation"] == name) & (frame["modulus"] == modulus)]
            if rows.empty:
                raise ValueError(
                    f"curves has no networks with activation {name!r} and modulus {modulus}"
                )
            curves.setdefault(name, {})[str(modulus)] = [
                (float(at), *(summarize(group[column]) for column in ACCURACIES))  # type: ignore[misc]
                for at, group in rows.groupby("prefactor")
            ]
        return curves
