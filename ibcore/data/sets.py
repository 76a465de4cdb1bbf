"""Load real data sets: images as bytes with their labels, and text."""

from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from torch import Tensor

from ibcore.data.fetch import data_file
from ibcore.data.formats import Bytes, read_cifar, read_idx

OmniglotPart = Literal["background", "evaluation", "background_small1", "background_small2"]

_DIGITS = tuple("0123456789")
_CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


class ImageData(NamedTuple):
    """Images and their classes, split officially.

    Attributes
    ----------
    train_images, test_images
        uint8, shape (n, channels, height, width).
    train_labels, test_labels
        int64 from 0, shape (n,).
    classes
        Name of each class.
    """

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    classes: tuple[str, ...]


class WikiText2(NamedTuple):
    """The held-out text of WikiText-2: words between spaces, rare ones as ``<unk>``."""

    valid: str
    test: str


def load_cifar10() -> ImageData:
    """Return CIFAR-10: 50,000 and 10,000 color images of 32 x 32, from the binary version.

    Raises
    ------
    ValueError, OSError, ImportError
        As in `data_file`.

    References
    ----------
    Krizhevsky (2009), "Learning multiple layers of features from tiny images".

    Examples
    --------
    >>> data = load_cifar10()  # doctest: +SKIP
    >>> data.train_images.shape  # doctest: +SKIP
    torch.Size([50000, 3, 32, 32])
    """
    batches, classes = read_cifar(data_file("cifar10", "cifar-10-binary.tar.gz"))
    test = batches.pop("test_batch")
    images, labels = (np.concatenate(parts) for parts in zip(*batches.values(), strict=True))
    return ImageData(_bytes(images), _labels(labels), _bytes(test[0]), _labels(test[1]), classes)


def load_mnist() -> ImageData:
    """Return MNIST: 60,000 and 10,000 gray images of digits, 28 x 28.

    Raises
    ------
    ValueError, OSError, ImportError
        As in `data_file`.

    References
    ----------
    LeCun, Bottou, Bengio and Haffner (1998), "Gradient-based learning applied to document
    recognition".

    Examples
    --------
    >>> load_mnist().classes[3]  # doctest: +SKIP
    '3'
    """
    return _load_idx("mnist", _DIGITS)


def load_fashion_mnist() -> ImageData:
    """Return Fashion-MNIST: 60,000 and 10,000 gray images of clothes, 28 x 28.

    Raises
    ------
    ValueError, OSError, ImportError
        As in `data_file`.

    References
    ----------
    Xiao, Rasul and Vollgraf (2017), "Fashion-MNIST".

    Examples
    --------
    >>> load_fashion_mnist().classes[9]  # doctest: +SKIP
    'Ankle boot'
    """
    return _load_idx("fashion_mnist", _CLOTHES)


def omniglot_archive(part: OmniglotPart = "background") -> Path:
    """Return the path of an official Omniglot archive, for `ibcore.tasks.read_omniglot`.

    Raises
    ------
    ValueError, OSError, ImportError
        If the part is unknown; otherwise as in `data_file`.

    References
    ----------
    Lake, Salakhutdinov and Tenenbaum (2015), "Human-level concept learning through probabilistic
    program induction".

    Examples
    --------
    >>> omniglot_archive("training")
    Traceback (most recent call last):
    ValueError: unknown part 'training'; choose one of background, evaluation, ...
    """
    if part not in get_args(OmniglotPart):
        raise ValueError(
            f"unknown part {part!r}; choose one of {', '.join(get_args(OmniglotPart))}"
        )
    return data_file("omniglot", f"images_{part}.zip")


def load_tiny_shakespeare() -> str:
    """Return 1,115,394 characters of Shakespeare's plays.

    Raises
    ------
    ValueError, OSError, ImportError
        As in `data_file`.

    References
    ----------
    Karpathy (2015), "The unreasonable effectiveness of recurrent neural networks".

    Examples
    --------
    >>> load_tiny_shakespeare()[:14]  # doctest: +SKIP
    'First Citizen:'
    """
    return data_file("tiny_shakespeare", "input.txt").read_text("utf-8")


def load_wikitext2() -> WikiText2:
    """Return the validation and test text of WikiText-2.

    Raises
    ------
    ValueError, OSError, ImportError
        As in `data_file`.

    References
    ----------
    Merity, Xiong, Bradbury and Socher (2016), "Pointer sentinel mixture models".

    Examples
    --------
    >>> load_wikitext2().valid.split()[:3]  # doctest: +SKIP
    ['=', 'Homarus', 'gammarus']
    """
    valid, test = (
        data_file("wikitext2", f"{part}.txt").read_text("utf-8") for part in WikiText2._fields
    )
    return WikiText2(valid, test)


def _load_idx(name: str, classes: tuple[str, ...]) -> ImageData:
    """Return images and labels from the four IDX files that MNIST and its kin share."""
    return ImageData(*_idx_pair(name, "train", classes), *_idx_pair(name, "t10k", classes), classes)


def _idx_pair(name: str, split: str, classes: tuple[str, ...]) -> tuple[Tensor, Tensor]:
    images = read_idx(data_file(name, f"{split}-images-idx3-ubyte.gz"))
    labels = read_idx(data_file(name, f"{split}-labels-idx1-ubyte.gz"))
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise ValueError(
            f"{name}: images of shape {images.shape} do not fit labels of shape {labels.shape}; "
            "get the files anew"
        )
    if labels.max(initial=0) >= len(classes):
        raise ValueError(f"{name}: label {labels.max()} of {len(classes)} classes; get it anew")
    return _bytes(images)[:, None], _labels(labels)  # (n, h, w) -> (n, 1, h, w)


def _bytes(values: Bytes) -> Tensor:
    return torch.from_numpy(values.copy())  # files give read-only memory


def _labels(values: Bytes) -> Tensor:
    return torch.from_numpy(values.astype(np.int64))
