"""Train a network to do its task and to see the data as a guide does."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ibcore.guidance._checks import all_points, batch_sizes, check_steps, one_method
from ibcore.guidance._isolated import isolated
from ibcore.guidance._steps import Guidance, Job, Look, Progress, Record, run_steps
from ibcore.guidance.alignment import Alignment
from ibcore.guidance.guides import Batch, Guide, NetworkGuide
from ibcore.guidance.layers import layer_names
from ibcore.guidance.mapping import LayerMapping, Pairs, layer_pairs
from ibcore.guidance.redraw import redraw
from ibcore.guidance.reference import Reference
from ibcore.guidance.schedule import Schedule
from ibcore.guidance.task import TaskLoss, task_loss
from ibcore.runtime import generator, resolve_device
from ibcore.training import Loss, Optimizer

_PROBED = 8  # points that show which layers there are


@dataclass(frozen=True, eq=False)
class Guided:
    """A trained target and its history.

    Attributes
    ----------
    model
        The trained copy of the target, in evaluation mode.
    log
        One row for each step, from 1: ``task_loss`` and ``dissimilarity`` of its batch before the
        update (the latter nan where the guide has no weight), and ``task_weight`` and
        ``guide_weight``.
    layers
        One row for each step and pair: ``step``, ``guide_layer``, ``target_layer`` and
        ``similarity``, where the guide has a weight.
    pairs
        The layers that were compared, the guide's first.
    """

    model: nn.Module
    log: pd.DataFrame
    layers: pd.DataFrame
    pairs: list[tuple[str, str]]


def guide(
    target: nn.Module,
    guide: Guide | nn.Module | None,
    x: Tensor,
    y: Tensor,
    *,
    steps: int,
    schedule: Schedule | None = None,
    alignment: Alignment | None = None,
    mapping: LayerMapping | Pairs = "even",
    layers: Sequence[str] | None = None,
    unlabeled: Tensor | None = None,
    loss: Loss | TaskLoss = "cross_entropy",
    optimizer: Optimizer = "adam",
    learning_rate: float = 1e-3,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    batch_size: int | None = None,
    unlabeled_batch_size: int | None = None,
    init_seed: int | None = None,
    seed: int = 0,
    looks: Sequence[int] = (),
    on_look: Look | None = None,
    on_step: Progress | None = None,
    device: torch.device | str | None = None,
) -> Guided:
    r"""Train a copy of the target for a task and for agreement with a frozen guide.

    .. math:: L_t = \beta_t\,L_\text{task} + \alpha_t \sum_{(g, l)}
              \bigl(1 - s(X_l, Y_g)\bigr)

    over pairs of a guide's layer g and a target's layer l, with weights from the schedule.  The
    network of the same seeds without a guide is its paired control: it begins with the same
    weights and sees the same points in the same order.

    Parameters
    ----------
    target
        The network that learns; it is copied, never changed.
    guide
        A `Guide`, a module (then a `NetworkGuide` in evaluation mode), or None for no guidance.
    x, y
        Data (n, ...), seen by both networks, and labels (n, ...).
    steps
        How many updates.
    schedule
        Weights of task and guide; None for weight 1 at all steps.
    alignment
        The dissimilarity; None for biased linear CKA summed over pairs.
    mapping, layers
        Pairs as from `layer_pairs`, and the target's layers that it may use; None for
        `layer_names`.
    unlabeled
        More inputs (u, ...), without labels: at each step both networks see a batch of x and one
        of these together, and are compared on all of it.  Where the guide has no weight they are
        left out, unless the loss is a function.
    loss
        The task, as in `ibcore.guidance.task.task_loss`.
    optimizer, learning_rate, weight_decay, momentum
        As in `torch.optim`.
    batch_size, unlabeled_batch_size
        Points in a batch; None for all at every step.
    init_seed
        Draws the target's initial weights (`redraw`); None keeps those it has.
    seed
        Of the order of points, and of dropout.
    looks, on_look
        Numbers of steps, from 0, after which ``on_look(step, model)`` is called with the network
        in evaluation mode, without gradient.
    on_step
        Called after each step with its number, from 1, and the loss.
    device
        Where everything is computed; a guide must be there already.

    Returns
    -------
    Guided
        The trained copy, a log of every step, and the similarity of each pair.

    Raises
    ------
    ValueError
        If data, layers or options do not fit each other.
    FloatingPointError
        If a loss becomes infinite or nan; the message names the step and the layers.

    References
    ----------
    Subramaniam, Mayo, Conwell, Poggio, Katz, Cheung and Barbu (2024), "Training the untrainable:
    introducing inductive bias via representational alignment", arXiv 2410.20035.

    Examples
    --------
    >>> x = torch.randn(32, 4, generator=torch.Generator().manual_seed(0))
    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> done = guide(net, redraw(net, 1), x, (x[:, 0] > 0).long(), steps=30, init_seed=0)
    >>> done.pairs, done.log.columns.tolist()
    ([('0', '0')], ['step', 'task_loss', 'dissimilarity', 'task_weight', 'guide_weight'])
    >>> bool(done.log.dissimilarity.iloc[-1] < done.log.dissimilarity.iloc[0])
    True
    """
    if guide is None and schedule is not None:
        raise ValueError("a schedule without a guide has no effect; leave it out")
    place, copied = resolve_device(device), copy.deepcopy(target)
    model = (copied if init_seed is None else redraw(copied, init_seed)).to(place)
    alignment = alignment or Alignment()
    data = all_points(x, y, unlabeled, place)
    sizes = batch_sizes(data, batch_size, unlabeled_batch_size, least=alignment.least)
    job = Job(
        model=model,
        data=data,
        guidance=_guidance(model, guide, data, alignment=alignment, mapping=mapping, layers=layers),
        schedule=schedule or Schedule(),
        task=task_loss(loss),
        task_sees_all=callable(loss),
        method=one_method(optimizer, learning_rate, weight_decay, momentum),
        steps=steps,
        batch_sizes=sizes,
        seed=seed,
        looks=looks,
        on_look=on_look,
        on_step=on_step,
    )
    check_steps(steps, looks, on_look)
    with isolated(generator(seed).initial_seed(), place), torch.enable_grad():
        record = run_steps(job)
    return _guided(job, record)


def _guidance(
    model: nn.Module,
    guide: Guide | nn.Module | None,
    data: Batch,
    *,
    alignment: Alignment,
    mapping: LayerMapping | Pairs,
    layers: Sequence[str] | None,
) -> Guidance | None:
    """Return what the target is compared with, or None without a guide."""
    if guide is None:
        return None
    known = NetworkGuide(guide) if isinstance(guide, nn.Module) else guide
    probe = Batch(data.x[:_PROBED], data.y[:_PROBED], data.rows[:_PROBED])
    names = list(layers) if layers is not None else layer_names(model, probe.x)
    pairs = layer_pairs(list(known(probe)), names, mapping)
    reference = Reference(known, [name for name, _ in pairs], data, alignment)
    return Guidance(reference, pairs, alignment)


def _guided(job: Job, record: Record) -> Guided:
    """Put what was recorded into tables."""
    pairs = list(job.guidance.pairs) if job.guidance else []
    steps = np.arange(1, job.steps + 1)
    gaps = torch.stack([gap.double() for gap in record.gaps]).cpu().numpy()  # (steps, pairs)
    active = np.array([bool(pairs) and weights.guide > 0 for weights in record.weights])
    total = gaps.sum(1)
    if job.guidance and job.guidance.alignment.reduction == "mean":
        total = gaps.mean(1)
    log = pd.DataFrame(
        {
            "step": steps,
            "task_loss": torch.stack(record.losses).double().cpu().numpy(),
            "dissimilarity": np.where(active, total, np.nan),
            "task_weight": [weights.task for weights in record.weights],
            "guide_weight": [weights.guide if pairs else 0.0 for weights in record.weights],
        }
    )
    rows, places = np.nonzero(active[:, None] & np.ones(len(pairs), dtype=bool))
    layers = pd.DataFrame(
        {
            "step": steps[rows],
            "guide_layer": [pairs[place][0] for place in places],
            "target_layer": [pairs[place][1] for place in places],
            "similarity": 1 - gaps[rows, places],
        }
    )
    return Guided(job.model.eval(), log, layers, pairs)
