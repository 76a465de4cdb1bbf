"""Boolean concepts: short rules about a few features, drawn from a grammar."""

from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ibcore.tasks.render import concept_images, standardize

ConceptView = Literal["bits", "image"]
Bools = NDArray[np.bool_]

LONGEST = 50  # conjunctions of a rule, and literals of a conjunction; longer ones are drawn again
_BLOCK = 1024  # candidates drawn at once
_LARGEST = 8  # features


def concept_objects(features: int = 4) -> Bools:
    """Return all objects, counting in binary, the first feature most significant.

    Shape ``(2**features, features)``.

    Raises
    ------
    ValueError
        If there are fewer than 1 or more than 8 features.

    Examples
    --------
    >>> concept_objects(2).astype(int).tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    if not 1 <= features <= _LARGEST:
        raise ValueError(f"features must be between 1 and {_LARGEST}, got {features}")
    places = np.arange(features - 1, -1, -1)
    return ((np.arange(2**features)[:, None] >> places) & 1).astype(np.bool_)


def sample_concepts(count: int, *, features: int = 4, seed: int = 0) -> Tensor:
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
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    if seed < 0:
        raise ValueError(f"seed must be at least 0, got {seed}")
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


def concept_inputs(
    view: ConceptView = "bits",
    *,
    features: int = 4,
    size: int = 32,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Return all objects as inputs of a network.

    Parameters
    ----------
    view
        ``"bits"``: -1 and 1, ``(2**features, features)``.  ``"image"``: drawings, ``(16, 3, size,
        size)``, each channel standardized over the 16; see `ibcore.tasks.render.concept_images`.
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
    if view not in get_args(ConceptView):
        raise ValueError(f"unknown view {view!r}; choose one of bits, image")
    objects = torch.from_numpy(concept_objects(features))
    if view == "bits":
        return 2 * objects.to(dtype) - 1
    if features != 4:
        raise ValueError(f"drawings show four features, got {features}; use view='bits'")
    return standardize(concept_images(size)).to(dtype)
