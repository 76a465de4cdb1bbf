"""The explorer of similarity: two clouds of points and the measures that react to their changes."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch

from ibcore.explorers.base import Answer, Explorer
from ibcore.explorers.checks import check_among, check_names, check_whole
from ibcore.explorers.cloud_draws import (
    CENTERS,
    CLOUD_SEEDS,
    GROUP_SPREAD,
    MOST_FEATURES,
    Floats,
    clouds,
)
from ibcore.explorers.draw import Poster
from ibcore.guidance import cka, procrustes, ridge, rsa
from ibcore.runtime import generator

CHOICES: dict[str, tuple[float, ...]] = {
    "rotation": tuple(range(-180, 181, 15)),
    "scale": (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0),
    "stretch": (1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0),
    "shear": (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0),
    "blur": (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0),
    "noise": (0, 1, 2, 5, 10, 20, 50, 100, MOST_FEATURES),
    "points": (10, 15, 20, 30, 40, 60),
}
SEEDS = (0, 31)
PENALTY = 1e-3  # of the ridge regression, and its folds: the defaults of `ibcore.guidance.ridge`
FOLDS = 5
MEASURES = ("biased", "unbiased", "rbf", "rsa", "procrustes", "ridge")
_WHOLE = ("rotation", "noise", "points", "seed")


def similarities(x: Floats, y: Floats) -> dict[str, float]:
    """Return all measures of the figure for features (n, p) and (n, q), by name.

    Linear CKA ``biased`` and ``unbiased``, unbiased ``rbf`` CKA, ``rsa`` (Pearson's correlation
    of distances), ``procrustes``, and ``ridge``: the held-out share of y that is read from x.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(20, 2))
    >>> {name: round(value, 3) for name, value in similarities(x, -2 * x).items()}["unbiased"]
    1.0
    """
    a, b = torch.from_numpy(x), torch.from_numpy(y)
    values = (
        cka(a, b, unbiased=False),
        cka(a, b),
        cka(a, b, kernel="rbf"),
        rsa(a, b),
        procrustes(a, b),
        ridge(a, b, penalty=PENALTY, folds=FOLDS),
    )
    return {name: value.item() for name, value in zip(MEASURES, values, strict=True)}


class SimilarityPlayground(Explorer):
    r"""Two clouds of points, and what six measures of similarity say of them.

    The second cloud is the first one rotated, scaled, stretched, sheared and blurred; both may get
    features of pure noise of their own.  Bars show linear CKA without and with the correction of
    its bias, RBF CKA, RSA, Procrustes and ridge regression, and which of them the last change has
    moved.  The browser computes all of them; with a kernel, `ibcore.guidance` does.

    Parameters
    ----------
    rotation
        Degrees, a multiple of 15 from -180 to 180.
    scale
        0.25 to 4, as in ``CHOICES``; of all features of the second cloud.
    stretch, shear
        Factor of the first coordinate, 1 to 8, and how much of the second is added to it, 0 to 3.
    blur
        Standard deviation of the noise on each coordinate, 0 to 5.
    noise
        How many features of pure noise each cloud gets, 0 to 200.
    points
        10 to 60.
    seed
        0 to 31, of all draws.

    Raises
    ------
    ValueError
        If a value is none of these.

    Examples
    --------
    >>> figure = SimilarityPlayground(stretch=3)
    >>> facts = figure.answer(figure.initial()).facts
    >>> facts["unbiased"] < 0.95, facts["ridge"] > 0.999
    (True, True)
    """

    kind: ClassVar[str] = "SimilarityPlayground"
    heights = ("calc(996px + 50cqw)", "703px")

    def __init__(
        self,
        *,
        rotation: int = 30,
        scale: float = 1.0,
        stretch: float = 1.0,
        shear: float = 0.0,
        blur: float = 0.0,
        noise: int = 0,
        points: int = 40,
        seed: int = 0,
    ) -> None:
        self._initial = self._checked(
            {
                "rotation": rotation,
                "scale": scale,
                "stretch": stretch,
                "shear": shear,
                "blur": blur,
                "noise": noise,
                "points": points,
                "seed": seed,
            }
        )

    def __repr__(self) -> str:
        return f"SimilarityPlayground({_describe(self._initial)})"

    def setup(self) -> dict[str, Any]:
        """Return the choices of the controls, how points are drawn, and the order of the folds."""
        orders = {
            str(n): torch.randperm(int(n), generator=generator(0)).tolist()
            for n in CHOICES["points"]
        }
        return {
            "choices": {name: list(values) for name, values in CHOICES.items()},
            "seeds": SEEDS[1] + 1,
            "centers": [list(center) for center in CENTERS],
            "spread": GROUP_SPREAD,
            "features": MOST_FEATURES,
            "streams": list(CLOUD_SEEDS),
            "penalty": PENALTY,
            "folds": FOLDS,
            "orders": orders,
        }

    def initial(self) -> dict[str, Any]:
        """Return the settings that the figure starts from and Reset goes back to."""
        return dict(self._initial)

    def poster(self) -> Poster:
        """Return the distances in the second cloud as a picture, and the measures in words."""
        x, y = clouds(self._initial)
        order = np.argsort(np.arange(len(y)) % len(CENTERS), kind="stable")
        points = y[order]
        distances = np.sqrt(((points[:, None] - points) ** 2).sum(-1))  # (n, n)
        found = ", ".join(f"{name} {value:.3f}" for name, value in similarities(x, y).items())
        return Poster(
            distances,
            f"Distances between the points of a cloud that is a changed copy of another "
            f"({_describe(self._initial)}); the similarity of both by six measures: {found}.",
            f"{_describe(self._initial)}: {found}. With JavaScript this figure is interactive.",
        )

    def answer(self, params: Mapping[str, Any]) -> Answer:
        """Return the measures, by name; the frame holds the plane of the second cloud, (n, 2).

        Raises
        ------
        ValueError
            If a parameter is unknown, missing or none that a control can send.
        """
        x, y = clouds(self._checked(params))
        return Answer(similarities(x, y), y[:, :2].astype(np.float32).tobytes())

    @staticmethod
    def _checked(params: Mapping[str, Any]) -> dict[str, Any]:
        check_names(params, (*CHOICES, "seed"))
        checked = {
            name: float(value) if name not in _WHOLE and type(value) is int else value
            for name, value in params.items()
        }
        for name, values in CHOICES.items():
            check_among(name, checked[name], values)
        check_whole("seed", checked["seed"], SEEDS)
        return checked


def _describe(p: Mapping[str, Any]) -> str:
    plane = f"rotated by {p['rotation']} degrees, scaled by {p['scale']:g}"
    bent = f"stretched by {p['stretch']:g}, sheared by {p['shear']:g}, blurred by {p['blur']:g}"
    return f"{p['points']} points, {plane}, {bent}, {p['noise']} features of noise"
