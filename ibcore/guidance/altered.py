"""Guides that see something else: other points, scrambled pixels, noise in place of images."""

import torch
from torch import Tensor

from ibcore.guidance.guides import Batch, Guide
from ibcore.runtime import generator


class ShuffledGuide:
    """A guide that gives each point the representation of another one, the same at every step.

    All that a representation says about its own point is gone; its geometry as a whole stays.

    Parameters
    ----------
    guide
        Of which the representations are.
    x
        All inputs (n, ...), those without labels included.
    seed
        Of the permutation of the points.

    Examples
    --------
    >>> from ibcore.guidance.guides import PixelGuide
    >>> x = torch.arange(4.0)[:, None]
    >>> guide = ShuffledGuide(PixelGuide(), x, seed=1)
    >>> shuffled = guide(Batch(x, torch.zeros(4), torch.arange(4)))["pixels"]
    >>> torch.equal(shuffled, x), torch.equal(shuffled.sort(0).values, x)
    (False, True)
    """

    def __init__(self, guide: Guide, x: Tensor, *, seed: int = 0) -> None:
        self.guide, self.x = guide, x
        self.order = torch.randperm(len(x), generator=generator(seed)).to(x.device)

    @property
    def fixed(self) -> bool:
        """As of the guide inside."""
        return self.guide.fixed

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return the representations of the points in whose place these are."""
        rows = self.order[batch.rows.to(self.x.device)]
        other = Batch(self.x[rows].to(batch.x.device), batch.y[:0], rows.to(batch.rows.device))
        return self.guide(other)


class ScrambledGuide:
    """A guide that sees the pixels of every image in another order, always the same.

    Neighborhood, which convolutions build on, is gone; all information stays.

    Parameters
    ----------
    guide
        What sees them.
    seed
        Of the permutation: of places, alike in all channels, for images (b, c, h, w); of all
        entries for other inputs.

    Examples
    --------
    >>> from ibcore.guidance.guides import PixelGuide
    >>> batch = Batch(torch.arange(9.0).reshape(1, 1, 3, 3), torch.zeros(1), torch.arange(1))
    >>> seen = ScrambledGuide(PixelGuide())(batch)["pixels"]
    >>> torch.equal(seen, batch.x.flatten(1)), torch.equal(seen.sort().values, batch.x.flatten(1))
    (False, True)
    """

    def __init__(self, guide: Guide, *, seed: int = 0) -> None:
        self.guide, self.seed = guide, seed

    @property
    def fixed(self) -> bool:
        """As of the guide inside."""
        return self.guide.fixed

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return the representations of scrambled inputs."""
        flat = batch.x.flatten(2) if batch.x.ndim == 4 else batch.x.flatten(1)  # (b, c, h * w)
        order = torch.randperm(flat.shape[-1], generator=generator(self.seed)).to(flat.device)
        return self.guide(batch._replace(x=flat[..., order].reshape(batch.x.shape)))


class NoiseInputGuide:
    """A guide that sees Gaussian noise in place of each input, the same at every step.

    Parameters
    ----------
    guide
        What sees it; usually a network.
    points
        Of all data, those without labels included.
    seed
        Of the noise, with mean 0 and variance 1.

    Examples
    --------
    >>> from ibcore.guidance.guides import PixelGuide
    >>> guide = NoiseInputGuide(PixelGuide(), 10)
    >>> guide(Batch(torch.zeros(2, 3), torch.zeros(2), torch.tensor([9, 0])))["pixels"].shape
    torch.Size([2, 3])
    """

    def __init__(self, guide: Guide, points: int, *, seed: int = 0) -> None:
        if points < 1:
            raise ValueError(f"points must be at least 1, got {points}")
        self.guide, self.points, self.seed = guide, points, seed
        self.table: Tensor | None = None

    @property
    def fixed(self) -> bool:
        """As of the guide inside."""
        return self.guide.fixed

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return the representations of the noise that belongs to these points."""
        if self.table is None:
            shape = (self.points, *batch.x.shape[1:])
            drawn = torch.randn(shape, generator=generator(self.seed), dtype=torch.float64)
            self.table = drawn.to(batch.x)
        return self.guide(batch._replace(x=self.table[batch.rows]))
