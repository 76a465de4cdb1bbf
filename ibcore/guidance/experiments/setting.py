"""What an experiment on images is made of: its data, its target and its guides."""

from dataclasses import dataclass

from ibcore.guidance.experiments.images import Images
from ibcore.guidance.experiments.networks import Convolutional, Perceptron


@dataclass(frozen=True)
class Fit:
    """How a convolutional guide is trained, with Adam."""

    steps: int = 400
    batch_size: int = 50
    learning_rate: float = 3e-3


@dataclass(frozen=True)
class Setting:
    """A target, its guides and its data.

    ``weight`` is that of the dissimilarity, summed over pairs of layers.  Batches of images
    without labels hold ``unlabeled_batch`` at most.
    """

    images: Images = Images()  # noqa: RUF009 -- frozen
    target: Perceptron = Perceptron()  # noqa: RUF009
    untrained: Convolutional = Convolutional((128, 128, 256))  # noqa: RUF009
    trained: Convolutional = Convolutional()  # noqa: RUF009
    fit: Fit = Fit()
    steps: int = 200
    batch_size: int = 150
    unlabeled_batch: int = 200
    learning_rate: float = 1e-3
    weight: float = 5.0
