"""Two clouds of points, the second a changed copy of the first, from draws the browser has too."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ibcore.explorers.draws import uniforms

Floats = NDArray[np.float64]

CENTERS = ((1.3, 0.7), (-1.1, 0.9), (-0.7, -1.2), (0.9, -0.6))  # of the groups of points
GROUP_SPREAD = 0.3
MOST_FEATURES = 200  # of pure noise; a point has the same ones however many are used
CLOUD_SEEDS = (3000, 4000, 5000, 6000)  # points, blur, noise features of both; plus the seed


def normals(seed: int, count: int) -> Floats:
    """Return normal numbers by the method of Box and Muller, two uniform ones for each.

    ``IBExplorers.cloudNumbers`` draws the same; number k does not depend on how many are drawn.

    Examples
    --------
    >>> normals(0, 3).round(3).tolist() == normals(0, 9)[:3].round(3).tolist()
    True
    """
    first, second = uniforms(seed, 2 * count).reshape(-1, 2).T  # (count,) each
    return np.asarray(np.sqrt(-2 * np.log(1 - first)) * np.cos(2 * np.pi * second))


def clouds(params: Mapping[str, Any]) -> tuple[Floats, Floats]:
    r"""Return features of the same points twice, (n, 2 + k) each.

    With x a point of the first cloud and R a rotation, the second has
    :math:`s\,R\,(A x + b\,\varepsilon)`, where A stretches and shears, and s scales; both clouds
    have k more features that are independent standard normal noise, those of the second times s.

    Parameters
    ----------
    params
        ``points`` n, ``rotation`` in degrees, ``scale`` s, ``stretch`` and ``shear``, the first
        row of A, ``blur`` b, ``noise`` k, and ``seed``.

    Examples
    --------
    >>> same = {"rotation": 0, "scale": 1.0, "stretch": 1.0, "shear": 0.0, "blur": 0.0}
    >>> x, y = clouds({**same, "points": 12, "noise": 3, "seed": 0})
    >>> x.shape, bool((x[:, :2] == y[:, :2]).all()), bool((x[:, 2:] == y[:, 2:]).any())
    ((12, 5), True, False)
    """
    n, k, seed = params["points"], params["noise"], params["seed"]
    around, blur = (normals(s + seed, 2 * n).reshape(n, 2) for s in CLOUD_SEEDS[:2])
    group = np.arange(n) % len(CENTERS)
    first = np.array(CENTERS)[group] + GROUP_SPREAD * around  # (n, 2)
    bent = np.array([[params["stretch"], params["shear"]], [0.0, 1.0]])
    angle = math.radians(params["rotation"])
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    second = (first @ bent.T + params["blur"] * blur) @ turn.T  # (n, 2)
    noises = (normals(s + seed, n * MOST_FEATURES) for s in CLOUD_SEEDS[2:])
    one, other = (noise.reshape(n, MOST_FEATURES)[:, :k] for noise in noises)  # (n, k)
    return np.hstack([first, one]), params["scale"] * np.hstack([second, other])
