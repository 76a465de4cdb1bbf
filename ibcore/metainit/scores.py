"""How well each task was solved: accuracy, squared error, and the share of variance explained."""

import torch
from torch import Tensor


def accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the share of points with the right class, for each task, in float64.

    Parameters
    ----------
    outputs
        ``(..., tasks, n, classes)``; with one output, logits of class 1 (0 counts as class 0).
    targets
        Classes, ``(tasks, n)``.

    Returns
    -------
    Tensor
        Shape ``(..., tasks)``.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> accuracy(torch.tensor([[[2.0], [-1.0]]]), torch.tensor([[1, 1]])).tolist()
    [0.5]
    """
    if outputs.ndim < 3 or outputs.shape[-3:-1] != targets.shape:
        raise ValueError(
            f"need outputs (..., tasks, n, classes) and targets (tasks, n), got "
            f"{tuple(outputs.shape)} and {tuple(targets.shape)}"
        )
    if outputs.shape[-1] == 1:
        right = (outputs[..., 0] > 0) == (targets > 0.5)
    else:
        right = outputs.argmax(-1) == targets
    return right.double().mean(-1)


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared error of each task in float64, in the targets' unit squared.

    Outputs ``(..., tasks, n, out)`` and targets ``(tasks, n, out)`` give ``(..., tasks)``.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> squared_error(torch.zeros(1, 2, 1), torch.tensor([[[1.0], [3.0]]])).tolist()
    [5.0]
    """
    if outputs.ndim < 3 or outputs.shape[-3:] != targets.shape:
        raise ValueError(
            f"need outputs (..., tasks, n, out) and targets (tasks, n, out), got "
            f"{tuple(outputs.shape)} and {tuple(targets.shape)}"
        )
    return (outputs.double() - targets.double()).square().flatten(-2).mean(-1)


def variance_explained(outputs: Tensor, targets: Tensor) -> Tensor:
    r"""Return :math:`1 - \text{MSE}/\text{Var}`: 1 is perfect, 0 the best constant, below is worse.

    Shapes are those of `squared_error`; a task whose targets are constant has nan.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> targets = torch.tensor([[[1.0], [3.0]]])
    >>> variance_explained(torch.full((1, 2, 1), 2.0), targets).tolist()
    [0.0]
    """
    error = squared_error(outputs, targets)
    variance = targets.double().flatten(-2).var(-1, correction=0)  # (tasks,)
    return torch.where(variance > 0, 1 - error / variance, torch.nan)
