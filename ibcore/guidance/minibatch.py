"""Alignment of many points, batch by batch: average the criteria, then normalize."""

from collections.abc import Sequence

from torch import Tensor

from ibcore.guidance._features import check_finite, wide
from ibcore.guidance.kernels import Kernel, check_kernel
from ibcore.guidance.similarity import check_layers
from ibcore.guidance.tables import Table, hsic_table

LEAST = 4  # points in a batch: with 3 the unbiased estimate divides by 0


class MinibatchCKA:
    r"""Accumulates the alignment of all pairs of layers over batches.

    .. math:: \frac{\sum_b \mathrm{HSIC}(K_b, L_b)}
              {\sqrt{\sum_b \mathrm{HSIC}(K_b, K_b)}\sqrt{\sum_b \mathrm{HSIC}(L_b, L_b)}}

    With the unbiased estimate each sum has, over random batches, the mean that all points
    together would give.  With the biased one the value depends on the size of the batches.  All
    batches count alike, whatever their size.

    Parameters
    ----------
    kernel, sigma
        As in `ibcore.guidance.cka`; the RBF kernel needs ``sigma`` here, since the median
        distance is another one in each batch.
    unbiased
        Which estimate.

    Raises
    ------
    ValueError
        If the kernel is unknown, or the RBF kernel has no ``sigma``.

    References
    ----------
    Nguyen, Raghu and Kornblith (2021), "Do wide and deep networks learn the same things?",
    equation 3.

    Examples
    --------
    >>> import torch
    >>> x = torch.rand(64, 5, generator=torch.Generator().manual_seed(0))
    >>> total = MinibatchCKA()
    >>> for batch in x.split(16):
    ...     total.update([batch], [batch * 3])
    >>> total.value().round(decimals=6).tolist(), total.batches
    ([[1.0]], 4)
    """

    def __init__(
        self, *, kernel: Kernel = "linear", unbiased: bool = True, sigma: float | None = None
    ) -> None:
        check_kernel(kernel, sigma)
        if kernel == "rbf" and sigma is None:
            raise ValueError("an RBF kernel over batches needs one width for all; give sigma")
        self.kernel, self.unbiased, self.sigma = kernel, unbiased, sigma
        self.batches = 0
        self._total: Table | None = None

    def update(self, xs: Sequence[Tensor], ys: Sequence[Tensor] | None = None) -> None:
        """Take in a batch: features (b, p) of each layer, as in `ibcore.guidance.cka_matrix`.

        Raises
        ------
        ValueError
            If the batch has fewer than 4 points, the features do not fit each other, or the
            number of layers is not that of the first batch.
        """
        for name, layer in check_layers(xs, ys, least=LEAST).items():
            check_finite(name, layer)
        table = hsic_table(
            [wide(x.detach()) for x in xs],
            None if ys is None else [wide(y.detach()) for y in ys],
            unbiased=self.unbiased,
            kernel=self.kernel,
            sigma=self.sigma,
        )
        if self._total is not None and self._total.cross.shape != table.cross.shape:
            raise ValueError(
                f"this batch compares {tuple(table.cross.shape)} layers, earlier ones "
                f"{tuple(self._total.cross.shape)}; use one accumulator for each comparison"
            )
        known = table if self._total is None else self._total
        more = (old + new for old, new in zip(known, table, strict=True))
        self._total = table if self._total is None else Table(*more)
        self.batches += 1

    def value(self) -> Tensor:
        """Return the alignment of all pairs, (k, l), float64.

        Raises
        ------
        ValueError
            If there was no batch, or the average of a normalization is 0.
        """
        if self._total is None:
            raise ValueError("no batch has been seen; call update first")
        if bool((self._total.first <= 0).any() or (self._total.second <= 0).any()):
            raise ValueError(
                f"in all {self.batches} batches all points of one layer were equally similar, so "
                "its unbiased alignment has no value; use larger batches, or unbiased=False"
            )
        return self._total.alignment()
