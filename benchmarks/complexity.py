"""Complexity measures: phrases of Lempel and Ziv, and polynomial expansions."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.compare import OURS, Cause, Size, Work, Workload
from benchmarks.sampling import numpy_complexity
from ibcore.redshift import fourier_complexity, lempel_ziv, lz76
from ibcore.redshift.fourier import polynomial_coefficients
from ibcore.tasks import axis

Sequences = Sequence[NDArray[np.int64]]


def ours_phrases(sequences: Sequences) -> Tensor:
    """Count all with ibcore in one call, as its measure does; compiled if numba is installed."""
    return torch.from_numpy(lempel_ziv.count_lz76(np.stack(sequences))).double()


def each_phrases(sequences: Sequences) -> Tensor:
    """Count with ibcore, a call for each."""
    return torch.tensor([float(lz76(sequence)) for sequence in sequences])


def interpreted_phrases(sequences: Sequences) -> Tensor:
    """Count with ibcore as it does where numba is not installed."""
    with patch.object(lempel_ziv, "_compiled", lambda: None):
        return ours_phrases(sequences)


WAYS: Mapping[str, Callable[[Sequences], Tensor]] = {
    "": ours_phrases,
    ", a call each": each_phrases,
    ", without numba": interpreted_phrases,
}


def plain_phrases(sequences: Sequences) -> Tensor:
    """Count with the search of Python's own strings."""
    return torch.tensor([float(_count("".join(map(str, sequence)))) for sequence in sequences])


def _count(text: str) -> int:
    """Return the phrases of one string: each the shortest that does not occur before."""
    start = phrases = 0
    while start < len(text):
        end = start + 1
        while end <= len(text) and text.find(text[start:end], 0, end - 1) != -1:
            end += 1
        phrases, start = phrases + 1, end
    return phrases


def with_antropy(sequences: Sequences) -> Tensor:
    """Count with ``antropy``, which compiles by numba."""
    antropy: Any = import_module("antropy")
    return torch.tensor([float(antropy.lziv_complexity(s)) for s in sequences])


PEERS: Mapping[str, Callable[[Sequences], Tensor]] = {"antropy": with_antropy}


def phrases(length: int, count: int, kind: str, way: str = "") -> Workload:
    """Return the count of phrases of random or of smooth binary sequences."""
    rng = np.random.default_rng(0)
    if kind == "random":
        bits = rng.integers(0, 2, (count, length))
    else:
        bits = np.cumsum(rng.random((count, length)) < 8 / length, axis=1) % 2
    sequences: Sequences = list(bits)
    variants: dict[str, Work] = {
        OURS: partial(WAYS[way], sequences),
        "search of strings": partial(plain_phrases, sequences),
    }
    for peer, run in PEERS.items():
        if find_spec(peer) is not None:
            variants[peer] = partial(run, sequences)
    compiled = find_spec("numba") is not None and way != ", without numba"
    aims = {"antropy": 30.0 if compiled else 1.5} if length >= 4096 else {}
    causes = {}
    if way == ", a call each":
        causes["antropy"] = Cause("a call for each sequence", partial(ours_phrases, sequences))
    name, symbols = f"LZ76, n = {length}, {kind}{way}", length * count
    return Workload("complexity", name, variants, 0.0, aims, symbols=symbols, causes=causes)


def spectrum(points: int, count: int) -> Workload:
    """Return the Fourier complexity of functions on a grid, against a loop of NumPy."""
    rng = torch.Generator().manual_seed(0)
    values = torch.randn(count, points, points, generator=rng, dtype=torch.float64)
    variants: dict[str, Work] = {
        OURS: partial(fourier_complexity, values, transform="fft"),
        "numpy, one by one": lambda: torch.tensor(
            [numpy_complexity(z) for z in values.numpy()], dtype=torch.float64
        ),
    }
    name = f"Fourier, {points} x {points} grid, {count} functions"
    return Workload("complexity", name, variants, 1e-9, {"numpy, one by one": 2.0})


def ours_polynomial(values: Tensor, degree: int) -> Tensor:
    """Expand with ibcore: one small product along each axis."""
    return polynomial_coefficients(values, "chebyshev", degree=degree, nodes="chebyshev")


def design(points: int, degree: int) -> Tensor:
    """Return the matrix of all products of polynomials at all points of the grid."""
    line = np.polynomial.chebyshev.chebvander(axis(points, nodes="chebyshev").numpy(), degree)
    return torch.from_numpy(np.kron(line, line))


def all_at_once(values: Tensor, degree: int) -> Tensor:
    """Solve the least squares of all functions in one call of torch."""
    matrix = design(values.shape[1], degree)
    found: Tensor = torch.linalg.lstsq(matrix, values.flatten(1).T).solution
    return found.T.reshape(len(values), degree + 1, degree + 1)


def one_by_one(values: Tensor, degree: int) -> Tensor:
    """Solve one least squares for each function with numpy."""
    matrix = design(values.shape[1], degree).numpy()
    solved = [np.linalg.lstsq(matrix, z.numpy().ravel(), rcond=None)[0] for z in values]
    return torch.from_numpy(np.stack(solved)).reshape(len(values), degree + 1, degree + 1)


def polynomial(points: int, degree: int, count: int) -> Workload:
    """Return the Chebyshev expansion of functions on a grid."""
    rng = torch.Generator().manual_seed(0)
    values = torch.randn(count, points, points, generator=rng, dtype=torch.float64)
    variants: dict[str, Work] = {
        OURS: partial(ours_polynomial, values, degree),
        "torch.linalg.lstsq": partial(all_at_once, values, degree),
    }
    if count <= 20:  # more would take minutes
        variants["numpy, one by one"] = partial(one_by_one, values, degree)
    name = f"Chebyshev, {points} x {points} grid, degree {degree}, {count} functions"
    aims = {"torch.linalg.lstsq": 20.0} if points >= 64 else {}
    return Workload("complexity", name, variants, 1e-8, aims)


def workloads(size: Size) -> list[Workload]:
    """Return phrases of short and long sequences, expansions and spectra."""
    if size == "tiny":
        few = [phrases(64, 2, "random", way) for way in WAYS]
        return [*few, phrases(64, 2, "smooth"), polynomial(8, 3, 2), spectrum(8, 2)]
    return [
        *(phrases(128, 50, "random", way) for way in WAYS),
        phrases(4096, 5, "random"),
        phrases(4096, 5, "random", ", without numba"),
        phrases(4096, 5, "smooth"),
        spectrum(64, 200),
        polynomial(32, 10, 20),
        polynomial(64, 19, 200),
    ]
