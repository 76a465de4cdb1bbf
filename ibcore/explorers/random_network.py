"""The explorer of random networks: one network as a picture, its spectrum and its complexity."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from ibcore.explorers.base import Answer, Explorer
from ibcore.explorers.draw import Poster
from ibcore.explorers.draws import draw_parameters
from ibcore.nets import ACTIVATIONS, MLP, Activation, Norm, Residual
from ibcore.population import Population
from ibcore.redshift import fourier_complexity
from ibcore.tasks import grid as input_grid

WIDTHS = (8, 16, 32, 64)
SCALES = (0.25, 16.0)
DEPTHS = (1, 6)
SEEDS = (0, 31)
GRIDS = (16, 128)
_POSTER_GRID = 64  # a poster is no larger, whatever the grid of the figure


def _among(name: str, value: object, choices: tuple[object, ...]) -> None:
    known = any(value == choice and type(value) is type(choice) for choice in choices)
    if not known:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} must be one of {listed}, got {value!r}")


def _whole(name: str, value: object, bounds: tuple[int, int]) -> None:
    inside = isinstance(value, int) and bounds[0] <= value <= bounds[1]
    if not inside or isinstance(value, bool):
        raise ValueError(
            f"{name} must be a whole number from {bounds[0]} to {bounds[1]}, got {value!r}"
        )


@dataclass(frozen=True)
class Settings:
    """One random network: its architecture, the size of its weights and its draw.

    Raises
    ------
    ValueError
        If a value is one that the controls of the figure cannot show.
    """

    activation: Activation = "relu"
    weight_scale: float = 1.0
    depth: int = 3
    width: int = 32
    norm: Norm | None = None
    residual: Residual | None = None
    gated: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        _among("activation", self.activation, ACTIVATIONS)
        _among("width", self.width, WIDTHS)
        _among("norm", self.norm, (*get_args(Norm), None))
        _among("residual", self.residual, (*get_args(Residual), None))
        _among("gated", self.gated, (False, True))
        _whole("depth", self.depth, DEPTHS)
        _whole("seed", self.seed, SEEDS)
        low, high = SCALES
        scale = self.weight_scale
        number = isinstance(scale, int | float) and not isinstance(scale, bool)
        if not (number and math.isfinite(scale) and low <= scale <= high):
            raise ValueError(f"weight_scale must be a number from {low} to {high}, got {scale!r}")

    def describe(self) -> str:
        """Return the settings as one phrase."""
        extras = [
            "layer norm" if self.norm else "",
            f"residual {self.residual}" if self.residual else "",
            "gated" if self.gated else "",
        ]
        named = [f"{self.activation}, weight scale {self.weight_scale:.3g}"]
        named += [f"depth {self.depth}", f"width {self.width}", *filter(None, extras)]
        return ", ".join([*named, f"seed {self.seed}"])


def network_values(settings: Settings, points: int) -> NDArray[np.float64]:
    """Evaluate the network by ibcore: shape (points, points), ``values[i, j] = f(x_i, x_j)``.

    Examples
    --------
    >>> network_values(Settings(), 16).shape
    (16, 16)
    """
    architecture = MLP(
        depth=settings.depth,
        width=settings.width,
        activation=settings.activation,
        norm=settings.norm,
        residual=settings.residual,
        gated=settings.gated,
    )
    drawn = draw_parameters(architecture.shapes, settings.seed, weight_scale=settings.weight_scale)
    population = Population(architecture, {name: value[None] for name, value in drawn.items()})
    output = population.forward(input_grid(points).to(torch.float64))  # (1, points^2, 1)
    return np.asarray(output.reshape(points, points).numpy(), dtype=np.float64)


def _complexity(values: NDArray[np.float64]) -> float | None:
    """Return the DCT complexity; None for a constant function, which has none."""
    complexity = float(fourier_complexity(torch.from_numpy(values)[None], transform="dct")[0])
    return None if math.isnan(complexity) else complexity


class RandomNetwork(Explorer):
    """A random network on the square [-1, 1]^2, with controls for what shapes it.

    The picture, the spectrum and the complexity follow the controls at once.  In the static book
    the browser computes them; with a kernel, ibcore does.  The weights are drawn from ``seed``
    by a generator that both share (`ibcore.explorers.draws`), so both show the same network, and
    the same seed at another weight scale is the same network scaled.

    Parameters
    ----------
    activation
        One of `ibcore.nets.ACTIVATIONS`.
    weight_scale
        From 0.25 to 16; 1 is Glorot's.
    depth
        Hidden layers, 1 to 6.
    width
        Units in each hidden layer: 8, 16, 32 or 64.
    norm, residual, gated
        The components, as in `ibcore.nets.MLP`.
    seed
        0 to 31.
    grid
        Points along each axis, 16 to 128.  Complexity depends on it: compare at one grid only.

    Raises
    ------
    ValueError
        If a value is outside its range; the message names both.

    Examples
    --------
    >>> figure = RandomNetwork("tanh", weight_scale=4)
    >>> figure.to_html().startswith("<ib-explorer>")
    True
    """

    kind: ClassVar[str] = "RandomNetwork"
    heights: ClassVar[tuple[str, str]] = (
        "calc(100cqw + 1045px)",
        "max(819px, .5238*min(100cqw, 920px) + 429.6px)",
    )

    def __init__(
        self,
        activation: Activation = "relu",
        *,
        weight_scale: float = 1.0,
        depth: int = 3,
        width: int = 32,
        norm: Norm | None = None,
        residual: Residual | None = None,
        gated: bool = False,
        seed: int = 0,
        grid: int = 64,
    ) -> None:
        _whole("grid", grid, GRIDS)
        self.grid = grid
        self.settings = Settings(
            activation, weight_scale, depth, width, norm, residual, gated, seed
        )

    def __repr__(self) -> str:
        return f"RandomNetwork({self.settings.describe()}, grid {self.grid})"

    def setup(self) -> dict[str, Any]:
        """Return the grid."""
        return {"grid": self.grid}

    def initial(self) -> dict[str, Any]:
        """Return the settings that the figure starts from and Reset goes back to."""
        return asdict(self.settings)

    def poster(self) -> Poster:
        """Evaluate the network by ibcore and describe what it looks like."""
        values = network_values(self.settings, self.grid)
        complexity = _complexity(values)
        result = "constant" if complexity is None else f"complexity {complexity:.3f}"
        described = self.settings.describe()
        step = -(-self.grid // _POSTER_GRID)
        return Poster(
            values[::step, ::step],
            f"A random network ({described}) as a picture over two inputs from -1 to 1: {result}, "
            f"values from {values.min():.3g} to {values.max():.3g}.",
            f"{described}: {result}. With JavaScript this figure is interactive.",
        )

    def answer(self, params: Mapping[str, Any]) -> Answer:
        """Evaluate the network that the controls ask for.

        Raises
        ------
        ValueError
            If a parameter is unknown, missing or outside its range.
        """
        expected = set(asdict(self.settings))
        if set(params) != expected:
            raise ValueError(f"params must be {sorted(expected)}, got {sorted(params)}")
        values = network_values(Settings(**params), self.grid)
        low, high = float(values.min()), float(values.max())
        facts = {"complexity": _complexity(values), "min": low, "max": high}
        return Answer(facts, values.astype(np.float32).tobytes())
