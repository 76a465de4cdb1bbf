"""How far the target's layers are from the guide's: the second term of the guided loss."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from ibcore.guidance._features import wide
from ibcore.guidance.hsic import gram_hsic, gram_norm
from ibcore.guidance.kernels import Kernel, check_kernel, gram, radial
from ibcore.guidance.measures import procrustes, rsa
from ibcore.guidance.regression import ridge
from ibcore.guidance.similarity import aligned

Measure = Literal["cka", "rsa", "procrustes", "ridge"]
Reduction = Literal["sum", "mean"]
Similarity = Callable[[Tensor, Tensor], Tensor]

_MEASURES: dict[str, Similarity] = {"rsa": rsa, "procrustes": procrustes}


@dataclass(frozen=True)
class Alignment:
    r"""The dissimilarity of pairs of layers (g, t) of guide and target.

    .. math:: D = \sum_{(g, t)} \bigl(1 - s(X_t, Y_g)\bigr)

    The defaults are those of the paper's public code: biased linear CKA, summed over pairs.
    Activations are flattened to (points, features).

    Attributes
    ----------
    measure
        The similarity s: ``"cka"``, ``"rsa"``, ``"procrustes"``, ``"ridge"`` (the guide predicted
        from the target, 5 folds), or a function of the target's and the guide's features, (n, p)
        and (n, q), that returns a scalar.
    kernel, unbiased
        Of CKA, as in `ibcore.guidance.cka`.  Unbiased estimates do not depend on the size of the
        batch.
    reduction
        ``"sum"`` or ``"mean"`` over pairs.
    per_token
        For activations (points, tokens, features) of CKA: compare the points at each token, and
        sum over tokens.

    Raises
    ------
    ValueError
        If a choice is unknown or has no effect on the measure.

    References
    ----------
    Subramaniam et al. (2024), "Training the untrainable", public code.

    Examples
    --------
    >>> x = torch.rand(20, 3, generator=torch.Generator().manual_seed(0))
    >>> gaps = Alignment().gaps({"a": 2 * x}, {"0": x}, [("a", "0")])
    >>> abs(gaps.item()) < 1e-6
    True
    """

    measure: Measure | Similarity = "cka"
    kernel: Kernel = "linear"
    unbiased: bool = False
    reduction: Reduction = "sum"
    per_token: bool = False

    def __post_init__(self) -> None:
        if not callable(self.measure) and self.measure not in get_args(Measure):
            known = ", ".join(get_args(Measure))
            raise ValueError(f"unknown measure {self.measure!r}; choose one of {known}")
        if self.reduction not in get_args(Reduction):
            raise ValueError(f"reduction must be 'sum' or 'mean', got {self.reduction!r}")
        check_kernel(self.kernel, None)
        if self.measure != "cka" and (self.kernel != "linear" or self.unbiased or self.per_token):
            raise ValueError(
                f"kernel, unbiased and per_token belong to measure='cka', not {self.measure!r}"
            )

    @property
    def least(self) -> int:
        """The fewest points for which the measure has a value."""
        if self.measure == "cka":
            return 4 if self.unbiased else 2
        return {"rsa": 3, "ridge": 10}.get(str(self.measure), 2)

    @property
    def needs_gram_only(self) -> bool:
        """Whether the guide's linear Gram matrix says all that the measure needs."""
        return self.measure == "cka" and not self.per_token

    def gaps(
        self,
        guide: Mapping[str, Tensor],
        target: Mapping[str, Tensor],
        pairs: Sequence[tuple[str, str]],
        *,
        grams: bool = False,
    ) -> Tensor:
        """Return 1 - s of each pair, (pairs,), float64, differentiable in the target.

        Parameters
        ----------
        guide, target
            Activations (n, ...) by name.
        pairs
            Names of layers, the guide's first.
        grams
            Whether the guide's entries are linear Gram matrices (n, n).
        """
        return torch.stack([1 - self._similarity(target[t], guide[g], grams) for g, t in pairs])

    def total(self, gaps: Tensor) -> Tensor:
        """Return the dissimilarity of all pairs together."""
        return gaps.sum() if self.reduction == "sum" else gaps.mean()

    def _similarity(self, target: Tensor, guide: Tensor, grams: bool) -> Tensor:
        if self.per_token:
            return self._over_tokens(target, guide)
        x = wide(target.flatten(1))
        if grams:
            return self._to_gram(x, guide)
        y = guide.flatten(1).to(x.dtype)
        if self.measure == "cka":
            return aligned(x, y, kernel=self.kernel, unbiased=self.unbiased)
        if self.measure == "ridge":
            return ridge(x, y)
        measure = self.measure if callable(self.measure) else _MEASURES[self.measure]
        return measure(x, y)

    def _to_gram(self, x: Tensor, linear: Tensor) -> Tensor:
        """Return CKA of features (n, p) with a linear Gram matrix (n, n)."""
        k = gram(x, kernel=self.kernel)
        other = linear if self.kernel == "linear" else radial(linear)
        own, fixed = (gram_norm(z, unbiased=self.unbiased) for z in (k, other))
        return gram_hsic(k, other, unbiased=self.unbiased) / (own * fixed).sqrt()

    def _over_tokens(self, target: Tensor, guide: Tensor) -> Tensor:
        """Return 1 - the sum over tokens of 1 - CKA of the points at that token."""
        if target.ndim != 3 or guide.ndim != 3 or target.shape[:2] != guide.shape[:2]:
            raise ValueError(
                "per_token needs activations (points, tokens, features) with as many tokens on "
                f"both sides, got {tuple(target.shape)} and {tuple(guide.shape)}"
            )
        x = wide(target).transpose(0, 1)  # (tokens, points, features)
        y = guide.transpose(0, 1).to(x.dtype)
        values = aligned(x, y, kernel=self.kernel, unbiased=self.unbiased)  # (tokens,)
        return 1 - (1 - values).sum()
