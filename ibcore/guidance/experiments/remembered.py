"""Fixed guides that are asked once about all data: as they are, or with fewer features."""

import torch
from torch import Tensor

from ibcore.guidance.guides import Batch, Guide

_ENTRIES = 2**27  # of representations that are kept: 512 MiB in float32
_CHUNK = 512  # points that are asked about at once


class RememberedGuide:
    """A fixed guide that is asked once about all data, unless its answers are too large to keep.

    Parameters
    ----------
    guide
        Whose representation of a point depends on that point alone.
    x, y
        All data.

    Raises
    ------
    ValueError
        If the guide is not fixed.

    Examples
    --------
    >>> from ibcore.guidance import PixelGuide
    >>> x = torch.tensor([[2.0, 0.0], [1.0, 1.0]])
    >>> guide = RememberedGuide(PixelGuide(), x, x)
    >>> guide(Batch(x[1:], x[1:], torch.tensor([1])))["pixels"].tolist()
    [[1.0, 1.0]]
    """

    fixed = True

    def __init__(self, guide: Guide, x: Tensor, y: Tensor) -> None:
        if not guide.fixed:
            raise ValueError("this guide depends on the batch; only a fixed one can be remembered")
        self.guide = guide
        probe = guide(Batch(x[:1], y[:1], torch.arange(1, device=x.device)))
        self.kept = len(x) * sum(view.numel() for view in probe.values()) <= _ENTRIES
        self.table: dict[str, Tensor] = self._ask(x, y) if self.kept else {}

    def _ask(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        rows = torch.split(torch.arange(len(x), device=x.device), _CHUNK)
        views = [self.guide(Batch(x[part], y[part], part)) for part in rows]
        return {name: torch.cat([view[name] for view in views]) for name in views[0]}

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return the representations of a batch."""
        if not self.kept:
            return self.guide(batch)
        return {name: view[batch.rows] for name, view in self.table.items()}


class TurnedGuide:
    r"""A fixed guide that has seen all data, turned so that few features are left.

    Centered features :math:`X = U S V^\top` are kept as :math:`U S`, at most as many as points.
    Distances and inner products are the same, and so are all measures of similarity that do not
    change under orthogonal maps: CKA, RSA of Euclidean distances, Procrustes, and ridge regression
    that predicts the guide.

    Parameters
    ----------
    guide
        Of which the representations are.
    data
        All points, those without labels included.

    Raises
    ------
    ValueError
        If the guide's representations depend on the batch.

    Examples
    --------
    >>> from ibcore.guidance import PixelGuide
    >>> data = Batch(torch.rand(5, 100), torch.zeros(5), torch.arange(5))
    >>> guide = TurnedGuide(PixelGuide(), data)
    >>> guide(Batch(data.x[1:3], data.y[1:3], data.rows[1:3]))["pixels"].shape
    torch.Size([2, 5])
    """

    fixed = True

    def __init__(self, guide: Guide, data: Batch) -> None:
        if not guide.fixed:
            raise ValueError(
                "what this guide says of a point depends on the batch; use one in evaluation mode"
            )
        views = guide(data)
        self.views = {name: turned(view.flatten(1)) for name, view in views.items()}

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return the representations of these points."""
        return {name: view[batch.rows] for name, view in self.views.items()}


@torch.no_grad()
def turned(features: Tensor) -> Tensor:
    """Return features with the same distances, at most as many as points: (n, p) to (n, q).

    Examples
    --------
    >>> x = torch.rand(4, 50)
    >>> bool(torch.allclose(torch.cdist(turned(x), turned(x)), torch.cdist(x, x), atol=1e-5))
    True
    """
    if features.shape[1] <= len(features):
        return features
    x = features.double()
    x = x - x.mean(0)
    values, vectors = torch.linalg.eigh(x @ x.mT)  # (n,), (n, n)
    scores: Tensor = vectors * values.clamp(min=0).sqrt()
    return scores.to(features.dtype)
