"""Curves of accuracy, and the likeness of all layers to all layers of a guide, over the steps."""

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from ibcore.guidance.experiments.guided_trial import (
    CLASSES,
    Condition,
    GuidedTrial,
    GuideName,
    Setting,
    accuracies,
    cnn_similarity,
    correct,
    guided_by,
    layer_table,
    outputs,
    share,
)
from ibcore.guidance.experiments.wide import HALF, LAPTOP, PAPER, SMOKE
from ibcore.guidance.guides import Batch
from ibcore.guidance.similarity import error_consistency
from ibcore.guidance.taps import redraw
from ibcore.population import Population, member_seed
from ibcore.redshift import fourier_complexity, path_variation
from ibcore.runs import Experiment
from ibcore.runtime import generator

REFERENCES: tuple[GuideName, ...] = ("untrained CNN", "trained CNN")


@dataclass(frozen=True)
class Curves:
    """Each network is watched under a few conditions."""

    setting: Setting
    conditions: tuple[Condition, ...]
    looks: tuple[int, ...]
    networks: int = 5
    seed: int = 0


@dataclass(frozen=True)
class CurvesNetwork:
    """One network under all conditions."""

    setting: Setting
    conditions: tuple[Condition, ...]
    looks: tuple[int, ...]
    network: int
    seed: int


def curves_cells(config: Curves) -> list[CurvesNetwork]:
    """Return one cell for each network.

    Examples
    --------
    >>> len(curves_cells(Curves(SMOKE, (Condition("unguided"),), (0,), networks=3)))
    3
    """
    rest = (config.setting, config.conditions, config.looks)
    return [CurvesNetwork(*rest, network, config.seed) for network in range(config.networks)]


def run_curves(cell: CurvesNetwork, device: torch.device) -> pd.DataFrame:
    """Return a row for each condition, look, reference, layer of the reference and of the target.

    ``reference`` is the guide that the target is compared with, whether or not it guided;
    ``similarity`` is unbiased linear CKA on test images, and accuracies repeat in all rows of a
    look.

    Examples
    --------
    >>> from dataclasses import replace
    >>> setting = replace(SMOKE, steps=1)
    >>> cell = curves_cells(Curves(setting, (Condition("unguided"),), (0, 1), networks=1))[0]
    >>> len(run_curves(cell, torch.device("cpu")))  # 2 looks, 2 references, 4 by 3 layers
    48
    """
    trial = GuidedTrial(cell.setting, cell.network, seed=cell.seed, device=device)
    rows = [row for condition in cell.conditions for row in _watched(cell, trial, condition)]
    return pd.DataFrame(rows).assign(network=cell.network, seed=cell.seed)


def _watched(cell: CurvesNetwork, trial: GuidedTrial, condition: Condition) -> list[dict[str, Any]]:
    """Train one target and return its rows."""
    rows: list[dict[str, Any]] = []
    points = trial.new_points
    references = [(name, trial.new_views(name)) for name in REFERENCES]
    last = condition.steps or cell.setting.steps

    def look(step: int, model: nn.Module) -> None:
        labels = {"condition": condition.name, "step": step, "final": step == last}
        shared = {**labels, **accuracies(model, trial)}
        rows.extend(
            {**shared, "reference": name, **row}
            for name, views in references
            for row in layer_table(model, views, points)
        )

    trial.train(condition, looks=cell.looks, on_look=look)
    return rows


def curves_conditions(setting: Setting) -> tuple[Condition, ...]:
    """Return the conditions that are watched.

    Examples
    --------
    >>> curves_conditions(LAPTOP)[-1].name
    'distillation'
    """
    return (
        Condition("unguided"),
        *guided_by("untrained CNN", "trained CNN"),
        Condition(
            "untrained CNN, early disconnect",
            "untrained CNN",
            schedule="disconnect",
            until=setting.steps // 5,
        ),
        Condition("distillation", distill=True),
    )


CURVES: Experiment[Curves, CurvesNetwork] = Experiment(
    name="guidance.curves",
    question="How do accuracy and the likeness of every layer to the guide's change over training?",
    tiers={
        "smoke": Curves(SMOKE, curves_conditions(SMOKE)[:2], (0, 20, SMOKE.steps), networks=2),
        "laptop": Curves(
            LAPTOP, curves_conditions(LAPTOP), (0, 2, 5, 10, 20, 30, 40, 60, 80, 120, 160, 200)
        ),
        "paper": Curves(
            PAPER,
            curves_conditions(PAPER),
            (0, 10, 30, 100, 200, 400, 700, 1000, 1400, 2000, 4000, 7000),
        ),
    },
    cells=curves_cells,
    run_cell=run_curves,
)


# How complex the function of a guided target is, beside that of the unguided one.

_PATHS = 5  # stream of seeds
_GRID = 24  # points along each side of a plane

CONDITIONS = (
    Condition("unguided"),
    Condition("unguided, decayed", weight_decays=(1e-3,)),
    *guided_by("untrained CNN", "trained CNN", "permuted CNN", "pixels", "random features"),
    Condition("labels, last layer", "labels", mapping="last"),
    Condition("distillation", distill=True),
)


@dataclass(frozen=True)
class Complexity:
    """Functions are measured between ``paths`` pairs, and on planes of triples, of test images."""

    setting: Setting
    conditions: tuple[Condition, ...] = CONDITIONS
    paths: int = 200
    planes: int = 10
    networks: int = 5
    seed: int = 0


@dataclass(frozen=True)
class ComplexityNetwork:
    """One network under all conditions."""

    setting: Setting
    conditions: tuple[Condition, ...]
    paths: int
    planes: int
    network: int
    seed: int


def complexity_cells(config: Complexity) -> list[ComplexityNetwork]:
    """Return one cell for each network.

    Examples
    --------
    >>> len(complexity_cells(Complexity(SMOKE, networks=3)))
    3
    """
    rest = (config.setting, config.conditions, config.paths, config.planes)
    return [ComplexityNetwork(*rest, network, config.seed) for network in range(config.networks)]


def run_complexity(cell: ComplexityNetwork, device: torch.device) -> pd.DataFrame:
    """Return a row for each condition, and for the target before training.

    ``variation`` is `ibcore.redshift.path_variation` of the logits between test images: 1 for a
    linear function.  ``frequency`` is the mean `ibcore.redshift.fourier_complexity` of the logits
    on squares spanned by three test images.

    Examples
    --------
    >>> config = Complexity(SMOKE, CONDITIONS[:1], paths=5, planes=1, networks=1)
    >>> run_complexity(complexity_cells(config)[0], torch.device("cpu")).condition.tolist()
    ['before training', 'unguided']
    """
    trial = GuidedTrial(cell.setting, cell.network, seed=cell.seed, device=device)
    models: dict[str, nn.Module] = {"before training": redraw(trial.target, trial.seed).to(device)}
    models |= {c.name: trial.choose(c)[0].model for c in cell.conditions}
    rows = [
        {"condition": name, **accuracies(model.eval(), trial), **measured(cell, trial, model)}
        for name, model in models.items()
    ]
    return pd.DataFrame(rows).assign(network=cell.network, seed=cell.seed)


@torch.no_grad()
def measured(cell: ComplexityNetwork, trial: GuidedTrial, model: nn.Module) -> dict[str, float]:
    """Return the complexity of one target, on the same images whatever trained it.

    Examples
    --------
    >>> trial = GuidedTrial(SMOKE, 0, seed=0, device=torch.device("cpu"))
    >>> cell = complexity_cells(Complexity(SMOKE, paths=5, planes=1))[0]
    >>> list(measured(cell, trial, redraw(trial.target, 0)))
    ['variation', 'frequency']
    """
    rng, images = generator(member_seed(trial.seed, _PATHS)), trial.sets.test_x.flatten(1)

    def draw(count: int) -> Tensor:
        return images[torch.randint(len(images), (count,), generator=rng).to(images.device)]

    ends = draw(cell.paths), draw(cell.paths)
    variation = path_variation(Population.from_modules([model]), *ends)
    planes = [_on_plane(model, *draw(3)) for _ in range(cell.planes)]
    frequency = fourier_complexity(torch.cat(planes)).mean()
    return {"variation": variation.item(), "frequency": frequency.item()}


def _on_plane(model: nn.Module, origin: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Return the logits on the square that three images span, (classes, grid, grid), float64."""
    share = torch.linspace(0, 1, _GRID, dtype=origin.dtype, device=origin.device)
    down, across = torch.meshgrid(share, share, indexing="ij")
    x = origin + down[..., None] * (first - origin) + across[..., None] * (second - origin)
    logits: Tensor = model(x.flatten(0, 1))  # (grid * grid, in) to (grid * grid, classes)
    return logits.double().T.reshape(-1, _GRID, _GRID)


COMPLEXITY: Experiment[Complexity, ComplexityNetwork] = Experiment(
    name="guidance.complexity",
    question="Is the function of a guided target simpler than that of the unguided one?",
    tiers={
        "smoke": Complexity(SMOKE, CONDITIONS[:3], paths=50, planes=4, networks=2),
        "laptop": Complexity(LAPTOP),
        "paper": Complexity(PAPER, paths=1000, planes=50),
    },
    cells=complexity_cells,
    run_cell=run_complexity,
)


# Early disconnect: how much of a guide's gain stays, and how long the likeness to it lasts.

UNGUIDED = 0  # the step of a disconnect before the first one


@dataclass(frozen=True)
class Disconnects:
    """The guide, an untrained CNN, goes after different numbers of steps.

    ``until`` holds those numbers: 0 for never having a guide, all steps for keeping it.
    """

    setting: Setting
    until: tuple[int, ...]
    looks: tuple[int, ...]
    networks: int = 5
    seed: int = 0


@dataclass(frozen=True)
class DisconnectNetwork:
    """One network, with all steps of disconnect."""

    setting: Setting
    until: tuple[int, ...]
    looks: tuple[int, ...]
    network: int
    seed: int


def disconnect_cells(config: Disconnects) -> list[DisconnectNetwork]:
    """Return one cell for each network.

    Examples
    --------
    >>> len(disconnect_cells(Disconnects(SMOKE, (0, 10), (10,), networks=3)))
    3
    """
    rest = (config.setting, config.until, config.looks)
    return [DisconnectNetwork(*rest, network, config.seed) for network in range(config.networks)]


def run_disconnect(cell: DisconnectNetwork, device: torch.device) -> pd.DataFrame:
    r"""Return a row for each step of disconnect and each look.

    ``similarity`` is that to the untrained CNN on test images.  With :math:`s_u(t)` of the target
    that is disconnected at u, ``kept_similarity`` is
    :math:`(s_u(t)-s_0(t))/(s_u(u)-s_0(u))` from u on: 1 at the disconnect, 0 where the guide is
    forgotten.  ``forgetting_time`` is the number of steps from u to the first look at which it is
    below a half; nan where that is not seen.

    Examples
    --------
    >>> setting = replace(SMOKE, steps=2)
    >>> cell = disconnect_cells(Disconnects(setting, (0, 1), (0, 1, 2), networks=1))[0]
    >>> run_disconnect(cell, torch.device("cpu")).step.tolist()
    [0, 1, 2, 0, 1, 2]
    """
    trial = GuidedTrial(cell.setting, cell.network, seed=cell.seed, device=device)
    rows = [row for until in cell.until for row in _disconnect_watched(cell, trial, until)]
    frame = _kept(pd.DataFrame(rows))
    return frame.assign(network=cell.network, seed=cell.seed)


def disconnected(until: int, steps: int) -> Condition:
    """Return the condition of a disconnect: never guided, guided for a while, or always.

    Examples
    --------
    >>> disconnected(0, 9).guide, disconnected(3, 9).schedule, disconnected(9, 9).schedule
    (None, 'disconnect', 'constant')
    """
    if until == UNGUIDED:
        return Condition("unguided")
    if until >= steps:
        return Condition("guided throughout", "untrained CNN")
    return Condition("early disconnect", "untrained CNN", schedule="disconnect", until=until)


def _disconnect_watched(
    cell: DisconnectNetwork, trial: GuidedTrial, until: int
) -> list[dict[str, Any]]:
    """Train one target and return a row for each look."""
    condition, rows = disconnected(until, cell.setting.steps), []

    def look(step: int, model: nn.Module) -> None:
        rows.append(
            {
                "condition": condition.name,
                "until": until,
                "step": step,
                "final": step == cell.setting.steps,
                **accuracies(model, trial),
                "similarity": cnn_similarity(model, trial),
            }
        )

    trial.train(condition, looks=cell.looks, on_look=look)
    return rows


def _kept(frame: pd.DataFrame) -> pd.DataFrame:
    """Add what is left of the likeness to the guide after each disconnect."""
    plain = frame[frame.until == UNGUIDED].set_index("step").similarity
    excess = frame.similarity - frame.step.map(plain)
    at = frame[frame.step == frame.until].index
    start = pd.Series(excess.loc[at].to_numpy(), index=frame.until.loc[at])
    after = (frame.until > UNGUIDED) & (frame.step >= frame.until)
    frame["kept_similarity"] = (excess / frame.until.map(start)).where(after)
    lost = frame[frame.kept_similarity < 0.5].groupby("until").step.min()
    frame["forgetting_time"] = frame.until.map(lost) - frame.until
    return frame


def _looks(until: tuple[int, ...], steps: int, every: int) -> tuple[int, ...]:
    return tuple(sorted({*until, *range(0, steps + 1, every), steps}))


def _disconnects(
    setting: Setting, until: tuple[int, ...], every: int, networks: int = 5
) -> Disconnects:
    steps = setting.steps
    return Disconnects(setting, (*until, steps), _looks(until, steps, every), networks)


DISCONNECT: Experiment[Disconnects, DisconnectNetwork] = Experiment(
    name="guidance.disconnect",
    question="How much of a guide's gain survives an early disconnect, as a function of its step?",
    tiers={
        "smoke": _disconnects(SMOKE, (0, 40), 50, networks=2),
        "laptop": _disconnects(replace(HALF, steps=400), (0, 10, 40, 120), 40),
        "paper": _disconnects(PAPER, (0, 20, 100, 500, 2000), 500),
    },
    cells=disconnect_cells,
    run_cell=run_disconnect,
)


# Error consistency: whether a guided target errs where its guide errs, at equal accuracy.

_PENALTY = 1e-3  # of the readout, times the mean squared length of features

ERRORS_CONDITIONS = (
    Condition("unguided"),
    *guided_by("untrained CNN", "trained CNN", "permuted CNN"),
    Condition("distillation", distill=True),
)


@dataclass(frozen=True)
class Errors:
    """Targets are compared at the end and where their accuracies are nearest to each other."""

    setting: Setting
    conditions: tuple[Condition, ...] = ERRORS_CONDITIONS
    every: int = 10  # steps between looks
    networks: int = 5
    seed: int = 0


@dataclass(frozen=True)
class ErrorsNetwork:
    """One network under all conditions."""

    setting: Setting
    conditions: tuple[Condition, ...]
    every: int
    network: int
    seed: int


def errors_cells(config: Errors) -> list[ErrorsNetwork]:
    """Return one cell for each network.

    Examples
    --------
    >>> len(errors_cells(Errors(SMOKE, networks=3)))
    3
    """
    rest = (config.setting, config.conditions, config.every)
    return [ErrorsNetwork(*rest, network, config.seed) for network in range(config.networks)]


def run_errors(cell: ErrorsNetwork, device: torch.device) -> pd.DataFrame:
    """Return a row for each condition, moment and classifier that errors are compared with.

    ``moment`` is ``final``, or ``matched``: of each target the look whose accuracy is nearest to
    the highest accuracy that all conditions reach.  ``reference`` is the trained CNN, or a linear
    readout of the untrained CNN; ``consistency`` is Cohen's kappa of errors on test images.

    Examples
    --------
    >>> cell = errors_cells(Errors(SMOKE, ERRORS_CONDITIONS[:1], every=60, networks=1))[0]
    >>> run_errors(cell, torch.device("cpu")).moment.unique().tolist()
    ['final', 'matched']
    """
    trial = GuidedTrial(cell.setting, cell.network, seed=cell.seed, device=device)
    patterns = {c.name: _patterns(cell, trial, c) for c in cell.conditions}
    level = min(max(share(p) for p in seen.values()) for seen in patterns.values())
    references = {"trained CNN": _trained(trial), "untrained CNN": readout(trial)}
    rows: list[dict[str, Any]] = []
    for name, seen in patterns.items():
        matched = min(seen, key=lambda step: abs(share(seen[step]) - level))
        for moment, step in (("final", max(seen)), ("matched", matched)):
            rows += [
                {
                    "condition": name,
                    "moment": moment,
                    "step": step,
                    "reference": reference,
                    "test_accuracy": share(seen[step]),
                    "reference_accuracy": share(other),
                    "consistency": _kappa(seen[step], other),
                }
                for reference, other in references.items()
            ]
    return pd.DataFrame(rows).assign(network=cell.network, seed=cell.seed)


def _patterns(cell: ErrorsNetwork, trial: GuidedTrial, condition: Condition) -> dict[int, Tensor]:
    """Train one target and return which test images it classifies correctly at each look."""
    seen: dict[int, Tensor] = {}

    def look(step: int, model: nn.Module) -> None:
        seen[step] = correct(outputs(model, trial.sets.test_x), trial.sets.test_y)

    steps = cell.setting.steps
    trial.train(condition, looks=sorted({*range(0, steps, cell.every), steps}), on_look=look)
    return seen


def _trained(trial: GuidedTrial) -> Tensor:
    x, reference = trial.sets.test_x, trial.reference(trial.trained)
    return correct(outputs(trial.trained, x, reference=reference), trial.sets.test_y)


def readout(trial: GuidedTrial) -> Tensor:
    """Return where a linear readout of the untrained CNN's last layer is right on test images.

    Ridge regression of one-hot labels, fitted to the labeled images.

    Examples
    --------
    >>> found = readout(GuidedTrial(SMOKE, 0, seed=0, device=torch.device("cpu")))
    >>> 0.2 < share(found) < 0.9
    True
    """
    known, held = (_last_layer(trial, x) for x in (trial.sets.x, trial.sets.test_x))
    middle = known.mean(0)
    a, b = known - middle, functional.one_hot(trial.sets.y, CLASSES).double()
    strength = _PENALTY * a.square().sum() / len(a)
    own = a.mT @ a + strength * torch.eye(a.shape[1], dtype=a.dtype, device=a.device)
    slopes = torch.linalg.solve(own, a.mT @ (b - b.mean(0)))
    return correct((held - middle) @ slopes + b.mean(0), trial.sets.test_y)


def _last_layer(trial: GuidedTrial, x: Tensor) -> Tensor:
    """Return what the head of the untrained CNN sees, (n, p), float64."""
    guide, views = trial.guide("untrained CNN"), []
    for rows in torch.split(torch.arange(len(x), device=x.device), 1000):
        batch = Batch(x[rows], trial.sets.y[:0], rows)
        views.append(list(guide(batch).values())[-1].flatten(1).double())
    return torch.cat(views)


def _kappa(first: Tensor, second: Tensor) -> float:
    return error_consistency(first.cpu().numpy(), second.cpu().numpy(), draws=1).value


ERRORS: Experiment[Errors, ErrorsNetwork] = Experiment(
    name="guidance.errors",
    question="Does a guided target err where its guide errs, beyond what its accuracy implies?",
    tiers={
        "smoke": Errors(SMOKE, ERRORS_CONDITIONS[:3], every=30, networks=2),
        "laptop": Errors(LAPTOP),
        "paper": Errors(PAPER, every=200),
    },
    cells=errors_cells,
    run_cell=run_errors,
)
