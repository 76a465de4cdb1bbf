"""The exact model: what decay does to the size and to the shape of a diagonal net's start."""

import math

import pandas as pd
import torch
from torch import Tensor

from ibcore.memory import woodworth_solution
from ibcore.runs.experiment import Cell, Experiment, design
from ibcore.runtime import generator
from ibcore.synthesis.training import half_life
from ibcore.tasks import SparseRegression

POINTS, FEATURES, FAMILY, NONZERO = 8, 40, 10, 3


def draw_problems(draws: int, tasks: int) -> SparseRegression:
    """Return regressions with three nonzero numbers among the family's ten coordinates.

    Inputs are (draws, tasks, 8, 40), targets (draws, tasks, 8), coefficients (draws, tasks, 40).
    """
    rng = generator(0)
    x = torch.randn(draws, tasks, POINTS, FEATURES, generator=rng, dtype=torch.float64)
    where = torch.rand(draws, tasks, FAMILY, generator=rng).argsort(-1)[..., :NONZERO]
    signs = torch.randint(2, where.shape, generator=rng).double() * 2 - 1
    truth = torch.zeros(draws, tasks, FEATURES, dtype=torch.float64).scatter(-1, where, signs)
    return SparseRegression(x, (x @ truth[..., None])[..., 0], truth)


def shaped_scale(ratio: float, clock: float) -> Tensor:
    """Return the scale of each coordinate: 1 in the family, 1 / ratio elsewhere, then decayed.

    Decay alone multiplies every weight by exp(-clock / 2): the size goes, the ratio stays.

    Examples
    --------
    >>> scale = shaped_scale(10.0, 2.0)
    >>> round(scale[0].item(), 3), round((scale[0] / scale[-1]).item(), 6)
    (0.368, 10.0)
    """
    shape = torch.full((FEATURES,), 1 / ratio, dtype=torch.float64)
    shape[:FAMILY] = 1.0
    return shape * math.exp(-clock / 2)


def relative_price(scale: Tensor) -> float:
    """Return how much more a unit outside the family costs than one inside.

    The potential that gradient flow minimizes has the slope arcsinh(1 / (2 scale^2)) at 1, so after
    a while the price is 1 + 2 ln(ratio) / clock.

    Examples
    --------
    >>> round(relative_price(shaped_scale(10.0, 20.0)), 6) == round(1 + math.log(10) / 10, 6)
    True
    """
    inside, outside = torch.asinh(0.5 / scale[[0, -1]].square()).tolist()
    return float(outside / inside)


def _run_shapes(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Return one row for each draw and clock: risks after flow from a shaped and an even start.

    Before flow, decay has run on its own up to the clock.  On a draw's last row ``half_clock`` is
    when half of the largest ``advantage`` of the shaped start was gone.
    """
    problems, frames = draw_problems(cell["draws"], cell["tasks"]), []
    for clock in cell["clock"]:
        columns = {"price": relative_price(shaped_scale(cell["ratio"], clock)), "clock": clock}
        for name, ratio in (("risk", cell["ratio"]), ("even_risk", 1.0)):
            beta = woodworth_solution(problems.x, problems.y, shaped_scale(ratio, clock))
            columns[name] = problems.excess_risk(beta).mean(-1).tolist()
        frames.append(pd.DataFrame({"draw": range(cell["draws"]), **columns}))
    frame = pd.concat(frames).sort_values(["draw", "clock"], ignore_index=True)
    frame["advantage"], frame["ratio"] = frame.even_risk - frame.risk, cell["ratio"]
    frame["final"] = frame.clock == max(cell["clock"])
    for _, part in frame.groupby("draw"):
        worth = part.advantage.to_numpy()
        late = half_life(part.clock, worth, first=int(worth.argmax()))
        frame.loc[part.index[-1], "half_clock"] = late
    return frame


CLOCKS = (0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0)

# Shown in: crossings, "A start with a shape"; claims synthesis.shape-outlives-size,
# shape-half-life, shape-grows, shape-price, shape-decay-helps, shape-decay-harms.
DIAGONAL = Experiment(
    "synthesis.diagonal",
    "Does decay erase the shape of a start as fast as its size?",
    {
        "smoke": design({"ratio": (3.0, 10.0, 100.0)}, clock=CLOCKS, draws=5, tasks=3),
        "laptop": design({"ratio": (3.0, 10.0, 100.0)}, clock=CLOCKS, draws=40, tasks=6),
    },
    _run_shapes,
)
