"""The explorer of random networks: one network as a picture, its spectrum and its complexity."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, get_args

import numpy as np
from numpy.typing import NDArray

from ibcore.explorers.base import Answer, Explorer
from ibcore.explorers.checks import check_among, check_names, check_number, check_whole
from ibcore.explorers.complexity import complexity_of
from ibcore.explorers.draw import Poster
from ibcore.explorers.draws import evaluate_drawn
from ibcore.nets import ACTIVATIONS, MLP, Activation, Norm, Residual

WIDTHS = (8, 16, 32, 64)
SCALES = (0.25, 16.0)
DEPTHS = (1, 6)
SEEDS = (0, 31)
GRIDS = (16, 128)
_POSTER_GRID = 64  # a poster is no larger, whatever the grid of the figure


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
        check_among("activation", self.activation, ACTIVATIONS)
        check_among("width", self.width, WIDTHS)
        check_among("norm", self.norm, ("layer", None))
        check_among("residual", self.residual, (*get_args(Residual), None))
        check_among("gated", self.gated, (False, True))
        check_whole("depth", self.depth, DEPTHS)
        check_whole("seed", self.seed, SEEDS)
        check_number("weight_scale", self.weight_scale, SCALES)

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
    return evaluate_drawn(
        architecture, points, seed=settings.seed, weight_scale=settings.weight_scale
    )


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
    >>> figure.to_html().startswith("<ib-explorer")
    True
    """

    kind: ClassVar[str] = "RandomNetwork"
    heights = (
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
        check_whole("grid", grid, GRIDS)
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
        complexity = complexity_of(values)
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
        check_names(params, asdict(self.settings))
        values = network_values(Settings(**params), self.grid)
        low, high = float(values.min()), float(values.max())
        facts = {"complexity": complexity_of(values), "min": low, "max": high}
        return Answer(facts, values.astype(np.float32).tobytes())
