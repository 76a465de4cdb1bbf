"""Modular addition: which networks learn stripes, and what their complexity was at the start."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from ibcore.nets import MLP
from ibcore.population import Population, member_seed
from ibcore.redshift.fourier import fourier_complexity, path_variation
from ibcore.runs.experiment import Cell, Experiment, Factors, design
from ibcore.runtime import generator
from ibcore.tasks import Modular, grid, modular_addition
from ibcore.tasks.images import PIXELS, ColoredDigits, colored_digits


def sample_learners(cell: Cell, repeats: int, device: torch.device) -> Population:
    """Draw the networks of a cell, the same ones ``repeats`` times: repeat-major."""
    shape = {name: cell["learner"][name] for name in ("depth", "width")}
    net = MLP(2, 1, activation=cell["activation"], prefactor=cell["prefactor"], **shape)
    draw = {"networks": cell["networks"], "seed": cell["seed"]}
    drawn = Population.sample(net, device=device, dtype=torch.float32, **draw)
    return Population(net, {name: torch.cat([p] * repeats) for name, p in drawn.parameters.items()})


def sample_tasks(cell: Cell, device: torch.device) -> dict[str, Tensor]:
    """Return the data of each modulus and network, modulus-major: x (m, n, 2) and y (m, n).

    Network i has a split of its own, the same for every modulus.
    """
    options = {name: cell["learner"][name] for name in ("numbers", "train_fraction")}
    tasks: list[Modular] = [
        modular_addition(
            modulus, seed=member_seed(cell["seed"], network), dtype=torch.float32, **options
        )
        for modulus, network in product(cell["modulus"], range(cell["networks"]))
    ]
    names = ("train_x", "train_y", "test_x", "test_y")
    return {name: torch.stack([getattr(t, name) for t in tasks]).to(device) for name in names}


def fit(cell: Cell, population: Population, x: Tensor, y: Tensor) -> tuple[Population, Tensor]:
    """Train on labels y (m, n) and return the networks with their losses (m,)."""
    options = {name: cell["learner"][name] for name in ("steps", "learning_rate")}
    trained = population.train(x, y, loss="binary", **options)
    return trained.population, trained.losses


def accuracy(population: Population, x: Tensor, y: Tensor) -> list[float]:
    """Return the share of points that each network puts in the right class."""
    right = (population.forward(x)[..., 0] > 0) == (y > 0)
    return right.double().mean(1).tolist()


def functions(population: Population, points: int) -> Tensor:
    """Return the logits of each network on a grid over the square, (m, points, points)."""
    x = grid(points, dtype=population.dtype).to(population.device)
    return population.forward(x).reshape(len(population), points, points)


def complexity(population: Population, points: int) -> list[float]:
    """Return the Fourier complexity (cosine transform) of each network's logit."""
    return fourier_complexity(functions(population, points)).tolist()


def _labeled(cell: Cell, columns: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """Return one row per modulus and network."""
    conditions = list(product(cell["modulus"], range(cell["networks"])))
    return pd.DataFrame(
        {
            "activation": cell["activation"],
            "prefactor": cell["prefactor"],
            "modulus": [modulus for modulus, _ in conditions],
            "network": [network for _, network in conditions],
            "seed": cell["seed"],
            **columns,
        }
    )


def accuracies(
    networks: Population, data: Mapping[str, Tensor], members: Tensor, *parts: str
) -> dict[str, list[float]]:
    """Return the accuracy of some members on each part of their data."""
    sets = {p: (data[f"{p}_x"][members], data[f"{p}_y"][members]) for p in parts}
    return {f"{p}_accuracy": accuracy(networks, *points) for p, points in sets.items()}


def _trained(
    cell: Cell, device: torch.device
) -> tuple[Population, Population, dict[str, Sequence[Any]]]:
    """Return networks before and after training, with their accuracies and losses."""
    start, data = sample_learners(cell, len(cell["modulus"]), device), sample_tasks(cell, device)
    trained, losses = fit(cell, start, data["train_x"], data["train_y"])
    found = accuracies(trained, data, torch.arange(len(trained)), "train", "test")
    return start, trained, {**found, "loss": losses.tolist()}


def _run_learners(cell: Cell, device: torch.device) -> pd.DataFrame:
    start, trained, columns = _trained(cell, device)
    columns["complexity_initial"] = complexity(start, cell["grid"])
    columns["complexity_trained"] = complexity(trained, cell["grid"])
    return _labeled(cell, columns)


def _run_pictures(cell: Cell, device: torch.device) -> pd.DataFrame:
    _, trained, columns = _trained(cell, device)
    del columns["loss"]
    return _labeled(cell, {"picture": learned_functions(trained, cell["grid"]), **columns})


def learned_functions(population: Population, points: int = 32) -> list[bytes]:
    r"""Return what each network has learned as a picture: points * points bytes, row by row.

    A byte is 255 times the probability of label 1, rounded; entry (i, j) stands at byte
    ``i * points + j`` and belongs to ``(axis[i], axis[j])`` of `ibcore.tasks.modular`.

    Examples
    --------
    >>> flat = Population.sample(MLP(2, 1), networks=1, weight_scale=0.0, bias_scale=0.0)
    >>> learned_functions(flat, 2)
    [b'\x80\x80\x80\x80']
    """
    bytes_ = (functions(population, points).sigmoid() * 255).round().to(torch.uint8)
    return [picture.numpy().tobytes() for picture in bytes_.cpu()]


# Two hidden layers, the prior of `ibcore.nets.sample_parameters`, Adam on all training points; the
# paper states none of these.
LEARNER = {
    "depth": 2,
    "width": 64,
    "learning_rate": 2e-3,
    "steps": 1000,
    "train_fraction": 0.6,
    "numbers": 16,
}
FITTED = 0.995  # share of the training points
LONG = {**LEARNER, "steps": 5000}
FOUR = ("relu", "tanh", "gaussian", "sine")
KINDS = {
    "activation": ("relu", "gelu", "silu", "tanh", "gaussian", "sine"),
    "prefactor": (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0),
}
PICTURED = {"activation": FOUR, "prefactor": (0.25, 0.5, 1.0, 2.0, 4.0, 6.0, 8.0, 16.0)}
TEN = (0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)


def _learners(
    factors: Factors,
    *,
    networks: int,
    grid: int,
    learner: Mapping[str, float] = LEARNER,
    modulus: tuple[int, ...] = (10, 7, 4),
) -> list[Cell]:
    """Return networks of each kind, which are trained together on all moduli."""
    size = {"networks": networks, "grid": grid, "seed": 0}
    return design(factors, learner=learner, modulus=modulus, **size)


def _few(*prefactors: float, networks: int, steps: int) -> list[Cell]:
    factors = {"activation": ("relu", "tanh", "sine"), "prefactor": prefactors}
    learner = {**LEARNER, "steps": steps}
    return _learners(factors, networks=networks, grid=32, learner=learner, modulus=(10, 4))


# Figures 7 and 8 of the paper.  Shown in: result, "Must complexity match the task?" and "The start
# predicts part of the end"; explorer ModularPlayer;
# claims redshift.modular-relu-wide, modular-relu-narrow, modular-relu-train, modular-sine-narrow,
# modular-tanh-narrow, modular-prefactor-narrow, modular-prefactor-wide, modular-too-complex,
# modular-start-and-end, modular-complexity-follows-task.
MODULAR = Experiment(
    "redshift.modular",
    "Which activations and prefactors learn modular addition from 60 % of its points?",
    {
        "smoke": _few(1.0, 4.0, 16.0, networks=3, steps=400),
        "laptop": _learners(KINDS, networks=5, grid=48),
        "paper": _learners({**KINDS, "prefactor": TEN}, networks=40, grid=64, learner=LONG),
    },
    _run_learners,
    tuned={"prefactor": ("activation", "modulus")},
)

# Shown in: explorer ModularPlayer; no claims.
PICTURES = Experiment(
    "redshift.modular-pictures",
    "What does the function look like that one network learned from modular addition?",
    {
        "smoke": _few(1.0, 4.0, networks=1, steps=200),
        "laptop": _learners(PICTURED, networks=1, grid=32),
        "paper": _learners(PICTURED, networks=1, grid=32, learner=LONG),
    },
    _run_pictures,
)


# Is a network that fails on stripes too simple for them, or badly trained?  The same networks at
# the best of several rates, and with twice the steps; beside a smoother that learns nothing.


def smoother_accuracy(data: Mapping[str, Tensor], bandwidth: float, part: str) -> list[float]:
    """Return how often the labels nearby, in Gaussian weights, have the majority: one per split.

    Examples
    --------
    >>> x, y = torch.tensor([[[0.0, 0.0], [1.0, 1.0]]]), torch.tensor([[0, 1]])
    >>> two = {"train_x": x, "train_y": y, "test_x": x.flip(1), "test_y": y}
    >>> smoother_accuracy(two, 0.2, "train"), smoother_accuracy(two, 0.2, "test")
    ([1.0], [0.0])
    """
    distance = torch.cdist(data[f"{part}_x"].double(), data["train_x"].double())  # (m, q, n)
    signs = 2 * data["train_y"].double() - 1
    votes = (-(distance**2) / (2 * bandwidth**2)).exp() @ signs[..., None]  # (m, q, 1)
    right = (votes[..., 0] > 0) == (data[f"{part}_y"] > 0)
    return right.double().mean(1).tolist()


def _parts(data: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Divide the held-out points: every other one serves to choose the rate."""
    held = {f"validation_{n}": data[f"test_{n}"][:, ::2] for n in "xy"}
    return {**data, **held, **{f"test_{n}": data[f"test_{n}"][:, 1::2] for n in "xy"}}


def mark_tuned(frame: pd.DataFrame) -> pd.DataFrame:
    """Mark for each number of steps the rate that validates best, of those at which all fit.

    Examples
    --------
    >>> rows = {"steps": 9, "train_accuracy": [1, 1, 0.9], "validation_accuracy": [0.5, 0.7, 0.8]}
    >>> mark_tuned(pd.DataFrame({"learning_rate": [1, 2, 3], **rows})).tuned.tolist()
    [False, True, False]
    """
    key = ["steps", "learning_rate"]
    means = frame.groupby(key).agg(
        fits=("train_accuracy", "min"), right=("validation_accuracy", "mean")
    )
    ranked = means.assign(fits=means.fits >= FITTED).sort_values(["fits", "right"])
    best = ranked.groupby("steps").tail(1).index
    return frame.assign(tuned=pd.MultiIndex.from_frame(frame[key]).isin(best))


def _run_budget(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Return one row per number of steps, rate and network; the smoother takes none."""
    count, rates, rows = cell["networks"], cell["rates"], []
    data = _parts(sample_tasks({**cell, "modulus": cell["modulus"] * len(rates)}, device))
    parts = ("train", "validation", "test")

    def record(step: int, members: Tensor, found: dict[str, list[float]]) -> None:
        each = [rates[member // count] for member in members.tolist()]
        where = {"steps": step, "learning_rate": each, "network": members % count}
        rows.append(pd.DataFrame({**where, **found}))

    def look(step: int, members: Tensor, networks: Population) -> None:
        record(step, members, accuracies(networks, data, members, *parts))

    if cell["activation"] == "smoother":
        smooth = {f"{p}_accuracy": smoother_accuracy(data, cell["bandwidth"], p) for p in parts}
        record(0, torch.arange(count), smooth)
    else:
        each = torch.tensor(rates).repeat_interleave(count)
        options = {"checkpoints": cell["looks"], "on_checkpoint": look, "steps": cell["looks"][-1]}
        start, x, y = sample_learners(cell, len(rates), device), data["train_x"], data["train_y"]
        start.train(x, y, loss="binary", learning_rate=each, **options)
    kind = {name: cell[name] for name in ("activation", "prefactor", "seed")}
    kind |= {"depth": cell["learner"]["depth"], "modulus": cell["modulus"][0]}
    return mark_tuned(pd.concat(rows, ignore_index=True)).assign(**kind)


RATES = (5e-4, 2e-3, 8e-3, 3.2e-2, 0.128, 0.512)
WIDER = (*RATES, 2.048)  # the smaller the prefactor, the larger the best rate


def _budgets(
    kinds: Sequence[tuple[str, float, int]],
    rates: tuple[float, ...],
    looks: tuple[int, ...],
    *,
    modulus: int,
    networks: int,
) -> list[Cell]:
    """Return each kind of network, an activation, a prefactor and a depth, and the smoother."""
    size = {name: LEARNER[name] for name in ("width", "train_fraction", "numbers")}
    fixed = {"modulus": (modulus,), "networks": networks, "seed": 0}
    nothing = {"activation": "smoother", "prefactor": 0.0, "rates": (0.0,), "bandwidth": 0.2}
    return [
        *(
            {"activation": a, "prefactor": p, "rates": rates, "looks": looks, **fixed}
            | {"learner": {**size, "depth": depth}}
            for a, p, depth in kinds
        ),
        {**nothing, **fixed, "learner": {**size, "depth": 0}},
    ]


SINES = [("sine", 2.0**k, 2) for k in range(-2, 5)]  # prefactors as in KINDS
SHALLOW, DEEP = [("relu", 1.0, 2)], [("relu", 1.0, 4)]

# Shown in: result, "Must complexity match the task?"; limits, "The paper, claim by claim"; claims
# redshift.budget-sine, budget-gap, budget-simple, budget-two, budget-eight, budget-simple-half,
# budget-complex, budget-relu, budget-relu-train, budget-smoother.
BUDGET = Experiment(
    "redshift.modular-budget",
    "Is a network that fails on stripes too simple or too complex for them, or badly trained?",
    {
        "smoke": _budgets(SINES[::2] + SHALLOW, RATES[1:3], (1000, 2000), modulus=4, networks=2)
        + _budgets(DEEP, RATES[1:3], (2000, 4000), modulus=4, networks=2)[:1],
        "laptop": _budgets(SINES[:1], WIDER, (1000, 2000), modulus=4, networks=20)[:1]
        + _budgets(SINES[1:] + SHALLOW, RATES, (1000, 2000), modulus=4, networks=20)
        + _budgets(DEEP, RATES[1:5], (2000, 4000), modulus=4, networks=20)[:1],
        "paper": _budgets(SINES + SHALLOW + DEEP, RATES, (8000, 16_000), modulus=4, networks=40)
        + _budgets(SINES, RATES, (8000, 16_000), modulus=10, networks=40),
    },
    _run_budget,
    tuned={"learning_rate": ("activation", "prefactor", "depth")},
)


# Networks that learn a task after they have fitted random labels, and whether it shows.  How the
# detour is made is our choice: the training points are the same, and each label is drawn with
# probability 1/2.


def random_labels(shape: tuple[int, int], seed: int) -> Tensor:
    """Return labels (m, n) of 0 and 1, each member's from a generator of its own.

    Examples
    --------
    >>> random_labels((2, 4), seed=0).unique().tolist()
    [0, 1]
    """
    members, points = shape
    draws = [
        torch.randint(2, (points,), generator=generator(member_seed(member_seed(seed, i), 2)))
        for i in range(members)
    ]
    return torch.stack(draws)


def _run_detour(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Return one row per phase, number of steps and network; the detour ends where it fits.

    ``train_accuracy`` is that on the labels of the phase, ``test_accuracy`` that on the task.
    """
    plain, looks, rows = cell["learners"], cell["looks"], []
    data, start = sample_tasks(plain, device), sample_learners(plain, 1, device)
    x, y = data["train_x"], data["train_y"]
    noise = random_labels((len(y), y.shape[1]), plain["seed"]).to(device)
    options = {"loss": "binary", "learning_rate": plain["learner"]["learning_rate"]}
    kind = {name: plain[name] for name in ("activation", "prefactor", "seed")}

    def record(
        phase: str, labels: Tensor, step: int, members: Tensor, networks: Population
    ) -> None:
        found = accuracies(networks, {**data, "train_y": labels}, members, "train", "test")
        where = {"phase": phase, "steps": step, "network": members, **kind, **found}
        rows.append(pd.DataFrame({**where, "complexity": complexity(networks, plain["grid"])}))

    detour = start.train(x, noise, steps=cell["detour_steps"], stop_at=_FITS, **options).population
    everyone = torch.arange(len(y))
    record("initial", y, 0, everyone, start)
    record("random labels", noise, 0, everyone, detour)
    for phase, first in (("fresh", start), ("after random labels", detour)):
        look = partial(record, phase, y)
        first.train(x, y, steps=looks[-1], checkpoints=looks, on_checkpoint=look, **options)
    return pd.concat(rows, ignore_index=True)


def _detours(
    *kinds: tuple[str, float], detour_steps: int, looks: tuple[int, ...], networks: int, grid: int
) -> list[Cell]:
    """Return each kind of network, an activation and a prefactor, with and without the detour."""
    size: dict[str, Any] = {"networks": networks, "grid": grid, "modulus": (10,)}
    return [
        {"learners": learners, "detour_steps": detour_steps, "looks": looks}
        for activation, prefactor in kinds
        for learners in _learners(
            {"activation": (activation,), "prefactor": (prefactor,)}, learner=DEEPER, **size
        )
    ]


_FITS = 0.01  # loss on the random labels at which a network has fitted them
DEEPER = {name: LEARNER[name] for name in LEARNER if name != "steps"} | {"depth": 4}
DETOURED = (("relu", 1.0), ("sine", 1.0))

# Appendix E.3 of the paper.  Shown in: result, "Is it the initialization or the architecture?";
# limits, "The paper, claim by claim"; claims redshift.hysteresis-relu, hysteresis-relu-half,
# hysteresis-relu-test, hysteresis-sine, hysteresis-sine-test.
HYSTERESIS = Experiment(
    "redshift.hysteresis",
    "Is a network that starts from a complex function complex after training?",
    {
        "smoke": _detours(*DETOURED, detour_steps=600, looks=(500, 1000), networks=2, grid=32),
        "laptop": _detours(*DETOURED, detour_steps=20_000, looks=(500, 1000), networks=20, grid=48),
        "paper": _detours(
            *DETOURED, detour_steps=20_000, looks=(5000, 10_000), networks=100, grid=64
        ),
    },
    _run_detour,
)


# Shortcut learning: digits whose color predicts the label just as well, over the prefactor.

_SEGMENTS = 100  # between training points, on which the variation is measured


def correlation(prediction: Tensor, target: Tensor) -> Tensor:
    """Return Pearson's correlation of each row: two tensors (m, n) to (m,); nan for a constant.

    Examples
    --------
    >>> rows = torch.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    >>> correlation(rows, torch.tensor([[0.0, 1.0, 2.0]]).expand(2, 3)).round(decimals=9).tolist()
    [1.0, -1.0]
    """
    first, second = (v.double() - v.double().mean(1, keepdim=True) for v in (prediction, target))
    return (first * second).sum(1).div(first.norm(dim=1) * second.norm(dim=1))


def _data(cell: Cell) -> list[ColoredDigits]:
    """Return the data of each network: a split and colors of its own."""
    seeds = [member_seed(cell["seed"], member) for member in range(cell["networks"])]
    return [
        colored_digits(train=cell["train"], band=cell["band"], seed=seed, dtype=torch.float32)
        for seed in seeds
    ]


def _stack(data: list[ColoredDigits], name: str, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return one set of all networks: inputs (m, n, in) from -1 to 1, targets (m, n, 1)."""
    sets = [getattr(each, name) for each in data]
    x, y = torch.stack([s.x for s in sets]), torch.stack([s.y for s in sets])
    return (2 * x - 1).to(device), y.to(device)


def _run_shortcut(cell: Cell, device: torch.device) -> pd.DataFrame:
    data, seed = _data(cell), cell["seed"]
    x, y = _stack(data, "train", device)
    shape = {name: cell[name] for name in ("depth", "width", "activation", "prefactor")}
    untrained = Population.sample(
        MLP(PIXELS + cell["band"], **shape),
        networks=cell["networks"],
        seed=seed,
        device=device,
        dtype=torch.float32,
    )
    options = {name: cell[name] for name in ("steps", "learning_rate", "batch_size")}
    trained = untrained.train(x, y, loss="mse", seed=seed, **options).population
    ends = x[0, :_SEGMENTS], x[0, _SEGMENTS : 2 * _SEGMENTS]
    columns = {"variation_initial": path_variation(untrained, *ends)}
    columns["variation_trained"] = path_variation(trained, *ends)
    for column, name in (("train", "train"), ("digit", "test_digit"), ("color", "test_color")):
        points, target = _stack(data, name, device)
        prediction = trained.forward(points)[..., 0]
        columns[f"{column}_correlation"] = correlation(prediction, target[..., 0])
    return _frame(cell, columns)


def _frame(cell: Cell, columns: dict[str, Tensor]) -> pd.DataFrame:
    measures = pd.DataFrame({name: value.tolist() for name, value in columns.items()})
    conditions = {name: cell[name] for name in ("activation", "prefactor", "band", "seed")}
    frame = measures.rename_axis("network").reset_index().assign(**conditions)
    return frame[[*conditions, "network", *measures.columns]]


SHORTCUT: Factors = {
    "activation": FOUR,
    "prefactor": (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0),
    "band": (1,),
}
TRAINING = {  # Adam, mean squared error
    "networks": 10,
    "depth": 2,
    "width": 64,
    "train": 1300,
    "steps": 800,
    "batch_size": 100,
    "learning_rate": 2e-3,
    "seed": 0,
}
SMALL = {**TRAINING, "networks": 3, "steps": 300, "batch_size": 50}
LARGE = {**TRAINING, "networks": 40, "width": 256, "steps": 3000}

# Figure 9 of the paper.  Shown in: result, "Which signal wins: a shortcut"; limits, "The paper,
# claim by claim"; claims
# redshift.shortcut-color, shortcut-digit, shortcut-peak, shortcut-sine-falls-first,
# shortcut-variation-sine, shortcut-variation-relu, shortcut-relu-no-control, shortcut-predicted.
SHORTCUTS = Experiment(
    "redshift.shortcuts",
    "Which of two predictive signals does a network learn, over its prefactor?",
    {
        "smoke": design({**SHORTCUT, "prefactor": (0.5, 2.0, 4.0)}, **SMALL),
        "laptop": design(SHORTCUT, **TRAINING),
        "paper": design({**SHORTCUT, "band": (1, 2, 4, 8)}, **LARGE),
    },
    _run_shortcut,
)
