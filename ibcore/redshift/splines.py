"""Linear splines as activations: a function of one number, given by its heights at knots."""

import math
from typing import cast

import torch
from torch import Tensor, nn

from ibcore.nets import MLP, activation_function
from ibcore.population import Population


def spline_knots(knots: int, bound: float, *, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return equally spaced knots from ``-bound`` to ``bound``, both included.

    Raises
    ------
    ValueError
        If there are fewer than 2 knots or the bound is not positive.

    Examples
    --------
    >>> spline_knots(5, 1.0).tolist()
    [-1.0, -0.5, 0.0, 0.5, 1.0]
    """
    if knots < 2:
        raise ValueError(f"knots must be at least 2, got {knots}")
    if not (math.isfinite(bound) and bound > 0):
        raise ValueError(f"bound must be a finite number > 0, got {bound}")
    return torch.linspace(-bound, bound, knots, dtype=torch.float64).to(dtype)


def evaluate_spline(z: Tensor, heights: Tensor, bound: float = 5.0) -> Tensor:
    r"""Evaluate a linear spline element by element; differentiable in both tensors.

    Between two knots the value is on the straight line through their heights.  Beyond
    :math:`\pm` ``bound`` the first and last line go on.

    Parameters
    ----------
    z
        Any shape.
    heights
        Values at the knots of `spline_knots`, shape ``(k,)``, in the dtype of z.
    bound
        Where the outermost knots are.

    Returns
    -------
    Tensor
        The shape of z.

    Raises
    ------
    ValueError
        If the heights are not a vector of at least 2 entries, or the bound is not positive.

    Examples
    --------
    >>> heights = torch.tensor([0.0, 0.0, 1.0])  # ReLU, with knots at -1, 0 and 1
    >>> evaluate_spline(torch.tensor([-3.0, 0.25, 3.0]), heights, bound=1.0).tolist()
    [0.0, 0.25, 3.0]
    """
    if heights.ndim != 1:
        raise ValueError(f"heights must have shape (k,), got {tuple(heights.shape)}")
    knots = spline_knots(len(heights), bound, dtype=heights.dtype).to(heights.device)
    slopes = heights.diff() / knots.diff()  # (k - 1,)
    intercepts = heights[:-1] - slopes * knots[:-1]
    with torch.no_grad():  # the line on which each z lies; a nan in z stays nan below
        position = (z + bound) * ((len(heights) - 1) / (2 * bound))
        line = position.nan_to_num(0.0).clamp(0, len(heights) - 2).long().flatten()
    slope, intercept = (v.index_select(0, line).view(z.shape) for v in (slopes, intercepts))
    return torch.addcmul(intercept, slope, z)


class Spline(nn.Module):
    """A linear spline with fixed heights, for use as an activation.

    Parameters
    ----------
    heights
        Values at equally spaced knots, shape ``(k,)``.
    bound
        The knots run from ``-bound`` to ``bound``.

    Raises
    ------
    ValueError
        If the heights are not a vector of at least 2 finite numbers, or the bound is not
        positive.

    Examples
    --------
    >>> Spline.of("relu")(torch.tensor([-7.0, 7.0], dtype=torch.float64)).tolist()
    [0.0, 7.0]
    """

    heights: Tensor

    def __init__(self, heights: Tensor, *, bound: float = 5.0) -> None:
        super().__init__()
        if heights.ndim != 1 or not bool(torch.isfinite(heights).all()):
            raise ValueError(
                f"heights must be finite numbers of shape (k,), got shape {tuple(heights.shape)}"
            )
        spline_knots(len(heights), bound)
        self.register_buffer("heights", heights.detach().clone(), persistent=False)
        self.bound = bound

    @classmethod
    def of(
        cls,
        activation: str,
        *,
        knots: int = 51,
        bound: float = 5.0,
        dtype: torch.dtype = torch.float64,
    ) -> "Spline":
        """Return the spline that agrees with an activation of `ibcore.nets` at the knots."""
        exact = activation_function(activation)(spline_knots(knots, bound))
        return cls(exact.to(dtype), bound=bound)

    @property
    def knots(self) -> Tensor:
        """Where the heights stand, shape ``(k,)``."""
        line = spline_knots(len(self.heights), self.bound, dtype=self.heights.dtype)
        return line.to(self.heights.device)

    def forward(self, z: Tensor) -> Tensor:
        """Evaluate the spline element by element."""
        return evaluate_spline(z, self.heights, self.bound)


class SplineMLP(nn.Module):
    """A plain `ibcore.nets.MLP` whose activation is a spline; the spline is not a parameter.

    Parameters have the names and shapes, and for a seed the values, of the MLP of this size.

    Parameters
    ----------
    spline
        The activation of every hidden layer.
    in_features, out_features, depth, width, seed
        As in `ibcore.nets.MLP`.

    Raises
    ------
    ValueError
        If a size is below 1.

    Examples
    --------
    >>> many = SplineMLP(Spline.of("tanh"), 2, width=8).sample(networks=3)
    >>> many.forward(torch.zeros(5, 2, dtype=torch.float64)).shape
    torch.Size([3, 5, 1])
    """

    def __init__(
        self,
        spline: Spline,
        in_features: int = 2,
        out_features: int = 1,
        *,
        depth: int = 2,
        width: int = 64,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self._sizes = (in_features, out_features, depth, width)
        self.layers = _plain(self._sizes, seed).layers
        self.spline = spline

    def forward(self, x: Tensor) -> Tensor:
        """Evaluate the network: ``(..., in_features)`` to ``(..., out_features)``."""
        for layer in self.layers[:-1]:
            x = self.spline(layer(x))
        return cast(Tensor, self.layers[-1](x))

    def sample(self, *, networks: int, seed: int = 0) -> Population:
        """Draw networks with the weights that `Population.sample` gives the MLP of this size.

        They have the dtype and device of the spline's heights.
        """
        heights = self.spline.heights
        drawn = Population.sample(
            _plain(self._sizes),
            networks=networks,
            seed=seed,
            device=heights.device,
            dtype=heights.dtype,
        )
        return Population(self, drawn.parameters)


def _plain(sizes: tuple[int, int, int, int], seed: int = 0) -> MLP:
    in_features, out_features, depth, width = sizes
    return MLP(in_features, out_features, depth=depth, width=width, seed=seed)
