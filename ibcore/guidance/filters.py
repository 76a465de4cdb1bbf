"""Filters from a formula as a guide: locality and orientation without a network."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from ibcore.guidance.guides import Batch


def gabor_filters(
    *, size: int = 5, orientations: int = 4, wavelengths: tuple[float, ...] = (2.5, 4.0)
) -> Tensor:
    r"""Return Gabor filters, waves under a Gaussian window, in pairs of cosine and sine.

    .. math:: g(u) = e^{-\lVert u\rVert^2 / 2s^2}\,\cos(2\pi\, u\cdot d/\lambda - \varphi),
              \qquad s = \lambda / 2,\quad \varphi\in\{0, \pi/2\}

    with the mean subtracted and unit norm, so that they answer to contrast only.

    Parameters
    ----------
    size
        Height and width in pixels, odd and at least 3.
    orientations
        Directions :math:`d`, evenly spread over half a turn.
    wavelengths
        :math:`\lambda` in pixels, each at least 2.

    Returns
    -------
    Tensor
        Shape (filters, 2, size, size), float64; ``filters`` counts wavelengths times
        orientations.

    Raises
    ------
    ValueError
        If a number is out of range.

    References
    ----------
    Daugman (1985).

    Examples
    --------
    >>> gabor_filters(size=5, orientations=4).shape
    torch.Size([8, 2, 5, 5])
    """
    if size < 3 or size % 2 == 0 or orientations < 1:
        raise ValueError(
            f"size must be odd and at least 3 and orientations at least 1, got {size} and "
            f"{orientations}"
        )
    if not wavelengths or min(wavelengths) < 2:
        raise ValueError(f"wavelengths must be at least 2 pixels, got {wavelengths}")
    line = torch.arange(size, dtype=torch.float64) - size // 2
    down, across = torch.meshgrid(line, line, indexing="ij")
    pairs = [
        _pair(down, across, wavelength, math.pi * turn / orientations)
        for wavelength in wavelengths
        for turn in range(orientations)
    ]
    return torch.stack(pairs)


def _pair(down: Tensor, across: Tensor, wavelength: float, angle: float) -> Tensor:
    """Return the cosine and the sine filter of one wave, (2, size, size)."""
    window = torch.exp(-(down.square() + across.square()) / (2 * (wavelength / 2) ** 2))
    wave = 2 * math.pi / wavelength * (math.cos(angle) * across + math.sin(angle) * down)
    both = torch.stack([window * wave.cos(), window * wave.sin()])  # (2, size, size)
    both = both - both.mean((1, 2), keepdim=True)
    unit: Tensor = both / both.flatten(1).norm(dim=1)[:, None, None]
    return unit


class FilterGuide:
    """Answers of Gabor filters as representations, from local to invariant.

    ``"answers"`` are those of all filters at all places; ``"energy"`` is the root of the summed
    squares of each pair, which hardly sees the phase; ``"pooled"`` is its mean over all places.
    Channels of an image are filtered alike.

    Parameters
    ----------
    size, orientations, wavelengths
        As in `gabor_filters`.

    Raises
    ------
    ValueError
        If a number is out of range, or inputs are not images (b, c, h, w).

    Examples
    --------
    >>> batch = Batch(torch.rand(5, 1, 8, 8), torch.zeros(5), torch.arange(5))
    >>> {name: tuple(value.shape) for name, value in FilterGuide()(batch).items()}
    {'answers': (5, 16, 8, 8), 'energy': (5, 8, 8, 8), 'pooled': (5, 8)}
    """

    fixed = True

    def __init__(
        self,
        *,
        size: int = 5,
        orientations: int = 4,
        wavelengths: tuple[float, ...] = (2.5, 4.0),
    ) -> None:
        self.filters = gabor_filters(size=size, orientations=orientations, wavelengths=wavelengths)

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return the three representations of a batch of images."""
        if batch.x.ndim != 4 or not batch.x.is_floating_point():
            raise ValueError(
                "filters need images (b, channels, height, width) of floating point, got "
                f"{batch.x.dtype} {tuple(batch.x.shape)}"
            )
        bank = self.filters.to(batch.x).flatten(0, 1)[:, None]  # (2 * filters, 1, size, size)
        single = batch.x.flatten(0, 1)[:, None]  # (b * c, 1, h, w)
        answers = functional.conv2d(single, bank, padding="same")
        b, c, h, w = batch.x.shape
        pairs = answers.reshape(b, c, -1, 2, h, w)
        energy = pairs.square().sum(3).sqrt().flatten(1, 2)  # (b, c * filters, h, w)
        answers = pairs.flatten(1, 3)  # (b, c * 2 * filters, h, w)
        return {"answers": answers, "energy": energy, "pooled": energy.mean((2, 3))}
