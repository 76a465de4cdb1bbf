"""Split labeled images into the three sets of a problem."""

import torch
from torch import Tensor

from ibcore.memory.problem import Examples, Problem
from ibcore.runtime import generator


def image_problem(
    images: Tensor, labels: Tensor, *, train: int, validation: int, test: int, split: int = 0
) -> Problem:
    r"""Draw three disjoint sets of images, each with equally many of every class, if it can be.

    Images are cut class by class from a random order, so the share of a class in each set is that
    in the data up to one image.  Each channel is shifted and scaled to mean 0 and variance 1 over
    the training set; nothing else is done to the images.

    Parameters
    ----------
    images
        Shape (n, channels, height, width), of any real type.
    labels
        Classes, shape (n,).
    train, validation, test
        How many images each set holds; together at most n.
    split
        Seed of the split.

    Raises
    ------
    ValueError
        If shapes do not fit, a set would be empty, or there are too few images.

    Examples
    --------
    >>> images = torch.arange(96, dtype=torch.uint8).reshape(6, 1, 4, 4)
    >>> problem = image_problem(images, torch.arange(6) % 2, train=2, validation=2, test=2)
    >>> sorted(problem.validation.y.tolist()), round(problem.train.x.mean().item(), 6)
    ([0, 1], 0.0)
    """
    if images.ndim != 4 or tuple(labels.shape) != (len(images),):
        raise ValueError(
            "images need shape (n, channels, height, width) and labels (n,), "
            f"got {tuple(images.shape)} and {tuple(labels.shape)}"
        )
    if min(train, validation, test) < 1 or train + validation + test > len(images):
        raise ValueError(
            f"train, validation and test must be at least 1 and together at most the {len(images)} "
            f"images, got {train}, {validation} and {test}"
        )
    order = _interleaved(labels, split).to(images.device)
    sets = [order[:train], order[train:][:validation], order[train + validation :][:test]]
    x = images[sets[0]].float()  # (train, channels, height, width)
    mean, deviation = (f(x, dim=(0, 2, 3), keepdim=True) for f in (torch.mean, torch.std))
    return Problem(
        *(Examples((images[rows].float() - mean) / deviation, labels[rows].long()) for rows in sets)
    )


def _interleaved(labels: Tensor, split: int) -> Tensor:
    """Return a random order of all images in which every stretch has its share of each class."""
    order = torch.randperm(len(labels), generator=generator(split))
    shuffled = labels.cpu()[order]
    place = torch.empty(len(labels), dtype=torch.float64)
    for label in range(int(shuffled.max()) + 1):
        members = (shuffled == label).nonzero()[:, 0]
        place[members] = (torch.arange(len(members)) + 0.5).double() / len(members)
    return order[place.argsort(stable=True)]
