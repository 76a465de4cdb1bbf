"""Measure how time and memory grow with the size of a problem, as ``make growth`` does.

Each computation is run at several sizes along one axis while all else stays; the sizes alternate,
on one thread.  Time is CPU time.  Memory is exact: the most bytes that tensors of torch held at
once beyond those that were there, counted by torch's profiler at every allocation; what libraries
take for scratch and what Python takes are not in it.
"""

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import torch
from torch.profiler import ProfilerActivity, profile

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # as a script only the folder of this file is there
    sys.path.insert(0, str(ROOT))

from benchmarks import growth_page, meta, modules, training  # noqa: E402 -- after the path
from benchmarks.compare import Size, cpu_seconds  # noqa: E402
from benchmarks.run import RESULTS, facts, store  # noqa: E402
from ibcore.nets import MLP  # noqa: E402
from ibcore.population import Population  # noqa: E402
from ibcore.redshift import fourier_complexity, sample_functions  # noqa: E402

Run = Callable[[], object]
LEAST_SECONDS = 0.02  # of a size in a round; faster ones are repeated


@dataclass(frozen=True)
class Curve:
    """One computation along one axis; ``fixed`` says in words what stays."""

    task: str
    axis: str
    fixed: str
    sizes: tuple[int, ...]
    make: Callable[[int], Run]


def sampled(*, networks: int = 16, width: int = 64, grid: int = 64) -> Run:
    """Draw networks of three hidden layers, evaluate them on a grid, measure their spectrum."""

    def run() -> object:
        values = sample_functions(
            "relu", networks=networks, width=width, grid=grid, dtype=torch.float32
        )
        return fourier_complexity(values)

    return run


def trained(*, networks: int = 16, width: int = 32, steps: int = 20) -> Run:
    """Train MLPs of two hidden layers on 64 points with Adam."""
    x, y = training.problem(64, (64,))
    net = MLP(64, training.CLASSES, depth=2, width=width)
    population = Population.sample(net, networks=networks, dtype=torch.float32)
    return partial(training.ours, population, (x.float(), y), steps, "adam")


def learned(*, tasks: int = 16, width: int = 32) -> Run:
    """Differentiate through five inner steps of an MLP of two hidden layers."""
    net = modules.mlp(4, width, 5)
    return partial(meta.ours, meta.problem(net, (4,), tasks=tasks, points=(10, 16), steps=5))


def curves(size: Size) -> list[Curve]:
    """Return what is measured; tiny sizes say nothing."""
    tiny = size == "tiny"
    wide = sides = (4, 8, 16) if tiny else (16, 32, 64, 128, 256)
    few = (2, 4, 8) if tiny else (16, 64, 256, 512, 1024)
    draw, fit, learn = "sample and measure", "train, 20 steps", "meta-gradient, 5 steps"
    names = {"networks": "networks", "width": "width", "grid": "side of the grid"}
    return [
        Curve(draw, names["networks"], "width 64, grid 64 x 64", few, _along("networks", sampled)),
        Curve(draw, names["width"], "16 networks, grid 64 x 64", wide, _along("width", sampled)),
        Curve(draw, names["grid"], "16 networks of width 64", sides, _along("grid", sampled)),
        Curve(fit, names["networks"], "width 32, batch 64", few, _along("networks", trained)),
        Curve(fit, names["width"], "16 networks, batch 64", wide, _along("width", trained)),
        Curve(learn, names["width"], "16 tasks", wide, _along("width", learned)),
        Curve(learn, "tasks", "width 32", few, _along("tasks", learned)),
    ]


def _along(name: str, make: Callable[..., Run]) -> Callable[[int], Run]:
    return lambda value: make(**{name: value})


def peak_bytes(work: Run) -> int:
    """Return the most bytes of tensors beyond those at the start, exactly, in one run."""
    gc.collect()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        result = work()
    del result
    held = peak = 0
    for change in _allocations(seen):
        held += change
        peak = max(peak, held)
    return peak


def _allocations(seen: Any) -> Iterator[int]:
    """Yield the bytes of each allocation, negative where memory is given back, in order."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        seen.export_chrome_trace(str(path))
        events = json.loads(path.read_text("utf-8"))["traceEvents"]
    memory = [event for event in events if event["name"] == "[memory]"]
    for event in sorted(memory, key=lambda event: float(event["ts"])):
        yield int(event["args"]["Bytes"])


def measure(curve: Curve, *, rounds: int) -> list[dict[str, object]]:
    """Return a row for each size and round."""
    works = {size: curve.make(size) for size in curve.sizes}
    held = {size: peak_bytes(work) for size, work in works.items()}
    repeats = {
        size: max(1, round(LEAST_SECONDS / max(cpu_seconds(work), 1e-6)))
        for size, work in works.items()
    }
    rows: list[dict[str, object]] = []
    for turn in range(rounds):
        for size, work in works.items():
            rows.append(
                {
                    "task": curve.task,
                    "axis": curve.axis,
                    "fixed": curve.fixed,
                    "size": size,
                    "round": turn,
                    "seconds": cpu_seconds(work, repeats[size]),
                    "bytes": held[size],
                }
            )
    return rows


def table(chosen: Sequence[Curve], *, rounds: int) -> pd.DataFrame:
    """Measure curves one after the other, on one thread."""
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {rounds}")
    threads, rows = torch.get_num_threads(), []
    torch.set_num_threads(1)
    try:
        for curve in chosen:
            rows += measure(curve, rounds=rounds)
            print(f"{curve.task}, {curve.axis}", file=sys.stderr, flush=True)
    finally:
        torch.set_num_threads(threads)
    return pd.DataFrame(rows)


def write(frame: pd.DataFrame, folder: Path, known: Mapping[str, Any]) -> Path:
    """Write ``growth.parquet``, with the facts in its metadata, and the page that shows it."""
    store(frame, folder / "growth.parquet", known)
    return growth_page.write(folder)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, measure, write and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--smoke", action="store_true", help="tiny sizes: seconds, no meaning")
    parser.add_argument("--draw", action="store_true", help="draw what is stored, measure nothing")
    parser.add_argument("--store", type=Path, default=RESULTS, help="folder of the numbers")
    chosen = parser.parse_args(arguments)
    if chosen.smoke and chosen.store == RESULTS:
        parser.error("--smoke says nothing about cost; name another folder with --store")
    if chosen.draw:
        print(f"written: {growth_page.write(chosen.store)}")
        return
    start = time.monotonic()
    frame = table(curves("tiny" if chosen.smoke else "full"), rounds=chosen.rounds)
    page = write(frame, chosen.store, facts(chosen.rounds, time.monotonic() - start))
    print(f"written: {page}")


if __name__ == "__main__":
    main()
