"""How complex the function of a guided target is, beside that of the unguided one."""

from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, nn

from ibcore.guidance.experiments.conditions import Condition, guided_by
from ibcore.guidance.experiments.room import Room
from ibcore.guidance.experiments.scores import accuracies
from ibcore.guidance.experiments.setting import Setting
from ibcore.guidance.experiments.wide import LAPTOP, PAPER, SMOKE
from ibcore.guidance.redraw import redraw
from ibcore.population import Population, member_seed
from ibcore.redshift import fourier_complexity, path_variation
from ibcore.runs import Experiment
from ibcore.runtime import generator

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
    room = Room(cell.setting, cell.network, seed=cell.seed, device=device)
    models: dict[str, nn.Module] = {"before training": redraw(room.target, room.seed).to(device)}
    models |= {c.name: room.choose(c)[0].model for c in cell.conditions}
    rows = [
        {"condition": name, **accuracies(model.eval(), room), **measured(cell, room, model)}
        for name, model in models.items()
    ]
    return pd.DataFrame(rows).assign(network=cell.network, seed=cell.seed)


@torch.no_grad()
def measured(cell: ComplexityNetwork, room: Room, model: nn.Module) -> dict[str, float]:
    """Return the complexity of one target, on the same images whatever trained it.

    Examples
    --------
    >>> room = Room(SMOKE, 0, seed=0, device=torch.device("cpu"))
    >>> cell = complexity_cells(Complexity(SMOKE, paths=5, planes=1))[0]
    >>> list(measured(cell, room, redraw(room.target, 0)))
    ['variation', 'frequency']
    """
    rng, images = generator(member_seed(room.seed, _PATHS)), room.sets.test_x.flatten(1)

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

EXPERIMENTS = (COMPLEXITY,)
