"""What the guide says about any batch, computed once for all data where that is possible."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ibcore.guidance._features import wide
from ibcore.guidance.alignment import Alignment
from ibcore.guidance.guides import Batch, Guide
from ibcore.guidance.kernels import gram

_ENTRIES = 2**26  # of Gram matrices of all data that are kept: 256 MiB in float32


class Reference:
    """A guide beside its data.

    A fixed guide says the same about a point at every step.  Where the measure needs no more than
    the guide's linear Gram matrices, and those of all points fit the memory, they are computed
    once, and a batch takes its rows and columns: CKA does not depend on the mean that is left.

    Parameters
    ----------
    guide
        Called without gradient.
    names
        Its layers that are needed.
    data
        All points.
    alignment
        What will be computed from the guide.

    Examples
    --------
    >>> from ibcore.guidance.guides import PixelGuide
    >>> data = Batch(torch.rand(9, 2), torch.zeros(9), torch.arange(9))
    >>> Reference(PixelGuide(), ["pixels"], data, Alignment()).grams
    True
    """

    def __init__(
        self,
        guide: Guide,
        names: Sequence[str],
        data: Batch,
        alignment: Alignment,
    ) -> None:
        self.guide, self.names = guide, tuple(dict.fromkeys(names))
        entries = len(data.x) ** 2 * len(self.names)
        self.grams = guide.fixed and alignment.needs_gram_only and entries <= _ENTRIES
        self._known: dict[str, Tensor] = {}
        if self.grams:
            views = self._views(data)
            self._known = {name: gram(wide(view.flatten(1))) for name, view in views.items()}

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return the guide's layers on a batch: linear Gram matrices if ``grams``, else outputs."""
        if self.grams:
            rows = batch.rows
            return {name: known[rows[:, None], rows] for name, known in self._known.items()}
        return self._views(batch)

    @torch.no_grad()
    def _views(self, batch: Batch) -> dict[str, Tensor]:
        views = self.guide(batch)
        return {name: views[name].detach() for name in self.names}
