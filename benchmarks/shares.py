"""Where the time goes: matrix products, activations, and the rest, by the profiler of torch."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

PRODUCTS: tuple[str, ...] = ("mm", "addmm", "bmm", "baddbmm", "convolution", "convolution_backward")
PRODUCTS += ("mkldnn_convolution", "_slow_conv2d_forward", "linalg_lstsq")
ACTIVATIONS: tuple[str, ...] = (
    "relu",
    "tanh",
    "gelu",
    "sigmoid",
    "clamp_min",
    "threshold_backward",
)
ACTIVATIONS += ("tanh_backward", "gelu_backward", "sigmoid_backward")

Span = tuple[str, float, float]  # name, begin, end


@dataclass(frozen=True)
class Shares:
    """Seconds of one run: in products, in activations and in all; and how many operations."""

    products: float
    activations: float
    total: float
    operations: int

    @property
    def arithmetic(self) -> float:
        """Share of products and activations, which every way to compute the same must do."""
        return (self.products + self.activations) / self.total


def shares(work: Callable[[], Tensor]) -> Shares:
    """Run twice, the second time under the profiler."""
    work()
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        start = time.perf_counter()
        work()
        total = time.perf_counter() - start
    spans = _spans(seen)
    own = own_times(spans)
    products, activations = (
        sum(own[name] for name in names) / 1e6 for names in (PRODUCTS, ACTIVATIONS)
    )
    return Shares(products, activations, total, len(spans))


def _spans(seen: Any) -> list[Span]:
    """Return the operations of torch, in microseconds, from the trace that the profiler writes.

    The table of the profiler (`key_averages`) takes a hundred times as long to make.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        seen.export_chrome_trace(str(path))
        events = json.loads(path.read_text("utf-8"))["traceEvents"]
    mine = [e for e in events if e.get("ph") == "X" and e["name"].startswith("aten::")]
    return [(e["name"].removeprefix("aten::"), e["ts"], e["ts"] + e["dur"]) for e in mine]


def own_times(spans: Iterable[Span]) -> Counter[str]:
    """Return the time of each operation without that of the operations which it calls.

    A trailing underscore, which marks work in place, is dropped from names.
    """
    own: Counter[str] = Counter()
    open_: list[tuple[str, float]] = []
    for name, begin, end in sorted(spans, key=lambda span: (span[1], -span[2])):
        while open_ and open_[-1][1] <= begin:
            open_.pop()
        if open_:
            own[open_[-1][0]] -= end - begin  # type: ignore[assignment]
        own[name.rstrip("_")] += end - begin  # type: ignore[assignment]
        open_.append((name.rstrip("_"), end))
    return own


def reason(ours: Callable[[], Tensor], other: Callable[[], Tensor], peer: str) -> str:
    """Say in one sentence where the time of both goes, from a profile of each."""
    here, there = shares(ours), shares(other)
    if not here.operations:
        return ""
    first = f"products and activations are {here.arithmetic:.0%} of ibcore's time"
    if not there.arithmetic:  # computed outside torch
        return f"{first}, in {here.operations} operations of torch"
    slower = here.arithmetic * here.total / (there.arithmetic * there.total)
    return (
        f"{first} and {there.arithmetic:.0%} of the time of {peer}, take {slower:.2f} times as "
        f"long, in {here.operations} operations against {there.operations}; had ibcore the "
        f"kernels of {peer} and nothing else to do, the ratio would be {1 / there.arithmetic:.1f}"
    )


def calibrate(repeats: int = 20) -> dict[str, float]:
    """Return what this processor does on one thread: products, and activations in the cache."""
    square, cached = torch.ones(512, 512), torch.full((2**15,), 0.5)
    kinds = {"relu": torch.relu, "tanh": torch.tanh, "gelu": torch.nn.functional.gelu}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = {"gigaflops": 2e-9 * 512**3 / _least(lambda: square @ square, repeats)}
        for name, phi in kinds.items():
            seconds = _least(lambda phi=phi: phi(cached), repeats)  # type: ignore[misc]
            found[f"{name}_ns"] = 1e9 * seconds / len(cached)
    finally:
        torch.set_num_threads(threads)
    return found


def _least(work: Callable[[], Tensor], repeats: int) -> float:
    work()
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        for _ in range(5):
            work()
        spent.append((time.process_time() - start) / 5)
    return min(spent)
