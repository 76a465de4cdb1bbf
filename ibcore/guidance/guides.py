"""What a guide is: named representations of a batch, fixed while the target learns."""

import math
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from ibcore.door import Count, Data, Range, Seed, as_labels, check_memory, door, taking
from ibcore.guidance.taps import Mode, Taps, in_mode, layer_names
from ibcore.nets.evaluate import batch_statistics
from ibcore.nets.network import Network
from ibcore.runtime import generator
from ibcore.training.loop import seeded_rng


class Batch(NamedTuple):
    """Some points of the data.

    Attributes
    ----------
    x
        Inputs (b, ...).
    y
        Labels of the first points of x, (l, ...) with l at most b; the others have none.
    rows
        Their places in the data, (b,), int64; points without labels come after those with.
    """

    x: Tensor
    y: Tensor
    rows: Tensor


@runtime_checkable
class Guide(Protocol):
    """Gives named representations (b, ...) of a batch, in order.

    ``fixed`` says whether the representation of a point depends on that point alone, so that it
    can be computed once for all data.
    """

    @property
    def fixed(self) -> bool:
        """Whether a point's representation does not depend on the batch."""
        ...

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return the representations of a batch."""
        ...


def _as_guide(value: Any, name: str) -> Guide:
    if isinstance(value, type) or not isinstance(value, Guide):
        raise TypeError(f"{name} must be a guide, such as PixelGuide(), got {value!r}")
    return value


AnyGuide = Annotated[Guide, _as_guide]


@door
class NetworkGuide:
    """A network as a guide: trained, untrained, or the target's architecture drawn again.

    It is never changed: no gradient reaches it, and batch statistics that it collects in training
    mode are thrown away.

    Parameters
    ----------
    model
        Any module, on the device of the data.
    names
        Layers to compare; None for `ibcore.guidance.layer_names`.
    mode
        ``"eval"``: running averages, no dropout.  ``"train"``: statistics of the batch, and
        dropout, from a generator of its own.
    reference
        Data (n, ...) whose statistics a network of `ibcore.nets` with batch norm uses in
        evaluation mode, as it keeps no running averages.
    seed
        Of dropout in training mode.

    Raises
    ------
    ValueError
        If ``reference`` is missing or without effect, or an input or a layer does not fit.

    Examples
    --------
    >>> guide = NetworkGuide(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)))
    >>> batch = Batch(torch.ones(5, 3), torch.zeros(5), torch.arange(5))
    >>> {name: tuple(value.shape) for name, value in guide(batch).items()}
    {'0': (5, 4)}
    """

    def __init__(
        self,
        model: nn.Module,
        names: Sequence[str] | None = None,
        *,
        mode: Mode = "eval",
        reference: Tensor | None = None,
        seed: Seed = 0,
    ) -> None:
        needs = mode == "eval" and isinstance(model, Network) and bool(model.batch_norms)
        if needs != (reference is not None):
            raise ValueError(
                "in evaluation mode this network needs reference, the data of its batch statistics"
                if needs
                else "reference belongs to networks of ibcore.nets with batch norm and mode='eval'"
            )
        self.model, self.names, self.mode, self.seed = model, names, mode, seed
        self.options = {} if reference is None else {"statistics": statistics_of(model, reference)}
        self.calls, self._taps = 0, None if names is None else Taps(model, names)

    @property
    def fixed(self) -> bool:
        """Whether a point's representation does not depend on the batch: in evaluation mode."""
        return self.mode == "eval"

    @torch.no_grad()
    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return the layers' outputs on a batch."""
        for tensor in self.model.parameters():
            if tensor.device != batch.x.device:
                raise ValueError(
                    f"the guide is on {tensor.device}, the data on {batch.x.device}; move it there"
                )
        if self.names is None:
            self.names = layer_names(self.model, batch.x)
        own = {name: value.clone() for name, value in self.model.named_buffers()}
        self.calls += 1
        taps = self._taps = self._taps or Taps(self.model, self.names)
        with in_mode(self.model, self.mode), taps, taking(self.model, batch.x):
            if self.mode == "eval":
                self.model(batch.x, **self.options)
            else:
                with seeded_rng(self.seed + self.calls, batch.x.device):
                    functional_call(self.model, own, (batch.x,), self.options)
            seen = {name: taps[name] for name in self.names}
        taps.clear()
        return seen


class PixelGuide:
    """The inputs themselves as a representation.

    Examples
    --------
    >>> PixelGuide()(Batch(torch.ones(5, 1, 2, 2), torch.zeros(5), torch.arange(5)))["pixels"].shape
    torch.Size([5, 4])
    """

    fixed = True

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return the flattened inputs."""
        return {"pixels": batch.x.flatten(1)}


@door
class LabelGuide:
    """The labels, one-hot, as a representation: what supervision alone can align.

    Parameters
    ----------
    classes
        How many there are.

    Raises
    ------
    ValueError
        If there are fewer than 2, or a point of a batch has no label or one that is not below.

    Examples
    --------
    >>> guide = LabelGuide(3)
    >>> guide(Batch(torch.ones(2, 4), torch.tensor([2, 0]), torch.arange(2)))["labels"].tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """

    fixed = True

    def __init__(self, classes: Annotated[int, Range(2, 2**31)]) -> None:
        self.classes = classes

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return one-hot labels (b, classes) in the type of the inputs."""
        if len(batch.y) < len(batch.x):
            raise ValueError("labels as a guide need a label for every point; leave unlabeled out")
        labels = as_labels(batch.y, "y")
        if len(labels) and int(labels.max()) >= self.classes:
            raise ValueError(f"y holds class {int(labels.max())}, the guide knows {self.classes}")
        kind = batch.x.dtype if batch.x.is_floating_point() else torch.float32
        return {"labels": functional.one_hot(labels, self.classes).to(kind)}


@door
class NoiseGuide:
    """Independent Gaussian features of each point, the same at every step: a random Gram matrix.

    Parameters
    ----------
    points
        Of all data, those without labels included.
    features
        Of each point.  The fewer, the further the Gram matrix is from the identity.
    seed
        Of the features.
    dtype
        Of the features.

    Raises
    ------
    ValueError
        If there is no memory for so many, or a batch has a point beyond them.

    Examples
    --------
    >>> guide = NoiseGuide(10, features=4)
    >>> guide(Batch(torch.ones(2, 3), torch.zeros(2), torch.tensor([9, 0])))["noise"].shape
    torch.Size([2, 4])
    """

    fixed = True

    def __init__(
        self,
        points: Count,
        *,
        features: Count = 128,
        seed: Seed = 0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        check_memory("points", points, 12.0 * points * features)
        drawn = torch.randn(points, features, generator=generator(seed), dtype=torch.float64)
        self.table = drawn.to(dtype)

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return the features of these points."""
        self.table = self.table.to(batch.rows.device)
        return {"noise": _rows(self.table, batch.rows)}


def _rows(table: Tensor, rows: Tensor) -> Tensor:
    """Return the entries of some points."""
    if len(rows) and int(rows.max()) >= len(table):
        raise ValueError(f"points={len(table)} of the guide's data, but point {int(rows.max())}")
    return table[rows]


def statistics_of(model: nn.Module, reference: Tensor) -> object:
    """Return the batch statistics of one network on data."""
    assert isinstance(model, Network)
    own = {name: value.detach()[None] for name, value in model.named_parameters()}
    return batch_statistics(model, own, reference[None])


# Guides that see something else: other points, scrambled pixels, noise in place of images.


class _Derived:
    """A guide made of another one."""

    guide: Guide

    @property
    def fixed(self) -> bool:
        """As of the guide inside."""
        return self.guide.fixed


@door
class ShuffledGuide(_Derived):
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

    def __init__(self, guide: AnyGuide, x: Data, *, seed: Seed = 0) -> None:
        self.guide, self.x = guide, x
        self.order = torch.randperm(len(x), generator=generator(seed)).to(x.device)

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return the representations of the points in whose place these are."""
        rows = _rows(self.order, batch.rows.to(self.x.device))
        other = Batch(self.x[rows].to(batch.x.device), batch.y[:0], rows.to(batch.rows.device))
        return self.guide(other)


@door
class ScrambledGuide(_Derived):
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

    def __init__(self, guide: AnyGuide, *, seed: Seed = 0) -> None:
        self.guide, self.seed = guide, seed

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return the representations of scrambled inputs."""
        flat = batch.x.flatten(2) if batch.x.ndim == 4 else batch.x.flatten(1)  # (b, c, h * w)
        order = torch.randperm(flat.shape[-1], generator=generator(self.seed)).to(flat.device)
        return self.guide(batch._replace(x=flat[..., order].reshape(batch.x.shape)))


@door
class NoiseInputGuide(_Derived):
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

    def __init__(self, guide: AnyGuide, points: Count, *, seed: Seed = 0) -> None:
        self.guide, self.points, self.seed = guide, points, seed
        self.table: Tensor | None = None

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return the representations of the noise that belongs to these points."""
        if self.table is None:
            shape = (self.points, *batch.x.shape[1:])
            check_memory("points", self.points, 12.0 * math.prod(shape))
            drawn = torch.randn(shape, generator=generator(self.seed), dtype=torch.float64)
            self.table = drawn.to(batch.x)
        return self.guide(batch._replace(x=_rows(self.table, batch.rows)))


# Filters from a formula as a guide: locality and orientation without a network.


Wavelengths = Sequence[Annotated[float, Range(2)]]


@door
def gabor_filters(
    *,
    size: Annotated[int, Range(3, 9999)] = 5,
    orientations: Count = 4,
    wavelengths: Wavelengths = (2.5, 4.0),
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
        If a number is out of range, or a filter of this wavelength is 0 at all pixels.

    References
    ----------
    Daugman (1985).

    Examples
    --------
    >>> gabor_filters(size=5, orientations=4).shape
    torch.Size([8, 2, 5, 5])
    """
    if size % 2 == 0:
        raise ValueError(f"size must be odd, so that a filter has a middle, got {size}")
    if not wavelengths:
        raise ValueError("wavelengths must name at least one, in pixels, got none")
    check_memory("orientations", orientations, 100.0 * size**2 * orientations * len(wavelengths))
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
    length = both.flatten(1).norm(dim=1)
    if bool((length < 1e-9).any()):
        raise ValueError(f"wavelengths={wavelength:g} vanish on {len(down)} pixels; choose others")
    unit: Tensor = both / length[:, None, None]
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
        self, *, size: int = 5, orientations: int = 4, wavelengths: Sequence[float] = (2.5, 4.0)
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


# Fixed guides that are asked once about all data: as they are, or with fewer features.

_ENTRIES = 2**27  # of representations that are kept: 512 MiB in float32
_ASKED = 512  # points that are asked about at once


class CachedGuide:
    r"""A fixed guide that is asked once about all data, unless its answers are too large to keep.

    With ``turned``, so that few features are left: centered features :math:`X = U S V^\top` are
    kept as :math:`U S`, at most as many as points.  Distances and inner products are the same, and
    so are all measures of similarity that do not change under orthogonal maps: CKA, RSA of
    Euclidean distances, Procrustes, and ridge regression that predicts the guide.

    Parameters
    ----------
    guide
        Whose representation of a point depends on that point alone.
    x, y
        All data; points without labels last.
    turned
        Whether features are flattened and turned, however many there are.

    Raises
    ------
    ValueError
        If the guide's representations depend on the batch.

    Examples
    --------
    >>> x = torch.tensor([[2.0, 0.0, 3.0], [1.0, 1.0, 0.0]])
    >>> batch = Batch(x[1:], x[1:], torch.tensor([1]))
    >>> CachedGuide(PixelGuide(), x, x)(batch)["pixels"].tolist()
    [[1.0, 1.0, 0.0]]
    >>> CachedGuide(PixelGuide(), x, x, turned=True)(batch)["pixels"].shape
    torch.Size([1, 2])
    """

    fixed = True

    def __init__(self, guide: Guide, x: Tensor, y: Tensor, *, turned: bool = False) -> None:
        if not guide.fixed:
            raise ValueError(
                "what this guide says of a point depends on the batch; use one in evaluation mode"
            )
        self.guide = guide
        first = {} if turned else self._ask(x[:1], y[:1])
        self.kept = len(x) * sum(view.numel() for view in first.values()) <= _ENTRIES
        self.table: dict[str, Tensor] = self._ask(x, y) if self.kept else {}
        if turned:
            self.table = {name: _turned(view.flatten(1)) for name, view in self.table.items()}

    def _ask(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        rows = torch.split(torch.arange(len(x), device=x.device), _ASKED)
        views = [self.guide(Batch(x[part], y[part[part < len(y)]], part)) for part in rows]
        return {name: torch.cat([view[name] for view in views]) for name in views[0]}

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return the representations of a batch."""
        if not self.kept:
            return self.guide(batch)
        return {name: view[batch.rows] for name, view in self.table.items()}


@torch.no_grad()
def _turned(features: Tensor) -> Tensor:
    """Return features with the same distances, at most as many as points: (n, p) to (n, q)."""
    if features.shape[1] <= len(features):
        return features
    x = features.double()
    x = x - x.mean(0)
    values, vectors = torch.linalg.eigh(x @ x.mT)  # (n,), (n, n)
    scores: Tensor = vectors * values.clamp(min=0).sqrt()
    return scores.to(features.dtype)
