"""Sample, evaluate and measure random networks: ibcore against a plain loop over modules.

Both sides draw the same kind of networks, evaluate them on a 64 x 64 grid and compute a Fourier
complexity.  They alternate in one process on one thread; the ratio of CPU times is reported as
the median over rounds, with its range.  Run it with ``python benchmarks/redshift.py``.
"""

import argparse
import math
import statistics
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from ibcore.redshift import fourier_complexity, sample_functions
from ibcore.tasks import grid

MODULES = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}


def build(activation: str, dtype: torch.dtype) -> nn.Sequential:
    """Return one network as most people would write it."""
    sizes = [2, 64, 64, 64, 1]
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        linear = nn.Linear(fan_in, fan_out, dtype=dtype)
        nn.init.xavier_uniform_(linear.weight)
        nn.init.uniform_(linear.bias, -1, 1)
        layers += [linear, MODULES[activation]()]
    return nn.Sequential(*layers[:-1])


def numpy_complexity(image: np.ndarray) -> float:
    """Return the mean frequency of one image by a full FFT."""
    amplitude = np.abs(np.fft.fft2(image))
    amplitude[0, 0] = 0
    line = np.abs(np.fft.fftfreq(len(image)) * len(image))
    radius = np.hypot(line[:, None], line)
    return float((amplitude * radius).sum() / amplitude.sum() / radius.max())


def naive(activation: str, networks: int, dtype: torch.dtype) -> float:
    """Run the plain loop: build, evaluate and measure one network after the other."""
    x = grid(64, dtype=dtype)
    with torch.inference_mode():
        images = [build(activation, dtype)(x).reshape(64, 64).numpy() for _ in range(networks)]
    return statistics.mean(map(numpy_complexity, images))


def with_vmap(activation: str, networks: int, dtype: torch.dtype) -> float:
    """Run torch's own way to batch modules."""
    x, template = grid(64, dtype=dtype), build(activation, dtype)
    with torch.inference_mode():
        stacked, _ = stack_module_state([build(activation, dtype) for _ in range(networks)])
        images: Tensor = vmap(lambda p: functional_call(template, p, (x,)))(stacked)
        return statistics.mean(map(numpy_complexity, images.reshape(-1, 64, 64).numpy()))


def ours(activation: str, networks: int, dtype: torch.dtype) -> float:
    """Run ibcore."""
    values = sample_functions(activation, networks=networks, dtype=dtype)
    return fourier_complexity(values, transform="fft").mean().item()


def cpu_seconds(work: Callable[[], float]) -> tuple[float, float]:
    """Return CPU seconds and the result."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def compare(activation: str, dtype: torch.dtype, networks: int, rounds: int) -> str:
    """Alternate the three and return one row of the table."""
    times: dict[str, list[float]] = {"ours": [], "loop": [], "vmap": []}
    for _ in range(rounds):
        for name, work in (("ours", ours), ("loop", naive), ("vmap", with_vmap)):
            seconds, mean = cpu_seconds(lambda work=work: work(activation, networks, dtype))
            if not math.isclose(mean, 0.22, abs_tol=0.03):  # all three measure the same thing
                raise RuntimeError(f"{name} gives a mean complexity of {mean}")
            times[name].append(seconds)
    cells = []
    for name in ("loop", "vmap"):
        ratios = sorted(a / b for a, b in zip(times[name], times["ours"], strict=True))
        cells.append(f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    number = f"{statistics.median(times['ours']) / networks * 1e3:.2f}"
    return f"| {activation} | {str(dtype)[6:]} | {cells[0]} | {cells[1]} | {number} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    capability = torch.backends.cpu.get_cpu_capability()
    print(f"torch {torch.__version__}, {capability}, one thread, {options.networks} networks,")
    print(f"median of {options.rounds} rounds (range); times of the others divided by ours\n")
    print("| activation | dtype | loop of nn.Module | vmap | ours, CPU ms a network |")
    print("|---|---|---|---|---|")
    for dtype in (torch.float32, torch.float64):
        for activation in MODULES:
            print(compare(activation, dtype, options.networks, options.rounds), flush=True)


if __name__ == "__main__":
    main()
