"""The first term of the guided loss: the task, or the outputs of a teacher."""

import math
from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

from ibcore.guidance.guides import Batch
from ibcore.training import LOSSES, Loss

TaskLoss = Callable[[Tensor, Batch], Tensor]


def task_loss(loss: Loss | TaskLoss) -> TaskLoss:
    """Return the function behind a name, or a function as it is.

    Parameters
    ----------
    loss
        ``"cross_entropy"`` (classes (n,), or (n, t) for outputs at each of t tokens, where -100
        stands for no answer), ``"binary"`` or ``"mse"``, means over the points with labels.  Or a
        function of the outputs for all points of a `Batch` and the batch.

    Raises
    ------
    ValueError
        If the name is unknown.

    Examples
    --------
    >>> import torch
    >>> batch = Batch(torch.zeros(3, 2), torch.tensor([1, 0]), torch.arange(3))
    >>> round(task_loss("cross_entropy")(torch.zeros(3, 2), batch).item(), 4)
    0.6931
    """
    if callable(loss):
        return loss
    if loss not in LOSSES:
        raise ValueError(f"unknown loss {loss!r}; choose one of {', '.join(LOSSES)}, or a function")
    function = _FUNCTIONS[loss]

    def labeled(outputs: Tensor, batch: Batch) -> Tensor:
        return function(outputs[: len(batch.y)], batch.y)

    return labeled


def _cross_entropy(outputs: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(outputs.flatten(0, -2), y.flatten())


def _binary(outputs: Tensor, y: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(outputs.squeeze(-1), y.to(outputs.dtype))


_FUNCTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross_entropy": _cross_entropy,
    "binary": _binary,
    "mse": functional.mse_loss,
}


class Distillation:
    r"""The outputs of a teacher as the task: knowledge distillation, a baseline of guidance.

    .. math:: (1-w)\,\mathrm{CE}(y, p) + w\,T^2\,\mathrm{KL}\bigl(q^{T}\,\Vert\, p^{T}\bigr)

    with the softmax of target and teacher at temperature T, :math:`p^T` and :math:`q^T`.  The
    first term is a mean over the points with labels, the second over all points.

    Parameters
    ----------
    logits
        Of the teacher for all data, (n, classes); points without labels last.
    temperature
        T > 0.
    weight
        w from 0 to 1.

    Raises
    ------
    ValueError
        If a number is out of range.

    References
    ----------
    Hinton, Vinyals and Dean (2015).

    Examples
    --------
    >>> import torch
    >>> logits = torch.eye(3)
    >>> batch = Batch(torch.zeros(3, 2), torch.arange(3), torch.arange(3))
    >>> Distillation(logits, weight=1.0)(logits, batch).item()
    0.0
    """

    def __init__(self, logits: Tensor, *, temperature: float = 2.0, weight: float = 0.5) -> None:
        if not (math.isfinite(temperature) and temperature > 0 and 0 <= weight <= 1):
            raise ValueError(
                f"need temperature > 0 and 0 <= weight <= 1, got {temperature} and {weight}"
            )
        self.logits, self.temperature, self.weight = logits.detach(), temperature, weight

    def __call__(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the loss of a batch."""
        teacher = self.logits.to(outputs.device)[batch.rows] / self.temperature
        divergence = functional.kl_div(
            (outputs / self.temperature).log_softmax(-1),
            teacher.log_softmax(-1),
            reduction="batchmean",
            log_target=True,
        )
        labels = _cross_entropy(outputs[: len(batch.y)], batch.y)
        return (1 - self.weight) * labels + self.weight * self.temperature**2 * divergence
