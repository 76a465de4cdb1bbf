"""Small drawings of concepts and numbers, and images cut into patches."""

import torch
from torch import Tensor

_SEGMENTS = {  # of a seven-segment digit: corners (top, left, bottom, right) on a 13 by 7 raster
    "a": (0, 0, 1, 7),
    "b": (0, 6, 7, 7),
    "c": (6, 6, 13, 7),
    "d": (12, 0, 13, 7),
    "e": (6, 0, 13, 1),
    "f": (0, 0, 7, 1),
    "g": (6, 0, 7, 7),
}
_DIGITS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")


def concept_images(size: int = 32) -> Tensor:
    """Draw the 16 objects of four features: color, shape, size and texture.

    Feature 1 chooses red or blue, feature 2 a square or a triangle, feature 3 a large or a small
    figure, feature 4 a filled or a striped one; 0 is the first of each.  The drawings are ours.

    Parameters
    ----------
    size
        Pixels along each side, at least 12.

    Returns
    -------
    Tensor
        Shape ``(16, 3, size, size)``, float64, 0 or 1, in the order of
        `ibcore.tasks.concepts.concept_objects`.

    Raises
    ------
    ValueError
        If the drawings would be too small to tell apart.

    Examples
    --------
    >>> images = concept_images(16)
    >>> len({tuple(image.flatten().tolist()) for image in images})
    16
    """
    if size < 12:
        raise ValueError(f"size must be at least 12 pixels, got {size}")
    images = torch.zeros(16, 3, size, size, dtype=torch.float64)
    for number, image in enumerate(images):
        color, shape, small, striped = (number >> place & 1 for place in (3, 2, 1, 0))
        figure = _figure(size, triangle=bool(shape), margin=size // (3 if small else 8))
        if striped:
            figure = figure & (torch.arange(size) // max(1, size // 16) % 2 == 0)[:, None]
        image[2 * color] = figure.double()
    return images


def _figure(size: int, *, triangle: bool, margin: int) -> Tensor:
    """Return the pixels of a square or a triangle, (size, size), bool."""
    rows, columns = torch.meshgrid(*[torch.arange(size)] * 2, indexing="ij")
    low, high = margin, size - 1 - margin
    inside = (rows >= low) & (rows <= high) & (columns >= low) & (columns <= high)
    if triangle:  # the apex in the middle of the upper side
        inside = inside & (2 * (columns - (size - 1) / 2).abs() <= rows - low + 1)
    return inside


def number_images(count: int = 100, *, size: int = 32) -> Tensor:
    """Draw the numbers 0 to ``count - 1`` with two digits of seven segments each.

    Parameters
    ----------
    count
        From 1 to 100.
    size
        Pixels along each side, at least 16.

    Returns
    -------
    Tensor
        Shape ``(count, 1, size, size)``, float64, 0 or 1.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> number_images(12).shape
    torch.Size([12, 1, 32, 32])
    """
    if not 1 <= count <= 100:
        raise ValueError(f"two digits show up to 100 numbers, got count={count}")
    if size < 16:
        raise ValueError(f"size must be at least 16 pixels, got {size}")
    glyphs = torch.stack([_digit(segments, size) for segments in _DIGITS])  # (10, size, size / 2)
    numbers = torch.arange(count)
    pages = torch.zeros(count, 1, size, size, dtype=torch.float64)
    pages[:, 0, :, : size // 2] = glyphs[numbers // 10]
    pages[:, 0, :, size // 2 : 2 * (size // 2)] = glyphs[numbers % 10]
    return pages


def _digit(segments: str, size: int) -> Tensor:
    """Return one digit in a half of the page, (size, size // 2)."""
    page, unit = torch.zeros(size, size // 2, dtype=torch.float64), max(1, size // 16)
    top, left = (size - 13 * unit) // 2, (size // 2 - 7 * unit) // 2
    for name in segments:
        upper, near, lower, far = _SEGMENTS[name]
        rows = slice(top + unit * upper, top + unit * lower)
        page[rows, left + unit * near : left + unit * far] = 1
    return page


def standardize(images: Tensor) -> Tensor:
    """Give each channel mean 0 and variance 1 over all images and pixels; an empty one stays 0.

    Examples
    --------
    >>> standardize(torch.tensor([[[[0.0, 2.0]]]])).flatten().tolist()
    [-1.0, 1.0]
    """
    mean = images.mean((0, 2, 3), keepdim=True)
    spread = images.std((0, 2, 3), correction=0, keepdim=True)
    return torch.where(spread > 0, (images - mean) / spread, torch.zeros_like(images))


def patches(images: Tensor, *, size: int = 4) -> Tensor:
    """Cut images into a sequence of square patches, row by row: what a sequence model reads.

    Parameters
    ----------
    images
        ``(n, channels, height, width)``.
    size
        Pixels along each side of a patch.

    Returns
    -------
    Tensor
        Shape ``(n, height * width / size**2, channels * size**2)``.

    Raises
    ------
    ValueError
        If the images have another shape, or patches do not cover them.

    Examples
    --------
    >>> patches(torch.zeros(5, 3, 32, 32)).shape
    torch.Size([5, 64, 48])
    """
    if images.ndim != 4 or size < 1 or images.shape[2] % size or images.shape[3] % size:
        raise ValueError(
            f"patches of {size} by {size} pixels do not cover images (n, channels, height, width) "
            f"of shape {tuple(images.shape)}"
        )
    return torch.nn.functional.unfold(images, size, stride=size).mT.contiguous()
