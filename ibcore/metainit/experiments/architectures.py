"""Four architectures, what each of them reads, and how large it is."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from ibcore.door import as_choice
from ibcore.metainit.baselines import accuracy, optimizer_curve, random_starts, rates_curve
from ibcore.metainit.learner import MetaLearner
from ibcore.metainit.maml import InnerRates, TaskLoss
from ibcore.nets import LSTM, MLP, ConvNet, Norm, match_size
from ibcore.nets.recurrent import LayerNorm
from ibcore.nets.transformer import Block
from ibcore.population import member_seed
from ibcore.runs.experiment import Cell, design
from ibcore.tasks import Episodes, patches
from ibcore.training import Loss

Architecture = Literal["MLP", "ConvNet", "LSTM", "Transformer"]

_HEADS = 4  # of attention
_LARGEST = 512  # width that is tried for a number of parameters


@dataclass(frozen=True)
class Net:
    """An architecture and its size.

    With ``parameters`` the width is the one that comes nearest to so many, whatever ``width``.
    For a ``ConvNet`` the depth is that of the blocks, and the width their channels.  Norms are
    those of `ibcore.nets`; an ``LSTM`` has layer norm or none, a ``ConvNet`` batch norm or none,
    and a ``Transformer`` has layer norms whatever is asked for.
    """

    architecture: Architecture = "MLP"
    depth: int = 2
    width: int = 32
    norm: Norm | None = None
    parameters: int | None = None


def present(net: Net, x: Tensor, *, patch: int = 4) -> Tensor:
    """Return objects as an architecture reads them.

    An MLP reads each as one vector, a ConvNet as an image, the other two as a sequence: of
    patches, or of single numbers.

    Parameters
    ----------
    net
        The architecture.
    x
        Vectors ``(..., features)`` or images ``(..., channels, size, size)`` with one dimension
        ahead.
    patch
        Pixels along each side of a patch.

    Returns
    -------
    Tensor
        ``(n, features)``, ``(n, channels, size, size)`` or ``(n, t, features)``.

    Raises
    ------
    ValueError
        If the architecture is unknown, or a ConvNet is to read vectors.

    Examples
    --------
    >>> bits, images = torch.zeros(16, 4), torch.zeros(16, 3, 16, 16)
    >>> present(Net("LSTM"), bits).shape, present(Net("Transformer"), images).shape
    (torch.Size([16, 4, 1]), torch.Size([16, 16, 48]))
    """
    as_choice(net.architecture, "architecture", get_args(Architecture))
    if net.architecture == "MLP":
        return x.flatten(1)
    if net.architecture == "ConvNet":
        if x.ndim != 4:
            raise ValueError(f"a ConvNet reads images (n, channels, h, w), got {tuple(x.shape)}")
        return x
    return patches(x, size=patch) if x.ndim == 4 else x[..., None]  # (n, t, features)


def present_episodes(net: Net, drawn: Episodes, device: torch.device) -> Episodes:
    """Return tasks with objects as an architecture reads them, on a device."""
    sets = []
    for x, y in (drawn.support, drawn.query):
        flat = present(net, x.flatten(0, 1))  # (tasks * n, ...)
        sets.append((flat.reshape(*x.shape[:2], *flat.shape[1:]).to(device), y.to(device)))
    return Episodes(sets[0], sets[1], drawn.rows, drawn.picked)


def build(net: Net, shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Return the network for objects of a shape as `present` gives them, ``x.shape[1:]``.

    Raises
    ------
    ValueError
        If the network refuses a size or a norm.

    Examples
    --------
    >>> build(Net("Transformer", depth=1, width=8), (4, 1), 1)(torch.zeros(5, 4, 1)).shape
    torch.Size([5, 1])
    """
    if net.parameters is not None:
        free = replace(net, parameters=None)
        return match_size(
            lambda part: build(replace(free, width=_HEADS * part), shape, outputs),
            net.parameters,
            largest=_LARGEST // _HEADS,
        )
    norms = {"ConvNet": ("batch", None), "LSTM": ("layer", None)}.get(net.architecture)
    if norms is not None and net.norm not in norms:
        kinds = f"{norms[0]} norm or none; set norm to {norms[0]!r} or None"
        raise ValueError(f"a network of kind {net.architecture} has {kinds}")
    size: dict[str, Any] = {"depth": net.depth, "width": net.width}
    norm: dict[str, Any] = {"norm": net.norm}
    if net.architecture == "MLP":
        return MLP(shape[0], outputs, affine=net.norm is not None, **size, **norm)
    if net.architecture == "LSTM":
        return LSTM(shape[-1], outputs, **size, **norm)
    if net.architecture == "Transformer":
        return SequenceTransformer(shape[-1], outputs, length=shape[0], **size)
    channels = (net.width,) * net.depth
    image: dict[str, Any] = {"image_size": shape[-1], "head": "flatten"}
    return ConvNet(shape[0], outputs, channels=channels, **image, **norm)


class SequenceTransformer(nn.Module):
    """Blocks of causal attention over vectors, and a linear answer at the last of them.

    Each vector is mapped to the width of the stream, a fixed position code is added, and after
    the blocks the last place is normalized and read out.

    Parameters
    ----------
    in_features, out_features
        Size of one vector, and of the answer.
    length
        Of the sequences.
    depth, width, heads
        Blocks, width of the stream, and attention heads; heads divide the width.

    Raises
    ------
    ValueError
        If the heads do not divide the width.

    References
    ----------
    Vaswani et al. (2017), "Attention is all you need", for the position code.

    Examples
    --------
    >>> SequenceTransformer(1, 2, length=4, width=8)(torch.zeros(5, 4, 1)).shape
    torch.Size([5, 2])
    """

    places: Tensor

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        length: int,
        depth: int = 1,
        width: int = 16,
        heads: int = _HEADS,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"heads must divide the width, got {heads} heads at width {width}")
        self.embed = _linear(in_features, width)
        self.blocks = nn.ModuleList([Block(width, heads, "relu") for _ in range(depth)])
        self.norm, self.head = LayerNorm(width), _linear(width, out_features)
        self.register_buffer("places", position_code(length, width), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Read sequences and answer once: ``(n, t, in_features)`` to ``(n, out_features)``."""
        h = self.embed(x) + self.places.to(x.dtype)  # (n, t, width)
        for block in self.blocks:
            h, _ = block(h)
        return cast(Tensor, self.head(self.norm(h[:, -1])))


def position_code(length: int, width: int) -> Tensor:
    r"""Return sines and cosines of :math:`t/10000^{i/w}` for places t: ``(length, width)``.

    Examples
    --------
    >>> position_code(2, 4)[0].tolist()
    [0.0, 1.0, 0.0, 1.0]
    """
    place = torch.arange(length, dtype=torch.float64)[:, None]
    slow = torch.arange(0, width, 2, dtype=torch.float64) / width
    angle = place * torch.exp(-math.log(10_000) * slow)  # (length, width / 2)
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)[:, :width].float()


def _linear(in_features: int, out_features: int) -> nn.Linear:
    """Return a linear layer without drawing from the global random state."""
    layer: nn.Linear = skip_init(nn.Linear, in_features, out_features)  # type: ignore[no-untyped-call]
    return layer


# What the experiments share: how a start is meta-learned, from which random weights.

Draw = Callable[[int], Episodes]  # from a seed
Steps = tuple[int, ...]

_VALIDATION = 2**31  # seeds of validation tasks are counted from here


@dataclass(frozen=True)
class Meta:
    """Meta-SGD with one inner step, second order.

    Attributes
    ----------
    steps, tasks
        Outer steps at most, and tasks in each.
    rate
        The inner rate with which each weight begins.
    learning_rate
        Of AdamW in the outer loop, with the weight decay 0.01 and the largest norm 1 of the
        gradient.
    validation
        Batches of tasks for early stopping and the choice of the best start, looked at every 250
        steps; 0 for none, which keeps the last start.
    """

    steps: int = 500
    tasks: int = 8
    rate: float = 0.1
    learning_rate: float = 0.01
    validation: int = 0


QUICK = Meta()
PAPER = Meta(steps=50_000, tasks=4, rate=1e-3, learning_rate=1e-3, validation=25)
LARGE = (  # of the paper tier: one size for all, where the paper searched among 16 for each
    Net("MLP", 4, norm="batch", parameters=65_000),
    Net("ConvNet", 3, norm="batch", parameters=65_000),
    Net("LSTM", 2, norm="layer", parameters=65_000),
    Net("Transformer", 3, parameters=65_000),
)


def conditions(view: str, *nets: Net) -> list[Cell]:
    """Let networks read objects in one view."""
    return design({"net": nets, "view": (view,)})


def random_start(
    model: nn.Module, network: int, *, seed: int = 0, device: torch.device
) -> dict[str, Tensor]:
    """Return the random initial weights of one network.

    Examples
    --------
    >>> random_start(nn.Linear(2, 1), 3, device=torch.device("cpu"))["weight"].shape
    torch.Size([1, 2])
    """
    drawn = random_starts(model, 1, seed=seed, first=network, device=device)
    return {name: value[0] for name, value in drawn.items()}


def meta_learn(
    model: nn.Module,
    start: dict[str, Tensor],
    draw: Draw,
    meta: Meta,
    *,
    loss: Loss | TaskLoss,
    seed: int,
    inner_steps: int = 1,
    task_chunk: int | None = None,
) -> MetaLearner:
    """Return a learner whose start was meta-learned from the given one.

    Parameters
    ----------
    model, start
        The network and its initial weights, which stay.
    draw
        Gives the tasks of a seed.
    meta
        The options.
    loss, inner_steps, task_chunk
        As in `ibcore.metainit.MetaLearner`.
    seed
        Of the tasks; step s draws with a seed of its own.

    Examples
    --------
    >>> from ibcore.tasks.concepts import table_episodes
    >>> net, x, table = nn.Linear(4, 1), torch.eye(4), torch.tensor([[0.0, 0, 1, 1]])
    >>> start = random_start(net, 0, device=torch.device("cpu"))
    >>> draw = lambda seed: table_episodes(x, table, tasks=2, support=3, seed=seed)
    >>> learner = meta_learn(net, start, draw, Meta(steps=2), loss="binary", seed=0)
    >>> bool((learner.start.params["weight"] == start["weight"]).all())
    False
    """
    options: dict[str, Any] = {"rate": meta.rate, "loss": loss, "task_chunk": task_chunk}
    learner = MetaLearner(model, params=start, inner_steps=inner_steps, **options)
    held = [draw(member_seed(seed, _VALIDATION + i)) for i in range(meta.validation)]
    learner.fit(
        lambda step: draw(member_seed(seed, step)),
        steps=meta.steps,
        learning_rate=meta.learning_rate,
        validation=held,
    )
    return learner


def rates_scores(
    learner: MetaLearner, start: dict[str, Tensor], rates: InnerRates, on: Episodes, steps: Steps
) -> list[float]:
    """Return the mean accuracy after numbers of plain steps with rates, from a start."""
    shared: dict[str, Any] = {"loss": learner.loss, "task_chunk": learner.inner.task_chunk}
    curve = rates_curve(learner.model, start, rates, on.support, on.query[0], steps=steps, **shared)
    return mean_accuracies(curve, on)


def optimizer_scores(
    learner: MetaLearner, start: dict[str, Tensor], on: Episodes, steps: Steps, **options: Any
) -> list[float]:
    """Return the mean accuracy after numbers of an optimizer's steps, AdamW if none is named."""
    options |= {"loss": learner.loss, "task_chunk": learner.inner.task_chunk, "steps": steps}
    curve = optimizer_curve(learner.model, start, on.support, on.query[0], **options)
    return mean_accuracies(curve, on)


def mean_accuracies(curve: Tensor, on: Episodes) -> list[float]:
    """Return the mean accuracy at each budget; where steps diverged, a network says class 0."""
    values: list[float] = accuracy(curve.nan_to_num(nan=0.0), on.query[1]).mean(-1).tolist()
    return values


def start_scores(
    learner: MetaLearner,
    start: dict[str, Tensor],
    on: Episodes,
    steps: Steps,
    budgets: Steps,
    **labels: Any,
) -> list[dict[str, Any]]:
    """Return mean accuracies: of ``meta`` after its steps, of ``random`` after AdamW's."""
    own = learner.start
    found = {
        "meta": zip(steps, rates_scores(learner, own.params, own.rates, on, steps), strict=True),
        "random": zip(budgets, optimizer_scores(learner, start, on, budgets), strict=True),
    }
    return [
        {"method": method, "budget": budget, **labels, "accuracy": value}
        for method, pairs in found.items()
        for budget, value in pairs
    ]
