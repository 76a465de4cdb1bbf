"""Squares of numbers, with a marker file for each computation and a pause or failure on demand."""

import os
import signal
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from ibcore.runs import Experiment


@dataclass(frozen=True)
class Size:
    size: int
    networks: int


def sizes(chosen: tuple[int, ...], networks: int = 3) -> list[Size]:
    return [Size(size, networks) for size in chosen]


def adopt(environment: dict[str, str]) -> None:
    """Let this worker, whoever started it, have the environment of a test."""
    os.environ.clear()
    os.environ.update(environment)


def kill(size: int, victim: str, witness: str, times: str, *, marks: Path) -> None:
    """Kill this process in the victim's first turns, once the witness has left a mark."""
    if str(size) == witness:
        time.sleep(600)
    if str(size) != victim or len(list(marks.glob(f"{victim}.*"))) > int(times):
        return
    while not list(marks.glob(f"{witness}.*")):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)


def square(cell: Size, device: torch.device) -> pd.DataFrame:
    """One row per network, a mark in TOY_MARKS; TOY_FAIL fails, TOY_HANG hangs, TOY_PAUSE sleeps.

    TOY_KILL=3:4:1 kills the worker of cell 3 the first time, once cell 4 is in flight.
    """
    marks = Path(os.environ["TOY_MARKS"]) if "TOY_MARKS" in os.environ else None
    if marks:
        (marks / f"{cell.size}.{uuid.uuid4().hex}").touch()
    time.sleep(float(os.environ.get("TOY_PAUSE", "0")))
    if str(cell.size) in os.environ.get("TOY_HANG", "").split():
        time.sleep(600)
    if marks and "TOY_KILL" in os.environ:
        kill(cell.size, *os.environ["TOY_KILL"].split(":"), marks=marks)
    if str(cell.size) in os.environ.get("TOY_FAIL", "").split():
        raise ArithmeticError(f"{cell.size} is too large")
    network = torch.arange(cell.networks, device=device)
    return pd.DataFrame(
        {
            "size": cell.size,
            "network": network.tolist(),
            "seed": 7,
            "kind": "even" if cell.size % 2 == 0 else "odd",
            "square": (cell.size**2 + network).double().tolist(),
        }
    )


SQUARES = Experiment(
    name="toy.squares",
    question="How large is a square?",
    tiers={"smoke": sizes((1, 2, 3)), "laptop": sizes((1, 2, 3, 4, 5, 6), networks=10)},
    run_cell=square,
)

EXPERIMENTS = (SQUARES,)
