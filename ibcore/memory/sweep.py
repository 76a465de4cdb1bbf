"""Train every pipeline, scale and seed at once, and look at them on the way."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import nan
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ibcore.door import (
    Count,
    Labels,
    NonNegative,
    Positive,
    Range,
    Seed,
    Whole,
    as_raw,
    as_tensor,
    check_memory,
    door,
)
from ibcore.memory.metrics import (
    Floats,
    Sizes,
    Verdict,
    at_selected,
    disagreement_by_scale,
    explicit_clock,
    forgetting_time,
    gate,
    noise_clock,
    selected_look,
    spread,
    spread_per_seed,
)
from ibcore.memory.scaling import (
    Layers,
    cosine,
    repeat_members,
    retained_fraction,
    scale_weights,
    weight_norm,
)
from ibcore.nets.batch_norm import Statistics
from ibcore.nets.network import Network
from ibcore.population import Population, member_seed
from ibcore.runtime import generator
from ibcore.tasks.images import COUNT, digits
from ibcore.training import Optimizer, OptimizerConfig

if TYPE_CHECKING:
    from pandas import DataFrame
else:  # pandas is loaded where a table is made
    DataFrame = Any


# A training pipeline: optimizer, rates and batch, with the clocks that it sets.


@door
@dataclass(frozen=True)
class Pipeline:
    r"""How a network is trained; memory belongs to the pipeline, not to the network alone.

    Attributes
    ----------
    name
        What tables and figures call it.
    optimizer, learning_rate, weight_decay, momentum
        As in `ibcore.training.OptimizerConfig`: decay is added to the gradient for ``"sgd"`` and
        ``"adam"``, and shrinks the weights directly for ``"adamw"``.  It acts on all parameters.
    batch_size
        Points in a minibatch.
    decay_steps
        Weight decay is on for the first so many steps only; None for all of them.
    sam_radius
        Of sharpness-aware minimization; 0 for none.

    Raises
    ------
    ValueError
        If the optimizer is unknown, has no momentum, or a number is out of range.

    Examples
    --------
    >>> pipeline = Pipeline("SGD + L2", learning_rate=0.1, weight_decay=1e-2, decay_steps=1000)
    >>> pipeline.clock([500, 1000, 3000]).round(9).tolist()
    [1.0, 2.0, 2.0]
    """

    name: str
    optimizer: Optimizer = "sgd"
    learning_rate: NonNegative = 0.1
    weight_decay: NonNegative = 0.0
    momentum: Annotated[float, Range(0, 1, below=True)] = 0.0
    batch_size: Count = 32
    decay_steps: Whole | None = None
    sam_radius: NonNegative = 0.0

    def __post_init__(self) -> None:
        OptimizerConfig(self.optimizer, momentum=self.momentum)  # refuses what does not go together

    @door
    def clock(self, steps: Sizes) -> Floats:
        """Return the explicit clock after so many steps; nan for decay under ``"adam"``."""
        rates = {"learning_rate": self.learning_rate, "weight_decay": self.weight_decay}
        taken = np.asarray(steps)
        if self.decay_steps is not None:
            taken = np.minimum(taken, self.decay_steps)
        clock = explicit_clock(taken, **rates, momentum=self.momentum)
        rescaled = self.optimizer == "adam" and self.weight_decay > 0
        return np.full_like(clock, nan) if rescaled else clock

    @door
    def noise(self, steps: Sizes) -> Floats:
        """Return the noise clock after so many steps, at a squared gradient of 1; SGD only."""
        clock = noise_clock(steps, learning_rate=self.learning_rate, batch_size=self.batch_size)
        return clock if self.optimizer == "sgd" else np.full_like(clock, nan)


def group_pipelines(pipelines: Sequence[Pipeline]) -> list[list[int]]:
    """Return the numbers of pipelines that can train as one population: same optimizer and batch.

    Raises
    ------
    ValueError
        If there is none, or two have the same name.

    Examples
    --------
    >>> group_pipelines([Pipeline("a"), Pipeline("b", "adam"), Pipeline("c", momentum=0.9)])
    [[0, 2], [1]]
    """
    names = [pipeline.name for pipeline in pipelines]
    if not names:
        raise ValueError("there is no pipeline; give at least 1")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two pipelines are called {twice[0]!r}; give each a name of its own")
    groups: dict[tuple[str, int], list[int]] = {}
    for number, pipeline in enumerate(pipelines):
        groups.setdefault((pipeline.optimizer, pipeline.batch_size), []).append(number)
    return list(groups.values())


# Classification problems for the sweeps: a training, a validation and a test set.


@door(gradients=True)
@dataclass(frozen=True, eq=False)
class Examples:
    """Inputs ``(n, ...)`` and classes ``(n,)``, at least one; ``x, y = examples`` unpacks them."""

    x: Tensor
    y: Labels

    def __post_init__(self) -> None:
        if not self.x.ndim or not len(self.x) or self.y.shape != self.x.shape[:1]:
            raise ValueError(
                "examples need inputs x (n, ...) and classes y (n,) with n >= 1, "
                f"got {tuple(self.x.shape)} and {tuple(self.y.shape)}"
            )

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.x, self.y))


@door
@dataclass(frozen=True, eq=False)
class Problem:
    """Three disjoint sets of examples.

    Attributes
    ----------
    train, validation, test
        Networks are fitted on the first; the second selects a step; the third is measured.

    Raises
    ------
    ValueError
        If inputs differ in shape.

    Examples
    --------
    >>> points = Examples(torch.zeros(4, 2), torch.tensor([0, 1, 0, 1]))
    >>> Problem(points, points, points).classes
    2
    """

    train: Examples
    validation: Examples
    test: Examples

    def __post_init__(self) -> None:
        for name in ("train", "validation", "test"):
            x, _ = getattr(self, name)
            if x.shape[1:] != self.train.x.shape[1:]:
                raise ValueError(
                    f"{name} has inputs of shape {tuple(x.shape[1:])}, "
                    f"train {tuple(self.train.x.shape[1:])}; use one shape"
                )

    @property
    def classes(self) -> int:
        """Number of classes: one more than the largest in any set."""
        return 1 + max(int(y.max()) for _, y in (self.train, self.validation, self.test))

    def to(self, device: torch.device, dtype: torch.dtype) -> "Problem":
        """Return the same problem on a device, with inputs in a dtype."""
        sets = (self.train, self.validation, self.test)
        return Problem(*(Examples(x.to(device, dtype), y.to(device)) for x, y in sets))


@door
def digits_problem(
    *,
    train: Annotated[int, Range(2)] = 300,
    validation: Count = 300,
    split: Seed = 0,
    images: bool = False,
    dtype: torch.dtype = torch.float32,
) -> Problem:
    r"""Return the handwritten digits in three sets; what is left after two is for testing.

    Pixel :math:`i` with gray value :math:`g_i \in [0, 16]` enters as
    :math:`(g_i - m_i)/(s_i + 1)`, with mean and standard deviation over the training set.  The
    1 keeps border pixels, which are nearly always empty, from being blown up.

    Parameters
    ----------
    train, validation
        Sizes of these sets, at least 2 and 1; at least one of the 1,797 digits must remain.
    split
        Seed of the split.
    images
        Inputs as images ``(n, 1, 8, 8)`` instead of ``(n, 64)``.
    dtype
        Of the inputs.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.
    ValueError
        If a size or the seed is out of range.

    Examples
    --------
    >>> problem = digits_problem()
    >>> problem.train.x.shape, len(problem.validation.x), len(problem.test.x)
    (torch.Size([300, 64]), 300, 1197)
    """
    if train + validation >= COUNT:
        raise ValueError(
            f"train and validation must be below {COUNT} together, got {train} and {validation}"
        )
    pixels, labels = digits()
    order = torch.randperm(COUNT, generator=generator(split))
    gray, y = 16 * pixels.flatten(1)[order], labels[order]  # (n, 64), (n,)
    mean, deviation = gray[:train].mean(0), gray[:train].std(0)
    x = ((gray - mean) / (deviation + 1)).to(dtype)
    if images:
        x = x.reshape(-1, 1, 8, 8)  # (n, 64) -> (n, 1, 8, 8)
    ends = (train, train + validation)
    parts = zip(x.tensor_split(ends), y.tensor_split(ends), strict=True)
    return Problem(*(Examples(*part) for part in parts))


# Split labeled images into the three sets of a problem.

_ROUNDING = 32  # a deviation of so many units in the last place is noise


def _as_images(value: Any, name: str) -> Tensor:
    images = as_raw(value, name)
    return as_tensor(images, name) if images.is_floating_point() else images


@door
def image_problem(
    images: Annotated[Tensor, _as_images],
    labels: Labels,
    *,
    train: Count,
    validation: Count,
    test: Count,
    split: Seed = 0,
) -> Problem:
    r"""Draw three disjoint sets of images, each with equally many of every class, if it can be.

    Images are cut class by class from a random order, so the share of a class in each set is that
    in the data up to one image.  Each channel is shifted and scaled to mean 0 and variance 1 over
    the training set (one that is constant there is shifted only); nothing else is done to them.

    Parameters
    ----------
    images
        Shape (n, channels, height, width), of any real type.
    labels
        Classes, shape (n,).
    train, validation, test
        How many images each set holds; together at most n.
    split
        Seed of the split.

    Raises
    ------
    ValueError
        If shapes do not fit, a set would be empty, or there are too few images.

    Examples
    --------
    >>> images = torch.arange(96, dtype=torch.uint8).reshape(6, 1, 4, 4)
    >>> problem = image_problem(images, torch.arange(6) % 2, train=2, validation=2, test=2)
    >>> sorted(problem.validation.y.tolist()), round(problem.train.x.mean().item(), 6)
    ([0, 1], 0.0)
    """
    if images.ndim != 4 or tuple(labels.shape) != (len(images),):
        raise ValueError(
            "images need shape (n, channels, height, width) and labels (n,), "
            f"got {tuple(images.shape)} and {tuple(labels.shape)}"
        )
    if train + validation + test > len(images):
        raise ValueError(
            f"train, validation and test must be at most the {len(images)} images together, "
            f"got {train}, {validation} and {test}"
        )
    order = _interleaved(labels, split).to(images.device)
    sets = [order[:train], order[train:][:validation], order[train + validation :][:test]]
    x = images[sets[0]].float()  # (train, channels, height, width)
    over = (0, 2, 3)
    mean = x.mean(over, keepdim=True)
    deviation = x.std(over, keepdim=True, correction=int(x[:, 0].numel() > 1))
    noise = _ROUNDING * torch.finfo(x.dtype).eps * x.abs().amax(over, keepdim=True)
    deviation = torch.where(deviation > noise, deviation, 1.0)  # of a constant channel
    if not bool((mean + deviation).isfinite().all()):
        raise ValueError("images hold values too large for float32; divide them by the largest")
    return Problem(
        *(Examples((images[rows].float() - mean) / deviation, labels[rows].long()) for rows in sets)
    )


def _interleaved(labels: Tensor, split: int) -> Tensor:
    """Return a random order of all images in which every stretch has its share of each class."""
    order = torch.randperm(len(labels), generator=generator(split))
    shuffled = labels.cpu()[order]
    place = torch.empty(len(labels), dtype=torch.float64)
    for label in range(int(shuffled.max()) + 1):
        members = (shuffled == label).nonzero()[:, 0]
        place[members] = (torch.arange(len(members)) + 0.5).double() / len(members)
    return order[place.argsort(stable=True)]


# What a sweep leaves behind: every measure at every look, as arrays and as a tidy table.

When = Literal["final", "selected"]

MEASURES = (  # of each network at each look
    "train_accuracy",
    "validation_accuracy",
    "test_accuracy",
    "train_loss",
    "weight_norm",
    "retained_fraction",
    "cosine",
)
FORGOTTEN = 2.0  # spread in percentage points at which a scale counts as forgotten


@door
@dataclass(frozen=True, eq=False)
class SweepResult:
    """Measures of every pipeline, scale and network at every look.

    Attributes
    ----------
    pipelines, scales, looks
        The axes; looks are numbers of steps, increasing.
    seed
        Networks are members 0, 1, ... of the population with this seed; the same ones for all
        pipelines and scales.
    measures
        Each name of `MEASURES` to an array (looks, pipelines, scales, networks).
    predictions
        Classes of the test points, shape (looks, pipelines, scales, networks, points).

    Raises
    ------
    ValueError
        If an array has another shape.
    """

    pipelines: tuple[Pipeline, ...]
    scales: tuple[float, ...]
    looks: tuple[int, ...]
    seed: Seed
    measures: Mapping[str, Floats]
    predictions: NDArray[np.int32]

    def __post_init__(self) -> None:
        axes = (len(self.looks), len(self.pipelines), len(self.scales))
        shapes = {name: np.asarray(self.measures.get(name)).shape for name in MEASURES}
        shapes["predictions"] = np.shape(self.predictions)[:-1]
        for name, shape in shapes.items():
            if shape[:3] != axes or shape != shapes["predictions"]:
                raise ValueError(f"{name} has shape {shape}, expected {(*axes, 'networks')}")

    @property
    def networks(self) -> int:
        """How many networks stand behind each scale of each pipeline."""
        return int(self.measures["test_accuracy"].shape[3])

    def number(self, pipeline: str) -> int:
        """Return the place of a pipeline; ``ValueError`` naming the known ones."""
        names = [each.name for each in self.pipelines]
        if pipeline not in names:
            raise ValueError(f"unknown pipeline {pipeline!r}; choose one of {', '.join(names)}")
        return names.index(pipeline)

    @door
    def values(self, measure: str, pipeline: str, *, when: When = "final") -> Floats:
        """Return a measure at the last look, or at each network's best validation accuracy.

        Shape (scales, networks), as `spread` takes it.
        """
        if measure not in self.measures:
            raise ValueError(f"unknown measure {measure!r}; choose one of {', '.join(MEASURES)}")
        track = self.measures[measure][:, self.number(pipeline)]  # (looks, scales, networks)
        if when == "final":
            return cast(Floats, track[-1])
        validation = self.measures["validation_accuracy"][:, self.number(pipeline)]
        return at_selected(validation, track)

    @door
    def spread(self, pipeline: str, *, when: When = "final") -> float:
        """Return the spread of test accuracy over scales in percentage points."""
        return spread(self.values("test_accuracy", pipeline, when=when))

    @door
    def spreads(self, pipeline: str) -> Floats:
        """Return the spread of test accuracy at each look, shape (looks,)."""
        track = self.measures["test_accuracy"][:, self.number(pipeline)]
        return np.array([spread(values) for values in track])

    @door
    def gate(self, pipeline: str) -> Verdict:
        """Say whether all networks of a pipeline have fitted their training set at the end."""
        return gate(self.values("train_accuracy", pipeline))

    @door
    def forgetting_time(self, pipeline: str, *, eps: NonNegative = FORGOTTEN) -> float | None:
        """Return the first look from which the spread stays within ``eps``, in steps.

        None if the last look is not there yet; see `ibcore.memory.forgetting_time`.
        """
        fitted = self.measures["train_accuracy"][:, self.number(pipeline)].min(axis=(1, 2))
        return forgetting_time(self.looks, self.spreads(pipeline), eps, train_accuracy=fitted)


# A sweep as a tidy table: one row for each look, pipeline, scale and network.

_OWN = ("optimizer", "learning_rate", "weight_decay", "momentum", "sam_radius", "batch_size")


@door
def sweep_table(result: SweepResult, *, eps: NonNegative = FORGOTTEN) -> DataFrame:
    """Return all measures of a sweep with the rates, clocks and marks that belong to them.

    Parameters
    ----------
    result
        A sweep.
    eps
        Spread in percentage points at which a scale counts as forgotten.

    Returns
    -------
    pandas.DataFrame
        Columns: the pipeline and its rates (``decay_steps`` is empty where decay never ends);
        ``weight_scale``, ``network``, ``seed``, ``step``; ``flow_time`` (learning rate times
        steps) and the two clocks; the measures; ``disagreement`` with the other scales of the same
        network; and three marks.  ``final``: the last look.  ``selected``: the best validation
        accuracy of this scale and network.  ``forgets``: the look from which this network's own
        spread over scales stays within ``eps`` while it fits its training set; a network that
        never gets there has no such row.

    Examples
    --------
    >>> import torch
    >>> from ibcore.memory import Examples, Pipeline, Problem, sweep
    >>> from ibcore.nets import MLP
    >>> points = Examples(torch.eye(2), torch.tensor([0, 1]))
    >>> problem, net = Problem(points, points, points), MLP(2, 2, depth=1, width=4)
    >>> pipelines = [Pipeline("SGD", batch_size=2)]
    >>> axes = {"scales": (1.0, 4.0), "networks": 3, "steps": 5, "looks": (0,)}
    >>> done = sweep(problem, net, pipelines, **axes)
    >>> len(sweep_table(done)), int(sweep_table(done).final.sum())
    (12, 6)
    """
    import pandas as pd

    shape = result.measures["test_accuracy"].shape
    look, pipeline, scale, network = np.indices(shape).reshape(4, -1)  # (rows,) each
    rows = {
        "weight_scale": np.array(result.scales)[scale],
        "network": network,
        "seed": np.full(len(network), result.seed),
        "step": np.array(result.looks)[look],
    }
    last = np.arange(len(result.looks)) == len(result.looks) - 1
    numbers = np.arange(len(result.looks))[:, None, None, None]
    whole = {
        **_clocks(result),
        **result.measures,
        "disagreement": _disagreement(result),
        "final": last[:, None, None, None],
        "selected": numbers == selected_look(result.measures["validation_accuracy"]),
        "forgets": _forgets(result, eps),
    }
    rows |= {name: np.broadcast_to(values, shape).reshape(-1) for name, values in whole.items()}
    labels = _labels(result).iloc[pipeline].reset_index(drop=True)
    return pd.concat([labels, pd.DataFrame(rows)], axis=1)


def _labels(result: SweepResult) -> DataFrame:
    """Return the pipelines' own columns, one row for each."""
    import pandas as pd

    table = pd.DataFrame([asdict(each) for each in result.pipelines])
    table["decay_steps"] = table["decay_steps"].astype(float)
    return table.rename(columns={"name": "pipeline"})[["pipeline", *_OWN, "decay_steps"]]


def _clocks(result: SweepResult) -> dict[str, Floats]:
    """Return flow time and clocks, shape (looks, pipelines, 1, 1)."""
    steps = np.array(result.looks, dtype=np.float64)
    clocks = {
        "flow_time": [each.learning_rate * steps for each in result.pipelines],
        "explicit_clock": [each.clock(steps) for each in result.pipelines],
        "noise_clock": [each.noise(steps) for each in result.pipelines],
    }
    return {name: np.stack(parts, axis=1)[:, :, None, None] for name, parts in clocks.items()}


def _disagreement(result: SweepResult) -> Floats:
    """Return each network's disagreement with the other scales, nan where there is only one."""
    if len(result.scales) < 2:
        return np.full(result.measures["test_accuracy"].shape, np.nan)
    looks = [[disagreement_by_scale(each) for each in look] for look in result.predictions]
    return np.array(looks)


def _forgets(result: SweepResult, eps: float) -> NDArray[np.bool_]:
    """Mark the look from which a network's own spread is small: (looks, pipelines, 1, m)."""
    looks, pipelines, scales, networks = result.measures["test_accuracy"].shape
    marks = np.zeros((looks, pipelines, 1, networks), dtype=bool)
    fitted = result.measures["train_accuracy"].min(axis=2)  # (looks, pipelines, networks)
    for p in range(pipelines if scales > 1 else 0):
        track = result.measures["test_accuracy"][:, p]  # (looks, scales, networks)
        spreads = np.array([spread_per_seed(look) for look in track])  # (looks, networks)
        for m in range(networks):
            own = {"train_accuracy": fitted[:, p, m]}
            first = forgetting_time(range(looks), spreads[:, m], eps, **own)
            if first is not None:
                marks[int(first), p, 0, m] = True
    return marks


# Look at networks while they train: accuracy, loss, what they predict, what their weights keep.


class MetricRecorder:
    """Records the measures of m networks at every look; give it to training as ``on_look``.

    Parameters
    ----------
    problem
        The data, on the device of the networks.
    start
        The networks before training.
    looks
        The steps at which `__call__` will be called.

    Attributes
    ----------
    measures
        Each name of `ibcore.memory.sweep.MEASURES` to an array (looks, m).
    predictions
        Classes of the test points, (looks, m, points).
    """

    def __init__(self, problem: Problem, start: Population, looks: Sequence[int]) -> None:
        self.problem, self.start = problem, start
        self.rows = {step: row for row, step in enumerate(looks)}
        shape = (len(looks), len(start))
        self.measures: dict[str, Floats] = {name: np.full(shape, np.nan) for name in MEASURES}
        self.predictions = np.zeros((*shape, len(problem.test.y)), dtype=np.int32)

    def __call__(self, step: int, members: Tensor, population: Population) -> None:
        """Record ``population``, the present state of these ``members``, after ``step`` steps."""
        row, columns = self.rows[step], members.cpu().numpy()
        start = _take(self.start, members)
        statistics = population.batch_statistics(self.problem.train.x)
        values = self._fit(population, statistics) | {
            "weight_norm": weight_norm(population),
            "retained_fraction": retained_fraction(population, start),
            "cosine": cosine(population, start),
        }
        outputs = population.forward(self.problem.test.x, statistics=statistics)  # (m, n, k)
        classes = outputs.argmax(-1)  # (m, n)
        values["test_accuracy"] = _share(classes == self.problem.test.y)
        self.predictions[row, columns] = classes.to(torch.int32).cpu().numpy()
        for name, value in values.items():
            self.measures[name][row, columns] = value.cpu().numpy()

    def _fit(self, population: Population, statistics: Statistics) -> dict[str, Tensor]:
        """Return accuracy and loss on the data that training and selection use."""
        (x, y), (held_x, held_y) = self.problem.train, self.problem.validation
        outputs = population.forward(x, statistics=statistics)  # (m, n, k)
        losses = functional.cross_entropy(
            outputs.double().flatten(0, 1), y.repeat(len(outputs)), reduction="none"
        ).reshape(len(outputs), -1)  # (m * n,) -> (m, n)
        held = population.forward(held_x, statistics=statistics).argmax(-1) == held_y
        return {
            "train_accuracy": _share(outputs.argmax(-1) == y),
            "train_loss": losses.mean(1),
            "validation_accuracy": _share(held),
        }


def _share(right: Tensor) -> Tensor:
    return right.double().mean(1)


def _take(population: Population, members: Tensor) -> Population:
    chosen = {name: value[members] for name, value in population.parameters.items()}
    return Population(population.architecture, chosen)


@door(gradients=True)
def sweep(
    problem: Problem,
    architecture: Network,
    pipelines: Sequence[Pipeline],
    *,
    scales: Sequence[Positive],
    networks: Count,
    steps: Count,
    looks: Sequence[Whole] = (),
    layers: Layers = "all",
    seed: Seed = 0,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> SweepResult:
    r"""Train networks from initial weights :math:`\alpha w_0`, for every scale and pipeline.

    Weights :math:`w_0` are Gaussian with variance one over the fan-in, biases 0.  Network i has
    the same draw and the same order of minibatches at all scales and in all pipelines, so scale
    and pipeline are the only differences.  All pipelines with one optimizer and one batch size
    train as one population.

    Parameters
    ----------
    problem
        Data; cross-entropy is the loss.
    architecture
        Fixes the computation: inputs as in ``problem``, one output for each class.  Batch norm
        is evaluated with the statistics of the training set.
    pipelines
        At least one, with distinct names.
    scales
        The values of :math:`\alpha`, positive and increasing.
    networks
        How many draws.
    steps
        Of training.
    looks
        After which steps to look, 0 for before the first; the last step is always one of them.
    layers
        Which weights are scaled, as in `scale_weights`.
    seed
        Of the draws and the batches.
    device, dtype
        Where and in which precision to train.

    Raises
    ------
    ValueError
        If a number is out of range or the problem does not fit the architecture.
    FloatingPointError
        If training diverges.

    Examples
    --------
    >>> from ibcore.memory import Examples
    >>> from ibcore.nets import MLP
    >>> points = Examples(torch.eye(2), torch.tensor([0, 1]))
    >>> problem, net = Problem(points, points, points), MLP(2, 2, depth=1, width=4)
    >>> done = sweep(problem, net, [Pipeline("SGD", learning_rate=1.0, batch_size=2)],
    ...              scales=(1.0, 4.0), networks=3, steps=30, looks=(0, 10))
    >>> done.looks, done.values("test_accuracy", "SGD").tolist()
    ((0, 10, 30), [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    """
    alphas, moments = _scales(scales), _looks(looks, steps)
    shape = (len(moments), len(pipelines), len(alphas), networks)
    points = len(problem.test.y)
    weights = sum(p.numel() for p in architecture.parameters()) * len(pipelines) * len(alphas)
    check_memory("networks", networks, networks * (8.0 * weights + 4.0 * len(moments) * points))
    drawn = Population.sample(
        architecture,
        networks=networks,
        prior="gaussian",
        scaling="fan_in",
        bias_scale=0.0,
        seed=seed,
        device=device,
        dtype=dtype,
    )
    data = problem.to(drawn.device, dtype)
    _check_outputs(data, drawn)
    seeds = [member_seed(seed, network) for network in range(networks)]
    measures = {name: np.full(shape, np.nan) for name in MEASURES}
    predictions = np.zeros((*shape, points), dtype=np.int32)
    for group in group_pipelines(pipelines):
        factors = (
            torch.tensor(alphas, dtype=torch.float64).repeat_interleave(networks).repeat(len(group))
        )
        start = scale_weights(
            repeat_members(drawn, len(factors) // networks), factors, layers=layers
        )
        watcher = MetricRecorder(data, start, moments)
        chosen = [pipelines[number] for number in group]
        _train(start, data.train, chosen, steps=steps, seeds=seeds, watcher=watcher)
        part = (len(moments), len(group), len(alphas), networks)
        for name, values in watcher.measures.items():
            measures[name][:, group] = values.reshape(part)  # (looks, m) -> part
        predictions[:, group] = watcher.predictions.reshape(*part, -1)
    return SweepResult(tuple(pipelines), alphas, moments, seed, measures, predictions)


def _scales(scales: Sequence[float]) -> tuple[float, ...]:
    if not scales or any(b <= a for a, b in pairwise(scales)):
        raise ValueError(f"scales must be increasing, and at least one, got {tuple(scales)}")
    return tuple(scales)


def _looks(looks: Sequence[int], steps: int) -> tuple[int, ...]:
    if looks and max(looks) > steps:
        raise ValueError(f"looks must lie between 0 and the {steps} steps, got {tuple(looks)}")
    return tuple(sorted({*looks, steps}))


def _check_outputs(problem: Problem, drawn: Population) -> None:
    one, x = _take(drawn, torch.tensor([0])), problem.train.x
    outputs = one.forward(x[:2], statistics=one.batch_statistics(x))
    if outputs.shape[-1] < problem.classes:
        raise ValueError(
            f"problem has {problem.classes} classes but architecture {outputs.shape[-1]} outputs; "
            "classes are whole numbers from 0"
        )


@contextmanager
def _tiny_is_zero() -> Iterator[None]:
    """Count numbers below 1e-38 as 0.

    Where the data are fitted, gradients shrink to such numbers, and the processor computes with
    each of them a hundred times as long.
    """
    before = bool(torch.tensor([1e-40]) / 2 == 0)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


@_tiny_is_zero()
def _train(
    start: Population,
    train: Examples,
    pipelines: Sequence[Pipeline],
    *,
    steps: int,
    seeds: Sequence[int],
    watcher: MetricRecorder,
) -> None:
    """Train pipelines of one optimizer and batch size; ``start`` holds them one after the other.

    Members with one draw share their order of batches: ``seeds`` holds one for each draw.
    """
    each = len(start) // len(pipelines)  # members of one pipeline, the draws innermost

    def rates(values: Iterable[float]) -> Tensor:
        return torch.tensor(list(values), dtype=torch.float64).repeat_interleave(each)

    start.train(
        *train,
        loss="cross_entropy",
        steps=steps,
        optimizer=pipelines[0].optimizer,
        learning_rate=rates(p.learning_rate for p in pipelines),
        weight_decay=rates(p.weight_decay for p in pipelines),
        momentum=rates(p.momentum for p in pipelines),
        batch_size=pipelines[0].batch_size,
        decay_steps=rates(
            steps if p.decay_steps is None else p.decay_steps for p in pipelines
        ).long(),
        sam_radius=rates(p.sam_radius for p in pipelines),
        seed=[seeds[member % len(seeds)] for member in range(len(start))],
        checkpoints=tuple(watcher.rows),
        on_checkpoint=watcher,
    )
