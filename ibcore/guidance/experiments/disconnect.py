"""Early disconnect: how much of a guide's gain stays, and how long the likeness to it lasts."""

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import torch
from torch import nn

from ibcore.guidance.experiments.conditions import Condition
from ibcore.guidance.experiments.room import Room
from ibcore.guidance.experiments.scores import accuracies, cnn_similarity
from ibcore.guidance.experiments.setting import Setting
from ibcore.guidance.experiments.wide import HALF, PAPER, SMOKE
from ibcore.runs import Experiment

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
    room = Room(cell.setting, cell.network, seed=cell.seed, device=device)
    rows = [row for until in cell.until for row in _watched(cell, room, until)]
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


def _watched(cell: DisconnectNetwork, room: Room, until: int) -> list[dict[str, Any]]:
    """Train one target and return a row for each look."""
    condition, rows = disconnected(until, cell.setting.steps), []

    def look(step: int, model: nn.Module) -> None:
        rows.append(
            {
                "condition": condition.name,
                "until": until,
                "step": step,
                "final": step == cell.setting.steps,
                **accuracies(model, room),
                "similarity": cnn_similarity(model, room),
            }
        )

    room.train(condition, looks=cell.looks, on_look=look)
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

EXPERIMENTS = (DISCONNECT,)
