"""Boolean concepts: short rules about a few features, drawn from a grammar."""

from typing import Annotated, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ibcore.door import Count, Data, Range, Seed, check_memory, door
from ibcore.runtime import generator

Pixels = Annotated[int, Range(1, 4096)]  # along one side
Features = Annotated[int, Range(1, 8)]
Noise = Annotated[float, Range(0, 1e30)]  # more would be infinite in torch.float32

# Batches of small tasks: a support set to learn from and a query set to be judged by.


class Episodes(NamedTuple):
    """A batch of T tasks.

    Attributes
    ----------
    support, query
        Inputs (T, n, ...) and targets (T, n) or (T, n, out) of each task.
    rows
        Which task of the pool each is, (T,); for glyphs the classes of each, (T, ways).
    picked
        Which objects the support set shows, (T, n).
    """

    support: tuple[Tensor, Tensor]
    query: tuple[Tensor, Tensor]
    rows: Tensor
    picked: Tensor


@door
def table_episodes(
    inputs: Data,
    targets: Data,
    *,
    tasks: Count | None = None,
    support: Count | tuple[Count, Count],
    noise: Noise = 0.0,
    seed: Seed = 0,
) -> Episodes:
    """Draw tasks from a pool in which each is a table: one target for each of the same objects.

    The support set shows n objects drawn with replacement, the query set all objects.  One n is
    drawn for the whole batch, so that its tasks can be computed at once and norms see no padding;
    the paper draws one for each task.

    Parameters
    ----------
    inputs
        Of the objects, ``(objects, ...)`` in any representation.
    targets
        Of the pool, ``(pool, objects)`` or ``(pool, objects, out)``.
    tasks
        How many are drawn, with replacement; None for each task of the pool once, in order.
    support
        n, or the smallest and the largest n.
    noise
        Standard deviation of Gaussian noise on the support targets alone.
    seed
        Of everything drawn.  Draws do not depend on the representation or the device.

    Raises
    ------
    ValueError
        If inputs and targets are for different objects, or a number is out of range.

    References
    ----------
    Bencomo et al. (2025); the sampling follows the authors' public code.

    Examples
    --------
    >>> x, table = torch.eye(4), torch.tensor([[0, 0, 1, 1], [0, 1, 0, 1]])
    >>> drawn = table_episodes(x, table, tasks=3, support=2)
    >>> drawn.support[0].shape, drawn.query[1].shape
    (torch.Size([3, 2, 4]), torch.Size([3, 4]))
    """
    pool, objects = _sizes(inputs, targets)
    if noise and not targets.is_floating_point():
        raise ValueError(f"noise={noise} needs real targets, got {targets.dtype}")
    rng = generator(seed)
    n = draw_size(support, rng)
    size = 8.0 * (tasks or pool) * (n + objects) * (inputs[0].numel() + targets[0, 0].numel())
    check_memory("tasks", tasks or pool, size)
    rows = torch.arange(pool) if tasks is None else torch.randint(pool, (tasks,), generator=rng)
    picked = torch.randint(objects, (len(rows), n), generator=rng)
    rows, picked = rows.to(inputs.device), picked.to(inputs.device)
    table = targets[rows]  # (tasks, objects, ...)
    shown = table[torch.arange(len(rows), device=rows.device)[:, None], picked]  # (tasks, n, ...)
    if noise:
        drawn = torch.randn(shown.shape, generator=rng, dtype=torch.float64)
        shown = shown + noise * drawn.to(shown)
    everything = inputs.expand(len(rows), *inputs.shape)
    return Episodes((inputs[picked], shown), (everything, table), rows, picked)


def draw_size(support: int | tuple[int, int], rng: torch.Generator) -> int:
    """Return n, or draw it from the smallest to the largest, both included."""
    low, high = (support, support) if isinstance(support, int) else support
    if low > high:
        raise ValueError(f"support must be n or a pair of smallest and largest, got {support}")
    return int(torch.randint(low, high + 1, (), generator=rng))


def _sizes(inputs: Tensor, targets: Tensor) -> tuple[int, int]:
    if inputs.ndim < 1 or targets.ndim not in (2, 3) or targets.shape[1] != len(inputs):
        raise ValueError(
            "inputs (objects, ...) and targets (pool, objects, ...) must be for the same objects, "
            f"got {tuple(inputs.shape)} and {tuple(targets.shape)}"
        )
    if targets.numel() < 1:
        raise ValueError(f"the pool holds no task or no object: targets {tuple(targets.shape)}")
    if inputs.device != targets.device:
        raise ValueError(f"inputs are on {inputs.device}, targets on {targets.device}; move one")
    return targets.shape[0], targets.shape[1]


# Small drawings of concepts and numbers, and images cut into patches.

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


@door
def concept_images(size: Annotated[int, Range(12, 4096)] = 32) -> Tensor:
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

    Examples
    --------
    >>> images = concept_images(16)
    >>> len({tuple(image.flatten().tolist()) for image in images})
    16
    """
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


@door
def number_images(
    count: Annotated[int, Range(1, 100)] = 100, *, size: Annotated[int, Range(16, 4096)] = 32
) -> Tensor:
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
    """Give each channel mean 0 and variance 1 over all images and pixels; a constant one is 0.

    Examples
    --------
    >>> standardize(torch.tensor([[[[0.0, 2.0]]]])).flatten().tolist()
    [-1.0, 1.0]
    """
    mean = images.mean((0, 2, 3), keepdim=True)
    spread = images.std((0, 2, 3), correction=0, keepdim=True)
    rounding = 16 * torch.finfo(images.dtype).eps * images.abs().amax((0, 2, 3), keepdim=True)
    return torch.where(spread > rounding, (images - mean) / spread, torch.zeros_like(images))


@door
def patches(images: Tensor, *, size: Pixels = 4) -> Tensor:
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
    if images.ndim != 4 or images.shape[2] % size or images.shape[3] % size:
        raise ValueError(
            f"patches of {size} by {size} pixels do not cover images (n, channels, height, width) "
            f"of shape {tuple(images.shape)}"
        )
    return torch.nn.functional.unfold(images, size, stride=size).mT.contiguous()


Bools = NDArray[np.bool_]

LONGEST = 50  # conjunctions of a rule, and literals of a conjunction; longer ones are drawn again
_BLOCK = 1024  # candidates drawn at once


@door
def concept_objects(features: Features = 4) -> Bools:
    """Return all objects, counting in binary, the first feature most significant.

    Shape ``(2**features, features)``.

    Examples
    --------
    >>> concept_objects(2).astype(int).tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    places = np.arange(features - 1, -1, -1)
    return ((np.arange(2**features)[:, None] >> places) & 1).astype(np.bool_)


@door
def sample_concepts(count: Count, *, features: Features = 4, seed: Seed = 0) -> Tensor:
    r"""Draw concepts from the grammar of disjunctive normal forms with random probabilities.

    A concept is an "or" of conjunctions, a conjunction an "and" of literals, a literal "feature i
    is v".  Each concept draws its own probabilities first, all from flat Dirichlet distributions:
    r that another conjunction follows, q that another literal follows, f over features and
    :math:`v_i` over the two values of each feature.  Then it has :math:`1 + \text{Geometric}`
    conjunctions and literals in each.  Concepts that are true or false of every object are drawn
    again, and so are those with more than 50 conjunctions, or literals in one, where the paper's
    public code has a limit on recursion.

    Parameters
    ----------
    count
        How many.
    features
        From 1 to 8.
    seed
        Of the draw; the first concepts do not depend on how many are drawn.

    Returns
    -------
    Tensor
        Truth tables over `concept_objects`, ``(count, 2**features)``, int64, 0 or 1.

    Raises
    ------
    ValueError
        If a number is out of range.

    References
    ----------
    Goodman et al. (2008), "A rational analysis of rule-based concept learning"; Marinescu, McCoy
    and Griffiths (2024), arXiv 2402.07035.  The grammar is that of the public code of Bencomo et
    al. (2025); this sampler is our own.

    Examples
    --------
    >>> tables = sample_concepts(100)
    >>> tables.shape, bool(((tables.sum(1) > 0) & (tables.sum(1) < 16)).all())
    (torch.Size([100, 16]), True)
    """
    check_memory("count", count, 10.0 * count * 2**features)
    rng, objects = np.random.default_rng(seed), concept_objects(features)
    found: list[Bools] = []
    while sum(map(len, found)) < count:
        found.append(_draw_block(rng, objects))
    return torch.from_numpy(np.concatenate(found)[:count].astype(np.int64))


def _draw_block(rng: np.random.Generator, objects: Bools) -> Bools:
    """Draw candidates and return the tables of those that are kept, (kept, objects)."""
    features = objects.shape[1]
    again, further = rng.random((2, _BLOCK))  # r and q of each candidate
    which = np.cumsum(rng.dirichlet(np.ones(features), _BLOCK), axis=1)
    value = rng.random((_BLOCK, features))  # probability that a literal asks for 1
    disjuncts = rng.geometric(1 - again)
    short = disjuncts <= LONGEST
    owner = np.repeat(np.arange(_BLOCK)[short], disjuncts[short])  # of each conjunction
    literals = rng.geometric(1 - further[owner])
    short[np.unique(owner[literals > LONGEST])] = False
    keep = short[owner]
    owner, literals = owner[keep], literals[keep]
    return _tables(rng, objects, (owner, literals), which, value)


def _tables(
    rng: np.random.Generator,
    objects: Bools,
    shape: tuple[NDArray[np.int64], NDArray[np.int64]],
    which: NDArray[np.float64],
    value: NDArray[np.float64],
) -> Bools:
    """Draw the literals, and return the tables that are not constant."""
    owner, literals = shape
    rule = np.repeat(owner, literals)  # of each literal
    feature = (rng.random(len(rule))[:, None] > which[rule, :-1]).sum(1)
    wanted = rng.random(len(rule)) < value[rule, feature]
    holds = ~(objects[:, feature].T ^ wanted[:, None])  # (literals, objects)
    both = np.logical_and.reduceat(holds, np.cumsum(literals) - literals)  # (conjunctions, objects)
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    either = np.logical_or.reduceat(both, first)  # (concepts, objects)
    constant = either.all(1) | ~either.any(1)
    kept: Bools = either[~constant]
    return kept


@door
def concept_inputs(
    view: Literal["bits", "image"] = "bits",
    *,
    features: Features = 4,
    size: Pixels = 32,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Return all objects as inputs of a network.

    Parameters
    ----------
    view
        ``"bits"``: -1 and 1, ``(2**features, features)``.  ``"image"``: drawings, ``(16, 3, size,
        size)``, each channel standardized over the 16; see `ibcore.tasks.concepts.concept_images`.
    features
        Four for drawings.
    size
        Pixels along each side of a drawing.
    dtype
        Of the result.

    Raises
    ------
    ValueError
        If the view is unknown, or drawings of other than four features are asked for.

    Examples
    --------
    >>> concept_inputs()[1].tolist()
    [-1.0, -1.0, -1.0, 1.0]
    >>> concept_inputs("image", size=16).shape
    torch.Size([16, 3, 16, 16])
    """
    objects = torch.from_numpy(concept_objects(features))
    if view == "bits":
        return 2 * objects.to(dtype) - 1
    if features != 4:
        raise ValueError(f"drawings show four features, got {features}; use view='bits'")
    return standardize(concept_images(size)).to(dtype)


# How probable each concept of four features is under the grammar.

Floats = NDArray[np.float64]


@door
def concept_prior(
    *, features: Annotated[int, Range(1, 4)] = 4, draws: Count = 400, seed: Seed = 0
) -> tuple[Tensor, Tensor]:
    r"""Return every truth table and its probability under `ibcore.tasks.sample_concepts`.

    Given the grammar's probabilities the distribution of tables is computed, not sampled: with
    :math:`P(S)` the chance that a literal lies in a set S, a conjunction uses literals of S alone
    with probability :math:`\sum_k (1-q) q^k P(S)^{k+1}`, and inclusion and exclusion over sets
    give the chance of each exact set; "or" works alike on tables.  What is averaged over random
    draws is only the Dirichlet distribution of the probabilities.  It treats features and values
    alike, so the result is averaged over all ways to rename them too.

    Parameters
    ----------
    features
        From 1 to 4.
    draws
        Of the grammar's probabilities; the averaging error falls with their root.
    seed
        Of the draws.

    Returns
    -------
    tuple
        Tables ``(t, 2**features)`` and probabilities ``(t,)``, float64, the most probable first.
        Constant tables are left out; those below 1e-12, lost in rounding, are too.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> tables, weights = concept_prior(features=2, draws=50)
    >>> tables.shape[1], round(weights.sum().item(), 12)
    (4, 1.0)
    """
    rng, total = np.random.default_rng(seed), np.zeros(2 ** (2**features))
    for _ in range(draws):
        again, further = rng.random(2)
        which = rng.dirichlet(np.ones(features))
        total += table_probabilities(again, further, which, rng.random(features))
    total = _renamed_alike(total, features)
    total[[0, -1]] = 0  # constant concepts are drawn again
    total /= total.sum()
    order = np.argsort(-total, kind="stable")[: int((total > 1e-12).sum())]
    places = np.arange(2**features)
    tables = torch.from_numpy(((order[:, None] >> places) & 1).astype(np.float64))
    weights = torch.from_numpy(total[order])
    return tables, weights / weights.sum()


def table_probabilities(again: float, further: float, which: Floats, value: Floats) -> Floats:
    """Return the probability of each truth table given the probabilities of the grammar.

    Parameters
    ----------
    again, further
        That another conjunction follows, and that another literal does.
    which
        Of each feature, ``(features,)``.
    value
        That a literal on a feature asks for 1, ``(features,)``.

    Returns
    -------
    ndarray
        Shape ``(2**2**features,)``; bit j of an index is the label of object j.  The sum falls
        short of 1 by the chance that a concept is too long.

    Examples
    --------
    With one feature, one conjunction and one literal there are two tables:

    >>> table_probabilities(0.0, 0.0, np.array([1.0]), np.array([0.25])).tolist()
    [0.0, 0.75, 0.25, 0.0]
    """
    objects = concept_objects(len(which))
    count = len(objects)
    literal = np.concatenate([which * value, which * (1 - value)])  # "is 1", then "is 0"
    subset = np.zeros(2 ** len(literal))
    subset[1 << np.arange(len(literal))] = literal
    exact = _chain(subset, further)  # of each set of literals
    holds = np.concatenate([objects, ~objects], axis=1).T  # (literals, objects)
    numbers = (holds.astype(np.int64) << np.arange(count)).sum(1)  # each literal's table
    conjunction = np.bincount(_meets(numbers, count), exact, minlength=2**count)
    return _chain(conjunction.astype(np.float64), again)


def _renamed_alike(values: Floats, features: int) -> Floats:
    """Average over every order of the features and every exchange of a feature's values.

    Averages over the steps below, one after the other, reach each renaming equally often.
    """
    objects = concept_objects(features)
    for feature in range(features):
        flipped = objects.copy()
        flipped[:, feature] ^= True
        orders = [np.arange(features)]
        orders += [_exchanged(features, other, feature) for other in range(feature)]
        values = np.mean([values, values[_renaming(flipped)]], axis=0)
        values = np.mean([values[_renaming(objects[:, order])] for order in orders], axis=0)
    return values


def _exchanged(features: int, first: int, second: int) -> NDArray[np.int64]:
    order = np.arange(features)
    order[[first, second]] = order[[second, first]]
    return order


def _renaming(objects: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the number of each table after its objects are renamed as in the rows."""
    features = objects.shape[1]
    moved = (objects << np.arange(features - 1, -1, -1)).sum(1)  # object j becomes moved[j]
    tables = np.arange(2 ** len(objects))
    result: NDArray[np.int64] = sum((tables >> j & 1) << place for j, place in enumerate(moved))
    return result


def _chain(parts: Floats, more: float) -> Floats:
    """Return the chance of each join of 1 + Geometric parts, at most `LONGEST`, from a part's."""
    inside = _over_subsets(parts, np.add)
    ratio = more * inside
    joined = (1 - more) * inside * (1 - ratio**LONGEST) / (1 - ratio)
    return _over_subsets(joined, np.subtract)


def _meets(numbers: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return the table of the "and" of each set of literals; the empty set is true everywhere."""
    tables = np.full(2 ** len(numbers), 2**count - 1)
    for place, number in enumerate(numbers):
        tables[np.arange(len(tables)) >> place & 1 == 1] &= number
    return tables


def _over_subsets(values: Floats, join: np.ufunc) -> Floats:
    """Return the sum over all subsets of each set (``np.add``), or undo that (``np.subtract``)."""
    result = values.copy()
    for place in range(len(values).bit_length() - 1):
        halves = result.reshape(-1, 2, 2**place)  # without and with this element
        join(halves[:, 1], halves[:, 0], out=halves[:, 1])
    return result
