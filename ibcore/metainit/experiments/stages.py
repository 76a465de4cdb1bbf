"""How complex the functions of a network are at some moments of learning."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from torch import Tensor

from ibcore.redshift import fourier_complexity, lempel_ziv_complexity, total_variation
from ibcore.stats import spearman


class Stage(NamedTuple):
    """Functions at one moment.

    Attributes
    ----------
    start, optimizer, budget
        Where learning began, and after how many steps of which optimizer the functions are seen.
    values
        Of each function at the same objects, ``(functions, objects)``; after learning, a function
        for each task.
    """

    start: str
    optimizer: str
    budget: int
    values: Tensor


def complexities(values: Tensor) -> dict[str, Tensor]:
    """Return the complexity of functions on a grid by three measures, float64, nan if constant.

    On the 16 objects, a grid of two points along each of four features, the Fourier complexity is
    the mean square root of the degree of the Walsh coefficients, weighted by their amplitude and
    divided by 2; the total variation is the mean change when one feature is flipped, in standard
    deviations.

    Parameters
    ----------
    values
        Floating point, ``(functions, n, ..., n)``.

    Examples
    --------
    >>> import torch
    >>> first = torch.ones(1, 2, 2, 2, 2)
    >>> first[:, 0] = -1  # the first feature: degree 1, and one flip of four changes it by 2
    >>> {name: value.item() for name, value in complexities(first).items()}
    {'fourier': 0.5, 'variation': 0.5, 'lempel_ziv': 3.0}
    """
    return {
        "fourier": fourier_complexity(values),
        "variation": total_variation(values),
        "lempel_ziv": lempel_ziv_complexity(values, variant="lz76"),
    }


def stage_table(stages: list[Stage], truth: Tensor, *, grid: tuple[int, ...]) -> pd.DataFrame:
    """Return one row for each stage.

    ``fourier``, ``variation`` and ``lempel_ziv`` are means over the functions that are not
    constant, ``constant`` is the share of those that are, and ``functions`` their number in all.
    ``tracking`` is the rank correlation over tasks of Fourier complexity with that of the truth;
    it exists after learning only.

    Parameters
    ----------
    stages
        With one function for each task where ``budget`` is above 0.
    truth
        What each task asks for, ``(tasks, objects)``.
    grid
        The shape in which the objects lie.

    Examples
    --------
    >>> import torch
    >>> truth = torch.tensor([[0.0, 1, 2, 3], [0, 1, 0, 1], [0, 0, 1, 1]])
    >>> frame = stage_table([Stage("random", "AdamW", 9, 2 * truth)], truth, grid=(4,))
    >>> round(float(frame.tracking[0]), 3), int(frame.functions[0])
    (1.0, 3)
    """
    target = complexities(truth.reshape(-1, *grid))["fourier"]  # (tasks,)
    rows = []
    for stage in stages:
        found = complexities(stage.values.reshape(-1, *grid))  # (functions, n, ..., n)
        rows.append(
            {
                "start": stage.start,
                "optimizer": stage.optimizer,
                "budget": stage.budget,
                "functions": len(stage.values),
                "constant": found["fourier"].isnan().double().mean().item(),
                **{name: value.nanmean().item() for name, value in found.items()},
                "tracking": _tracking(found["fourier"], target) if stage.budget else float("nan"),
            }
        )
    return pd.DataFrame(rows)


def _tracking(found: Tensor, target: Tensor) -> float:
    """Return the rank correlation over tasks in which neither is constant; nan without ranking."""
    both = (found.isfinite() & target.isfinite()).cpu()
    # Functions of the same complexity are ties, however their sums were rounded.
    x, y = (values.cpu()[both].numpy().round(9) for values in (found, target))
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return spearman(x, y)
