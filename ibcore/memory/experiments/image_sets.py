"""Images for the experiments on convolutional networks: which ones, and how they are split."""

from dataclasses import dataclass
from typing import Literal

from ibcore.memory.images import image_problem
from ibcore.memory.problem import Problem
from ibcore.tasks.images import digits

Source = Literal["digits", "cifar10"]


@dataclass(frozen=True)
class ImageSets:
    """Where the images come from, and how many are in each set.

    Only the first so many ``images`` of the source are used; of CIFAR-10, training images only.
    """

    source: Source = "cifar10"
    images: int = 25_000
    train: int = 20_000
    validation: int = 2500
    test: int = 2500
    split: int = 0


def load_images(sets: ImageSets) -> Problem:
    """Return the images of a source, split.

    Examples
    --------
    >>> load_images(ImageSets("digits", 1797, 200, 100, 100)).train.x.shape
    torch.Size([200, 1, 8, 8])
    """
    if sets.source == "digits":
        pixels, labels = digits()
        images = pixels[:, None]  # (n, 8, 8) -> (n, 1, 8, 8)
    else:
        from ibcore.data import load_cifar10

        data = load_cifar10()
        images, labels = data.train_images, data.train_labels
    sizes = {"train": sets.train, "validation": sets.validation, "test": sets.test}
    some = slice(sets.images)
    return image_problem(images[some], labels[some], **sizes, split=sets.split)
