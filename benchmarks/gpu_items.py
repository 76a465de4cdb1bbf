"""What is measured on a GPU: agreement with the CPU, ceilings, throughput, precision, waiting."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.compare import Size, flat, relative_error
from ibcore.guidance import cka_matrix
from ibcore.memory import Examples, Pipeline, Problem, sweep
from ibcore.metainit import meta_gradient
from ibcore.nets import MLP
from ibcore.population import Population
from ibcore.redshift import fourier_complexity, sample_functions
from ibcore.tasks import grid

Row = dict[str, object]
GIGA = 1e9


@dataclass(frozen=True)
class Place:
    """A device and a size of problem.

    ``number`` chooses between the full and the tiny size, ``wait`` ends when all work is done.
    """

    device: torch.device
    size: Size

    def number(self, full: int, tiny: int) -> int:
        """Return one of two numbers."""
        return full if self.size == "full" else tiny

    def wait(self) -> None:
        """Wait for the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def seconds(self, work: Callable[[], object], repeats: int = 3) -> float:
        """Return the least wall time of some runs after a first one."""
        work()
        spent = []
        for _ in range(repeats if self.size == "full" else 1):
            self.wait()
            start = time.perf_counter()
            work()
            self.wait()
            spent.append(time.perf_counter() - start)
        return min(spent)

    def peak_megabytes(self, work: Callable[[], object]) -> float:
        """Return the most memory that was allocated on a GPU; nan elsewhere."""
        if self.device.type != "cuda":
            work()
            return float("nan")
        torch.cuda.reset_peak_memory_stats(self.device)
        work()
        self.wait()
        return torch.cuda.max_memory_allocated(self.device) / 1e6

    def waits(self, work: Callable[[], object]) -> str:
        """Return "no" if a call never waits for the GPU, or the line of torch that refuses."""
        if self.device.type != "cuda":
            return "not a GPU"
        work()  # compiled kernels and caches are there
        torch.cuda.set_sync_debug_mode("error")
        try:
            work()
        except RuntimeError as error:
            return str(error).splitlines()[0]
        finally:
            torch.cuda.set_sync_debug_mode("default")
        return "no"


def row(item: str, quantity: str, value: float, unit: str, note: str = "") -> Row:
    """Return one line of the table."""
    return {"item": item, "quantity": quantity, "value": value, "unit": unit, "note": note}


@contextmanager
def products(precision: str) -> Iterator[None]:
    """Let products of float32 be computed as "highest" (float32) or "high" (TF32)."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _points(place: Place, count: int, inputs: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(count, inputs, generator=rng, dtype=torch.float64)
    y = torch.randint(10, (count,), generator=rng)
    return x.to(place.device, dtype), y.to(place.device)


def _functions(place: Place, dtype: torch.dtype = torch.float32) -> Tensor:
    networks, side = place.number(1000, 8), place.number(64, 8)
    if dtype == torch.bfloat16:  # the package draws and samples in float32 and float64 alone
        many = _draw(MLP(), networks, place, dtype)
        return many.forward(grid(side).to(place.device, dtype)).reshape(networks, side, side)
    return sample_functions("relu", networks=networks, grid=side, device=place.device, dtype=dtype)


def _meta(place: Place, dtype: torch.dtype = torch.float32) -> Tensor:
    tasks, net = place.number(64, 3), MLP(4, 5, depth=2, width=place.number(64, 8))
    start = {name: value.detach().to(place.device, dtype) for name, value in net.named_parameters()}
    rng = torch.Generator().manual_seed(1)
    sets = []
    for _ in range(2):
        x = torch.randn(tasks, 10, 4, generator=rng, dtype=torch.float64)
        y = torch.randint(5, (tasks, 10), generator=rng)
        sets.append((x.to(place.device, dtype), y.to(place.device)))
    _, slopes = meta_gradient(net, start, 0.05, *sets, inner_steps=5, loss="cross_entropy")
    return flat(slopes["params"])


def _population(
    place: Place, networks: int, width: int, dtype: torch.dtype = torch.float32
) -> Population:
    return _draw(MLP(64, 10, depth=2, width=width), networks, place, dtype)


def _draw(net: MLP, networks: int, place: Place, dtype: torch.dtype) -> Population:
    exact = torch.promote_types(dtype, torch.float32)
    drawn = Population.sample(net, networks=networks, device=place.device, dtype=exact)
    return Population(net, {name: value.to(dtype) for name, value in drawn.parameters.items()})


def _train(population: Population, data: tuple[Tensor, Tensor], steps: int) -> Tensor:
    trained = population.train(*data, loss="cross_entropy", steps=steps, optimizer="sgd")
    return trained.losses


def _trained(place: Place, dtype: torch.dtype = torch.float32) -> Tensor:
    start = _population(place, place.number(64, 3), 32, dtype)
    return _train(start, _points(place, 32, 64, dtype), place.number(50, 3))


def _layers(place: Place, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    rng = torch.Generator().manual_seed(2)
    widths = (64, 128, 256, 512) if place.size == "full" else (4, 9)
    made = (torch.randn(place.number(256, 12), w, generator=rng) + 3 for w in widths)
    return [layer.to(place.device, dtype) for layer in made]


def _similarity(place: Place, dtype: torch.dtype = torch.float32) -> Tensor:
    return cka_matrix(_layers(place, dtype))


def _sweep(place: Place, dtype: torch.dtype = torch.float32) -> Tensor:
    rng = torch.Generator().manual_seed(3)
    x, y = torch.randn(60, 8, generator=rng), torch.randint(3, (60,), generator=rng)
    thirds = (Examples(x[i::3], y[i::3]) for i in range(3))
    done = sweep(
        Problem(*thirds),
        MLP(8, 3, depth=1, width=place.number(64, 8)),
        [Pipeline("SGD", learning_rate=0.05, batch_size=10)],
        scales=(0.5, 1.0, 2.0),
        networks=place.number(16, 2),
        steps=place.number(50, 3),
        device=place.device,
        dtype=dtype,
    )
    return torch.from_numpy(done.measures["train_loss"]).flatten()


METHODS: Mapping[str, Callable[[Place, torch.dtype], Tensor]] = {
    "sampling": _functions,
    "Fourier complexity": lambda place, dtype: fourier_complexity(_functions(place, dtype)),
    "meta-gradient": _meta,
    "training": _trained,
    "similarity": _similarity,
    "memory sweep": _sweep,
}


def agreement(place: Place) -> list[Row]:
    """Compare each method with the CPU, in float64 and in float32."""
    small = Place(place.device, "tiny")
    cpu, rows = Place(torch.device("cpu"), "tiny"), []
    for name, method in METHODS.items():
        for dtype in (torch.float64, torch.float32):
            error = relative_error(method(small, dtype).cpu(), method(cpu, dtype))
            label = f"{name}, {str(dtype).removeprefix('torch.')}"
            rows.append(row("agreement", label, error, "of the largest entry"))
    return rows


def ceilings(place: Place) -> list[Row]:
    """Measure products in three precisions, and a copy."""
    n, found = place.number(8192, 64), []
    square = torch.randn(n, n, device=place.device)
    kinds = (("float32", "highest", square), ("TF32", "high", square))
    for name, precision, a in (*kinds, ("bfloat16", "highest", square.bfloat16())):
        with products(precision):
            rate = 2 * n**3 / place.seconds(partial(torch.matmul, a, a)) / GIGA
        found.append(row("ceiling", f"product, {name}", rate, "GFLOP/s"))
    return [*found, row("ceiling", "copy", _copy_rate(place) / GIGA, "GB/s")]


@cache
def _float32_rate(place: Place) -> float:
    a = torch.randn(place.number(4096, 64), place.number(4096, 64), device=place.device)
    return 2 * len(a) ** 3 / place.seconds(lambda: a @ a)


@cache
def _copy_rate(place: Place) -> float:
    block = torch.empty(place.number(2**28, 2**12), device=place.device)
    return 2 * block.numel() * 4 / place.seconds(block.clone)


def _share(place: Place, work: Callable[[], object], spent: float, item: str, name: str) -> Row:
    """Return what a run's products, counted by torch, are of the products possible meanwhile."""
    with FlopCounterMode(display=False) as counter:
        work()
    share = counter.get_total_flops() / spent / _float32_rate(place)
    return row(item, f"{name}: share of the float32 ceiling", share, "", "products, counted")


def sampling(place: Place) -> list[Row]:
    """Evaluate networks of 2-64-64-64-1 on a grid: rate, share of the ceiling, memory."""
    networks, side = place.number(1000, 8), place.number(64, 8)
    net = MLP(2, 1, depth=3, width=64, activation="relu")
    many = Population.sample(net, networks=networks, device=place.device, dtype=torch.float32)
    x = grid(side, dtype=torch.float32).to(place.device)
    spent = place.seconds(lambda: many.forward(x))
    work = 2 * networks * side**2 * (3 * 64 + 2 * 65 * 64 + 65)
    share = work / spent / _float32_rate(place)
    values = many.forward(x).reshape(networks, side, side)
    measured = place.seconds(lambda: fourier_complexity(values))
    read = values.numel() * values.element_size() / measured / _copy_rate(place)
    return [
        row("sampling", "networks evaluated", networks / spent, "1/s"),
        row("sampling", "share of the float32 ceiling", share, ""),
        row("sampling", "networks measured, Fourier", networks / measured, "1/s"),
        row("sampling", "Fourier: share of the copy ceiling", read, "", "values read once"),
        row("sampling", "peak memory", place.peak_megabytes(lambda: many.forward(x)), "MB"),
        *_waiting(place, "forward", lambda: many.forward(x)),
        *_waiting(place, "fourier_complexity", lambda: fourier_complexity(values)),
    ]


def training(place: Place) -> list[Row]:
    """Train many small networks at once: how many steps of one network in a second."""
    rows = []
    for width in (32, 128):
        for networks in (64, 1024) if place.size == "full" else (4,):
            steps, data = place.number(50, 2), _points(place, width, 64, torch.float32)
            work = partial(_train, _population(place, networks, width), data, steps)
            label = f"{networks} MLPs of width {width}"
            spent = place.seconds(work)
            rate = networks * steps / spent
            rows.append(row("training", f"{label}: steps of one network", rate, "1/s"))
            note = "for 1000 steps each"
            rows.append(row("training", f"{label}: networks trained", rate / 1000, "1/s", note))
            rows.append(_share(place, work, spent, "training", label))
            rows.append(row("training", f"{label}: peak memory", place.peak_megabytes(work), "MB"))
    return [*rows, *_waiting(place, "train", work)]


def meta_gradients(place: Place) -> list[Row]:
    """Differentiate through five steps."""
    tasks = place.number(64, 3)
    work = partial(_meta, place)
    spent = place.seconds(work)
    return [
        row("meta-gradient", "tasks, 5 steps", tasks / spent, "1/s"),
        _share(place, work, spent, "meta-gradient", "5 steps"),
        row("meta-gradient", "peak memory", place.peak_megabytes(work), "MB"),
        *_waiting(place, "meta_gradient", work),
    ]


def similarity(place: Place) -> list[Row]:
    """Compare all pairs of layers."""
    layers = _layers(place)
    spent = place.seconds(lambda: cka_matrix(layers))
    return [
        row("similarity", "pairs of layers", len(layers) ** 2 / spent, "1/s"),
        _share(place, lambda: cka_matrix(layers), spent, "similarity", "all pairs"),
        row("similarity", "peak memory", place.peak_megabytes(lambda: cka_matrix(layers)), "MB"),
        *_waiting(place, "cka_matrix", lambda: cka_matrix(layers)),
    ]


def _waiting(place: Place, name: str, work: Callable[[], object]) -> list[Row]:
    """Say whether a call waits for the GPU."""
    answer = place.waits(work)
    return [row("waiting", name, float(answer == "no"), "1: never", answer)]


def precision(place: Place) -> list[Row]:
    """Say whether TF32 and bfloat16 leave a mean within its interval of float32, and how fast.

    The speed of a precision stands in the table only if the result is the same.
    """
    rows = []
    for name in ("Fourier complexity", "training"):
        exact = METHODS[name](place, torch.float32).double()
        spent = place.seconds(partial(METHODS[name], place, torch.float32))
        for kind, (allowed, dtype) in PRECISIONS.items():
            with products(allowed):
                values = METHODS[name](place, dtype)
                faster = spent / place.seconds(partial(METHODS[name], place, dtype))
            moved = moves(values.double(), exact)
            same = moved < 1
            note = "the same within the interval" if same else "another result: not usable"
            rows.append(row("precision", f"{name}, {kind}", moved, "half-widths moved", note))
            if same:
                rows.append(row("precision", f"{name}, {kind}: speed", faster, "of float32"))
    return rows


PRECISIONS: Mapping[str, tuple[str, torch.dtype]] = {
    "TF32": ("high", torch.float32),
    "bfloat16": ("highest", torch.bfloat16),
}


def moves(values: Tensor, exact: Tensor) -> float:
    """Return how far a mean over networks moves, in half-widths of its 95 % interval."""
    half: float = 1.96 * exact.std().item() / exact.numel() ** 0.5
    shift: float = (values - exact).mean().abs().item()
    return shift / half
