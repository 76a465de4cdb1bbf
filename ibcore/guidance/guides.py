"""What a guide is: named representations of a batch, fixed while the target learns."""

from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from ibcore.guidance._isolated import isolated
from ibcore.guidance.layers import Mode, in_mode, layer_names
from ibcore.guidance.taps import Taps
from ibcore.nets.network import Network
from ibcore.nets.statistics import batch_statistics
from ibcore.runtime import generator


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
        If the mode is unknown, or ``reference`` is missing or without effect.

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
        names: list[str] | None = None,
        *,
        mode: Mode = "eval",
        reference: Tensor | None = None,
        seed: int = 0,
    ) -> None:
        with in_mode(model, mode):  # checks it
            pass
        needs = mode == "eval" and isinstance(model, Network) and bool(model.batch_norms)
        if needs != (reference is not None):
            raise ValueError(
                "in evaluation mode this network needs reference, the data of its batch statistics"
                if needs
                else "reference belongs to networks of ibcore.nets with batch norm and mode='eval'"
            )
        self.model, self.names, self.mode, self.seed = model, names, mode, seed
        self.options = {} if reference is None else {"statistics": _statistics(model, reference)}
        self.calls = 0

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
        with in_mode(self.model, self.mode), Taps(self.model, self.names) as taps:
            if self.mode == "eval":
                self.model(batch.x, **self.options)
            else:
                with isolated(self.seed + self.calls, batch.x.device):
                    functional_call(self.model, own, (batch.x,), self.options)
            return {name: taps[name] for name in self.names}


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


class LabelGuide:
    """The labels, one-hot, as a representation: what supervision alone can align.

    Parameters
    ----------
    classes
        How many there are.

    Raises
    ------
    ValueError
        If there are fewer than 2, or a point of a batch has no label.

    Examples
    --------
    >>> guide = LabelGuide(3)
    >>> guide(Batch(torch.ones(2, 4), torch.tensor([2, 0]), torch.arange(2)))["labels"].tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """

    fixed = True

    def __init__(self, classes: int) -> None:
        if classes < 2:
            raise ValueError(f"classes must be at least 2, got {classes}")
        self.classes = classes

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return one-hot labels (b, classes) in the type of the inputs."""
        if len(batch.y) < len(batch.x):
            raise ValueError("labels as a guide need a label for every point; leave unlabeled out")
        kind = batch.x.dtype if batch.x.is_floating_point() else torch.float32
        return {"labels": functional.one_hot(batch.y, self.classes).to(kind)}


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
        If a number is below 1.

    Examples
    --------
    >>> guide = NoiseGuide(10, features=4)
    >>> guide(Batch(torch.ones(2, 3), torch.zeros(2), torch.tensor([9, 0])))["noise"].shape
    torch.Size([2, 4])
    """

    fixed = True

    def __init__(
        self, points: int, *, features: int = 128, seed: int = 0, dtype: torch.dtype = torch.float32
    ) -> None:
        if points < 1 or features < 1:
            raise ValueError(f"points and features must be at least 1, got {points}, {features}")
        drawn = torch.randn(points, features, generator=generator(seed), dtype=torch.float64)
        self.table = drawn.to(dtype)

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return the features of these points."""
        self.table = self.table.to(batch.rows.device)
        return {"noise": self.table[batch.rows]}


def _statistics(model: nn.Module, reference: Tensor) -> object:
    """Return the batch statistics of one network on data."""
    assert isinstance(model, Network)
    own = {name: value.detach()[None] for name, value in model.named_parameters()}
    return batch_statistics(model, own, reference[None])
