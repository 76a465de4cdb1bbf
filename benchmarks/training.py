"""Train many small networks: Population.train against a plain loop over modules.

Both sides train the same 64 networks with minibatches of their own on the same data.  They
alternate in one process on one thread; the ratio of CPU times is reported as the median over
rounds, with its range.  Run it with ``python benchmarks/training.py``.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn import functional

from ibcore.nets import MLP
from ibcore.population import Population

OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
RATE = 1e-3
Data = tuple[Tensor, Tensor]


def problem(batch: int, dtype: torch.dtype) -> Data:
    """Return points like digits of 8 x 8 pixels in ten classes: (n, 64) and (n,)."""
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(8 * batch, 64, generator=rng, dtype=torch.float64).to(dtype)
    return x, torch.randint(10, (len(x),), generator=rng)


def batches(data: Data, batch: int, steps: int, seed: int) -> list[Data]:
    """Return one member's minibatches, in an order of its own."""
    order = torch.randperm(len(data[0]), generator=torch.Generator().manual_seed(seed))
    parts = [order[i % 8 * batch : (i % 20 + 1) * batch] for i in range(steps)]
    return [(data[0][part], data[1][part]) for part in parts]


def loop(population: Population, data: Data, batch: int, steps: int, name: str) -> None:
    """Run the plain loop: one network after the other with torch.optim."""
    for member in range(len(population)):
        module = population.member(member)
        optimizer = OPTIMIZERS[name](module.parameters(), lr=RATE)
        for x, y in batches(data, batch, steps, member):
            optimizer.zero_grad()
            functional.cross_entropy(module(x), y).backward()
            optimizer.step()


def with_vmap(population: Population, data: Data, batch: int, steps: int, name: str) -> None:
    """Run torch's own way to batch: vmap over the gradient of stacked modules."""
    modules = [population.member(i) for i in range(len(population))]
    stacked, _ = stack_module_state(modules)
    own = [batches(data, batch, steps, i) for i in range(len(modules))]
    optimizer = OPTIMIZERS[name](list(stacked.values()), lr=RATE)
    gradient = vmap(
        grad(lambda p, x, y: functional.cross_entropy(functional_call(modules[0], p, (x,)), y))
    )
    for step in range(steps):
        x, y = (torch.stack([member[step][part] for member in own]) for part in (0, 1))
        detached = {key: value.detach() for key, value in stacked.items()}
        for key, value in gradient(detached, x, y).items():
            stacked[key].grad = value
        optimizer.step()


def ours(population: Population, data: Data, batch: int, steps: int, name: str) -> None:
    """Run ibcore."""
    options = {"loss": "cross_entropy", "steps": steps, "optimizer": name, "batch_size": batch}
    population.train(*data, learning_rate=RATE, **options)


def cpu_seconds(work: Callable[[], None]) -> float:
    """Return CPU seconds."""
    start = time.process_time()
    work()
    return time.process_time() - start


def compare(width: int, batch: int, name: str, dtype: torch.dtype, rounds: int) -> str:
    """Alternate the three and return one row of the table."""
    networks, steps = 64, 40
    net = MLP(64, 10, depth=2, width=width)
    population, data = (
        Population.sample(net, networks=networks, bias_scale=0.1, dtype=dtype),
        problem(batch, dtype),
    )
    times: dict[str, list[float]] = {"ours": [], "loop": [], "vmap": []}
    for _ in range(rounds):
        for label, work in (("ours", ours), ("loop", loop), ("vmap", with_vmap)):
            times[label].append(
                cpu_seconds(lambda work=work: work(population, data, batch, steps, name))
            )
    cells = []
    for label in ("loop", "vmap"):
        ratios = sorted(a / b for a, b in zip(times[label], times["ours"], strict=True))
        cells.append(f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    number = f"{statistics.median(times['ours']) / networks / steps * 1e6:.0f}"
    return f"| {width} | {batch} | {name} | {str(dtype)[6:]} | {' | '.join(cells)} | {number} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, one thread,")
    print("64 networks 64-width-width-10; median of rounds (range); times divided by ours\n")
    print("| width | batch | optimizer | dtype | loop | vmap(grad) | ours, CPU us a member-step |")
    print("|---|---|---|---|---|---|---|")
    for width, batch in ((32, 32), (128, 128)):
        for name in OPTIMIZERS:
            for dtype in (torch.float32, torch.float64):
                print(compare(width, batch, name, dtype, options.rounds), flush=True)


if __name__ == "__main__":
    main()
