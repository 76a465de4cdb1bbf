"""What a guided run of plain convolutional networks consists of: conditions, images and cells."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from ibcore.data import load_cifar10
from ibcore.runtime import generator
from ibcore.tasks import digits

Watcher = Literal[
    "trained", "untrained", "scrambled", "same architecture", "pixels", "labels", "noise"
]


@dataclass(frozen=True)
class Condition:
    """How the plain network is trained.

    With several ``rates``, learning rates over the stated one, the best on validation images is
    reported once more under the name ``"tuned ..."``; ``longer`` is steps over the stated number.
    """

    name: str
    guide: Watcher | None = None
    rates: tuple[float, ...] = (1.0,)
    longer: int = 1
    weight_decay: float = 0.0
    distilled: bool = False


@dataclass(frozen=True)
class Images:
    """Which images, and how many for training and validation; all others up to ``test``."""

    source: Literal["digits", "cifar10"] = "digits"
    train: int = 300
    validation: int = 300
    test: int = 997


@dataclass(frozen=True)
class Plain:
    """Every network is a cell.  Both networks have 17 convolutions in a row, with batch norm.

    ``guide_width``, ``guide_steps`` and ``guide_rate`` are those of the ResNet, ``weight`` that
    of each compared layer.
    """

    conditions: tuple[Condition, ...]
    images: Images = Images()
    width: int = 4
    steps: int = 60
    learning_rate: float = 1e-3
    batch_size: int = 100
    guide_width: int = 4
    guide_steps: int = 100
    guide_rate: float = 3e-3
    weight: float = 1.0
    networks: int = 5
    seed: int = 0


@dataclass(frozen=True)
class PlainCell:
    """One network under all conditions."""

    config: Plain
    network: int


class Labeled(NamedTuple):
    """Images (n, channels, size, size) and their classes (n,)."""

    x: Tensor
    y: Tensor


def plain_cells(config: Plain) -> list[PlainCell]:
    """Return one cell for each network.

    Examples
    --------
    >>> len(plain_cells(Plain((Condition("unguided"),))))
    5
    """
    return [PlainCell(config, network) for network in range(config.networks)]


def load_parts(images: Images, seed: int, device: torch.device) -> tuple[Labeled, ...]:
    """Return training, validation and test images, split by the seed, each with mean 0.

    Raises
    ------
    ValueError
        If there are fewer images than asked for.

    Examples
    --------
    >>> [len(part.y) for part in load_parts(Images(), 0, torch.device("cpu"))]
    [300, 300, 997]
    """
    if images.source == "digits":
        raw = digits(dtype=torch.float32)
        x, y = raw.images[:, None], raw.labels  # (n, 1, 8, 8)
    else:
        data = load_cifar10()
        x, y = data.train_images.float() / 255, data.train_labels
    sizes = [images.train, images.validation, images.test]
    if sum(sizes) > len(y):
        raise ValueError(f"{images.source} has {len(y)} images, {sum(sizes)} are asked for")
    order = torch.randperm(len(y), generator=generator(seed))[: sum(sizes)]
    mean = x[order[: images.train]].mean((0, 2, 3), keepdim=True)
    return tuple(
        Labeled((x[rows] - mean).to(device), y[rows].to(device))
        for rows in torch.split(order, sizes)
    )
