"""Centered kernel alignment of all pairs of layers: products in common, or pair by pair."""

import warnings
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from io import StringIO
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.compare import OURS, Cause, Size, Work, Workload
from ibcore.guidance import cka_matrix

Layers = list[Tensor]


def features(points: int, widths: tuple[int, ...], seed: int) -> Layers:
    """Return features of the same points in layers of some widths, with a common signal."""
    rng = torch.Generator().manual_seed(seed)
    signal = torch.randn(points, 8, generator=torch.Generator().manual_seed(0))
    return [
        signal @ torch.randn(8, width, generator=rng) + torch.randn(points, width, generator=rng)
        for width in widths
    ]


def ours(first: Layers, second: Layers) -> Tensor:
    """Run ibcore."""
    return cka_matrix(first, second)


def bare(first: Layers, second: Layers) -> Tensor:
    """Compute what ibcore does without a look at the values, without float64 and autograd."""
    n, layers = len(first[0]), [*first, *second]
    grams = torch.empty(len(layers), n, n)
    for layer, gram in zip(layers, grams, strict=True):
        centered = layer - layer.mean(0)
        torch.mm(centered, centered.mT, out=gram)
    rows = -grams.diagonal(dim1=1, dim2=2).clone()  # those of centered features sum to 0
    grams.diagonal(dim1=1, dim2=2).zero_()
    flat, totals, k = grams.flatten(1), rows.sum(1), len(first)

    def value(trace: Tensor, inner: Tensor, sums: Tensor) -> Tensor:
        return trace - 2 / (n - 2) * inner + sums / ((n - 1) * (n - 2))

    own = value(torch.linalg.vecdot(flat, flat), rows.square().sum(1), totals.square())
    cross = flat[:k] @ flat[k:].mT, rows[:k] @ rows[k:].mT, totals[:k, None] * totals[k:]
    return value(*cross) / (own[:k, None] * own[k:]).sqrt()


def hsic(k: Tensor, other: Tensor) -> Tensor:
    """Return the unbiased criterion of two Gram matrices as it stands in the literature."""
    n = len(k)
    k, other = k - torch.diag(k.diagonal()), other - torch.diag(other.diagonal())
    ones = torch.ones(n, 1)
    trace = (k @ other).trace()
    middle = (ones.T @ k @ ones) * (ones.T @ other @ ones) / ((n - 1) * (n - 2))
    return (trace + middle - 2 / (n - 2) * (ones.T @ k @ other @ ones)).squeeze() / (n * (n - 3))


def pair_by_pair(first: Layers, second: Layers) -> Tensor:
    """Compute each pair of layers from its features, as a function of two arrays would."""
    rows = []
    for x in first:
        for y in second:
            k, other = x @ x.T, y @ y.T
            rows.append(hsic(k, other) / (hsic(k, k) * hsic(other, other)).sqrt())
    return torch.stack(rows).reshape(len(first), len(second))


class Given(nn.Module):
    """A network whose named layers have features that are there already."""

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        self.taps = nn.ModuleList([nn.Identity() for _ in layers])
        self.given = layers

    def forward(self, x: Tensor) -> Tensor:
        """Show every layer its features; x is not used."""
        for tap, values in zip(self.taps, self.given, strict=True):
            tap(values)
        return x


def with_torch_cka(first: Layers, second: Layers) -> Tensor:
    """Run ``torch_cka`` on one batch that holds all points, without its messages."""
    torch_cka: Any = import_module("torch_cka")
    names = [[f"taps.{i}" for i in range(len(layers))] for layers in (first, second)]
    points = TensorDataset(torch.zeros(len(first[0]), 1))
    with warnings.catch_warnings(), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        peer = torch_cka.CKA(
            Given(first), Given(second), model1_layers=names[0], model2_layers=names[1]
        )
        peer.compare(DataLoader(points, batch_size=len(points)))
    found: Tensor = peer.export()["CKA"]
    return found


def with_pytorch_cka(first: Layers, second: Layers) -> Tensor:
    """Run ``pytorch-cka`` on features; it computes all pairs at once, without centering."""
    peer: Any = import_module("cka")
    found: Tensor = peer.cka_from_features(first, second)
    return found


def with_ckatorch(first: Layers, second: Layers) -> Tensor:
    """Run ``ckatorch`` on each pair of layers, as its class does; it computes in float64."""
    pair: Any = import_module("ckatorch.core").cka_batch
    rows = [torch.stack([pair(x[None], y[None]) for y in second]) for x in first]
    return torch.stack(rows)


Peer = Callable[[Layers, Layers], Tensor]
PEERS: Mapping[str, tuple[str, Peer]] = {
    "torch_cka": ("torch_cka", with_torch_cka),
    "pytorch-cka": ("cka", with_pytorch_cka),
    "ckatorch": ("ckatorch", with_ckatorch),
}


def workloads(size: Size) -> list[Workload]:
    """Return few points and wide layers, and many points and narrow layers."""
    tiny = size == "tiny"
    wide = (16, 40) if tiny else (64, 128, 256, 512) * 2
    narrow = (3, 5) if tiny else (10, 16, 32, 64)
    cases = (
        (
            "few points, wide layers",
            12 if tiny else 128,
            wide,
            {"pair by pair": 5.0, "torch_cka": 3.0, "ckatorch": 5.0, "pytorch-cka": 1 / 1.4},
        ),
        (
            "many points, narrow layers",
            40 if tiny else 1000,
            narrow,
            {"pair by pair": 3.0, "pytorch-cka": 3.0},
        ),
    )
    found = []
    for name, points, widths, aims in cases:
        pair = features(points, widths, 1), features(points, widths, 2)
        variants: dict[str, Work] = {
            OURS: partial(ours, *pair),
            "pair by pair": partial(pair_by_pair, *pair),
        }
        for peer, (module, run) in PEERS.items():
            if find_spec(module) is not None:
                variants[peer] = partial(run, *pair)
        label = f"CKA of {len(widths)} x {len(widths)} layers, n = {points}: {name}"
        causes = {"pytorch-cka": Cause("looks at values and sums in float64", partial(bare, *pair))}
        causes = causes if name.startswith("few") else {}
        found.append(Workload("similarity", label, variants, 2e-3, aims, causes=causes))
        if causes and "pytorch-cka" in variants:
            same = {
                OURS: partial(cka_matrix, pair[0]),
                "pytorch-cka": partial(with_pytorch_cka, pair[0], pair[0]),
            }
            label = f"CKA of {len(widths)} layers with each other, n = {points}: {name}"
            found.append(Workload("similarity", label, same, 2e-3, {"pytorch-cka": 1.0}))
    return found
