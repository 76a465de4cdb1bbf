"""Small pictures of ten classes: those of CIFAR-10, or patterns under noise."""

from functools import lru_cache

import torch
from torch import Tensor

from ibcore.runtime import generator

CLASSES, CHANNELS = 10, 3


@lru_cache(maxsize=1)
def load_pictures(source: str, images: int, size: int) -> tuple[Tensor, Tensor]:
    """Return the first so many pictures (n, 3, size, size) and their classes (n,).

    Those of ``"cifar10"`` are training images, each pixel the sum of a square of theirs;
    ``"synthetic"`` ones are one picture for each class under noise.

    Examples
    --------
    >>> load_pictures("synthetic", 20, 16)[0].shape
    torch.Size([20, 3, 16, 16])
    """
    if source == "synthetic":
        return _synthetic(images, size)
    from ibcore.data import load_cifar10

    data = load_cifar10()
    whole = data.train_images[:images]  # (n, 3, 32, 32)
    side = whole.shape[-1] // size
    squares = whole.reshape(-1, CHANNELS, size, side, size, side)
    return squares.sum((3, 5), dtype=torch.int32).short(), data.train_labels[:images]


def _synthetic(images: int, size: int) -> tuple[Tensor, Tensor]:
    """Return pictures of patterns, each class its own, and as much noise."""
    rng = generator(0)
    classes = torch.randn(CLASSES, CHANNELS, size, size, generator=rng)
    labels = torch.arange(images) % CLASSES
    noise = torch.randn(images, CHANNELS, size, size, generator=rng)
    return classes[labels] + noise, labels
