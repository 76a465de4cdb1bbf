"""Images for guidance: which ones, how they are placed, and how they are split."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from ibcore.runtime import generator
from ibcore.tasks import digits

Source = Literal["moved digits", "digits", "cifar10"]

CLASSES = 10  # of every source


@dataclass(frozen=True)
class Images:
    """Where images come from, and how many are in each set.

    Attributes
    ----------
    source
        ``"digits"``: those of 8 by 8 pixels; ``"moved digits"``: each of them at a random place of
        an empty canvas; ``"cifar10"``.
    labeled
        Images to learn from.
    pool
        Images beside, which guide and target may see without labels.
    validation
        How many of the pool, the first ones, choose between candidates with their labels.
    canvas
        Height and width of the canvas.

    Raises
    ------
    ValueError
        If the source is unknown, or a number does not fit.

    Examples
    --------
    >>> Images(labeled=300).pool
    800
    """

    source: Source = "moved digits"
    labeled: int = 300
    pool: int = 800
    validation: int = 200
    canvas: int = 12

    def __post_init__(self) -> None:
        if self.source not in get_args(Source):
            known = ", ".join(get_args(Source))
            raise ValueError(f"unknown source {self.source!r}; choose one of {known}")
        if self.labeled < 1 or not 1 <= self.validation <= self.pool or self.canvas < 8:
            raise ValueError(
                f"need labeled >= 1, 1 <= validation <= pool and canvas >= 8, got {self}"
            )


class Sets(NamedTuple):
    """Images (n, channels, height, width), float32, with their labels (n,).

    The labels of the pool are for validation only.
    """

    x: Tensor
    y: Tensor
    pool: Tensor
    pool_y: Tensor
    test_x: Tensor
    test_y: Tensor


def load_sets(images: Images, *, seed: int, device: torch.device) -> Sets:
    """Return images in a random order, split; a seed of its own moves and splits them anew.

    The test set of the digits is what is left of them, that of CIFAR-10 the official one.

    Raises
    ------
    ValueError
        If there are too few images.

    Examples
    --------
    >>> sets = load_sets(Images(), seed=0, device=torch.device("cpu"))
    >>> sets.x.shape, len(sets.pool), len(sets.test_x)
    (torch.Size([300, 1, 12, 12]), 800, 697)
    """
    rng = generator(seed)
    pixels, labels, test = _source(images, rng)
    used = images.labeled + images.pool
    if len(pixels) < used + (test is None):
        raise ValueError(
            f"{images.source} has {len(pixels)} images to learn from, too few for {used}; choose "
            "fewer labeled images or a smaller pool"
        )
    order = torch.randperm(len(pixels), generator=rng)
    parts = order[: images.labeled], order[images.labeled : used], order[used:]
    known, pool, rest = ((pixels[rows], labels[rows]) for rows in parts)
    return Sets(*(tensor.to(device) for tensor in (*known, *pool, *(test or rest))))


def _source(
    images: Images, rng: torch.Generator
) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor] | None]:
    """Return images and labels to learn from, and an official test set if there is one."""
    if images.source == "cifar10":
        from ibcore.data import load_cifar10

        data = load_cifar10()
        train, test = (part.float() / 255 for part in (data.train_images, data.test_images))
        mean, std = (f((0, 2, 3), keepdim=True) for f in (train.mean, train.std))
        return (train - mean) / std, data.train_labels, ((test - mean) / std, data.test_labels)
    pixels, labels = digits(dtype=torch.float32)
    if images.source == "moved digits":
        return _moved(pixels, images.canvas, rng), labels, None
    return pixels[:, None], labels, None  # (n, 8, 8) -> (n, 1, 8, 8)


def _moved(pixels: Tensor, canvas: int, rng: torch.Generator) -> Tensor:
    """Put each image at a random place: (n, 8, 8) to (n, 1, canvas, canvas)."""
    count, size = pixels.shape[0], pixels.shape[-1]
    places = torch.randint(0, canvas - size + 1, (count, 2), generator=rng)
    line = torch.arange(size)
    down, across = (places[:, i, None] + line for i in (0, 1))  # (n, size)
    moved = torch.zeros(count, 1, canvas, canvas)
    moved[torch.arange(count)[:, None, None], 0, down[:, :, None], across[:, None, :]] = pixels
    return moved
