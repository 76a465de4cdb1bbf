"""A pool of processes on this machine: one thread and at most one GPU each."""

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import torch

from ibcore.runs.gpus import VISIBLE


@contextmanager
def open_processes(gpus: Sequence[str | None]) -> Iterator[ProcessPoolExecutor]:
    """Open a pool with one process for each entry of ``gpus``.

    When the body raises, or this process is killed, the workers stop in the middle of their
    cells: nobody would store what they compute.

    Parameters
    ----------
    gpus
        The GPU of each process; None where it has none.
    """
    context = get_context("spawn")  # forking after torch has threads can hang
    waiting = context.SimpleQueue()
    for gpu in gpus:
        waiting.put(gpu)
    reader, writer = context.Pipe(duplex=False)
    with ProcessPoolExecutor(len(gpus), context, _prepare, (waiting, reader)) as pool:
        try:
            yield pool
        except BaseException:
            writer.close()
            raise
    writer.close()
    reader.close()


def _prepare(waiting: Any, lifeline: Connection) -> None:
    """Make this process a worker, before it touches a GPU."""
    gpu = waiting.get()
    if gpu is not None:
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            raise RuntimeError(f"CUDA is in use before the worker was given the GPU {gpu}")
        os.environ[VISIBLE] = gpu
    torch.set_num_threads(1)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: Connection) -> None:
    """End this process when the other end of ``lifeline`` is closed."""
    try:
        lifeline.recv()
    except (EOFError, OSError):
        os._exit(1)
