"""What sets the time of forgetting: the clock, the length of training, the schedule."""

from dataclasses import dataclass, replace
from itertools import product

from ibcore.memory.experiments.digits import (
    FIVE,
    THREE,
    Digits,
    Grid,
    experiment,
    grids,
    run_grid,
    small,
)
from ibcore.memory.experiments.pipelines import ADAM, ADAMW, SGD_L2, SGD_LOW
from ibcore.memory.pipeline import Pipeline
from ibcore.runs import Experiment

THIRDS = (0, 30, 100, 200, 300, 400, 500, 600, 700, 800, 1000, 1200, 1400, 1600, 1800, 2000)
LATER = (2300, 2600, 3000, 3500, 4000, 4500, 5000, 5500, 6000, 6500, 7000, 7500)


def _decayed(rate: float, decay: float) -> Pipeline:
    return Pipeline(f"lr {rate:g}, L2 {decay:g}", learning_rate=rate, weight_decay=decay)


_CLOCK = Digits(
    tuple(_decayed(*pair) for pair in product((0.03, 0.1, 0.3), (0.001, 0.003, 0.01))),
    scales=THREE,
    steps=8000,
    looks=(*THIRDS, *LATER),
)

CLOCK = experiment(
    "clock",
    "Is the accumulated decay, learning rate times decay times steps, the clock of forgetting?",
    smoke=replace(
        small(_CLOCK, steps=900, looks=tuple(range(0, 900, 75))),
        pipelines=tuple(_decayed(*pair) for pair in product((0.1, 0.3), (0.01, 0.03))),
    ),
    laptop=_CLOCK,
    paper=replace(_CLOCK, scales=FIVE, steps=30_000, looks=(*THIRDS, *LATER, 20_000), networks=20),
)


def _with_and_without(rate: float, decay: float) -> tuple[Pipeline, Pipeline]:
    plain = Pipeline("no decay", learning_rate=rate)
    return plain, replace(plain, name="decay", weight_decay=decay)


_LONG = Digits(
    _with_and_without(0.01, 0.01),
    scales=THREE,
    steps=30_000,
    looks=(0, 100, 300, 1000, 2000, 3000, 4000, 6000, 8000, 11_000, 15_000, 20_000, 25_000),
)

LONG = experiment(
    "long",
    "Does training ten times as long forget the initial scale, with and without decay?",
    smoke=replace(
        small(_LONG, steps=1500, looks=(0, 150, 300, 600, 1000)),
        pipelines=_with_and_without(0.1, 0.03),
    ),
    laptop=_LONG,
    paper=replace(_LONG, scales=FIVE, steps=300_000, looks=(*_LONG.looks, 30_000, 100_000)),
)


def _scheduled(decayed: Pipeline, ends: tuple[int, int, int]) -> tuple[Pipeline, ...]:
    """Return decay that never acts, ends too early, ends later, and never ends."""
    names = ("no decay", "decay ends too early", "decay ends once forgotten")
    some = zip(names, ends, strict=True)
    return (
        *(replace(decayed, name=name, decay_steps=end) for name, end in some),
        replace(decayed, name="decay throughout"),
    )


_SCHEDULE = Digits(
    _scheduled(SGD_L2, (0, 500, 2000)), scales=THREE, steps=6000, looks=(*THIRDS, *LATER[:-4])
)

SCHEDULE = experiment(
    "schedule",
    "If decay acts at first only, does the scale stay forgotten?",
    smoke=replace(
        small(_SCHEDULE, looks=(0, 100, 200, 300, 400, 500)),
        pipelines=_scheduled(_decayed(0.3, 0.03), (0, 60, 300)),
    ),
    laptop=_SCHEDULE,
    paper=replace(_SCHEDULE, scales=FIVE, networks=20),
)

_BOTH = Digits((SGD_LOW, SGD_L2, ADAM, ADAMW), steps=4000, looks=(*THIRDS, 2300, 2600, 3000, 3500))

FUNCTION_AND_WEIGHTS = experiment(
    "function-and-weights",
    "Does the function forget the scale before the weights do?",
    smoke=replace(small(_BOTH, steps=1500, looks=(0, 300, 600, 1000)), pipelines=(SGD_LOW, ADAMW)),
    laptop=_BOTH,
    paper=replace(_BOTH, steps=30_000, looks=(*THIRDS, *LATER, 15_000), networks=20),
)


@dataclass(frozen=True)
class FlowTime:
    """Pipelines without decay are compared at equal learning rate times steps."""

    rates: tuple[float, ...] = (0.01, 0.03, 0.1, 0.5)
    flow_times: tuple[float, ...] = (30.0, 90.0, 300.0)
    digits: Digits = Digits((), scales=THREE)  # noqa: RUF009 -- frozen


def _flow_cells(config: FlowTime) -> list[Grid]:
    """Return one cell for each rate: the steps differ."""
    cells = []
    for rate in config.rates:
        looks = tuple(round(flow / rate) for flow in config.flow_times)
        pipeline = Pipeline(f"SGD lr {rate:g}", learning_rate=rate)
        own = replace(config.digits, pipelines=(pipeline,), steps=looks[-1], looks=looks)
        cells += grids(own)
    return cells


FLOW_TIME: Experiment[FlowTime, Grid] = Experiment(
    name="memory.flow-time",
    question="At equal flow time, do larger steps forget more of the initial scale?",
    tiers={
        "smoke": FlowTime((0.03, 0.1, 0.5), (30.0,), small(Digits(()))),
        "laptop": FlowTime(),
        "paper": FlowTime(
            flow_times=(30.0, 90.0, 300.0, 900.0), digits=Digits((), scales=FIVE, networks=20)
        ),
    },
    cells=_flow_cells,
    run_cell=run_grid,
)

_BATCHES = Digits(
    tuple(
        Pipeline(f"batch {size}", learning_rate=0.3, batch_size=size) for size in (8, 32, 100, 300)
    ),
    scales=THREE,
    steps=2000,
    looks=(0, 100, 300, 600, 1000, 1500),
)

BATCH_SIZE = experiment(
    "batch-size",
    "Do smaller batches forget more of the initial scale, at equal steps and learning rate?",
    smoke=replace(
        small(_BATCHES),
        pipelines=tuple(
            Pipeline(f"batch {size}", learning_rate=0.3, batch_size=size) for size in (8, 32, 100)
        ),
    ),
    laptop=_BATCHES,
    paper=replace(_BATCHES, scales=FIVE, networks=20),
)

EXPERIMENTS = (CLOCK, LONG, SCHEDULE, FUNCTION_AND_WEIGHTS, FLOW_TIME, BATCH_SIZE)
