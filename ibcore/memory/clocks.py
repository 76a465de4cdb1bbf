"""Clocks of forgetting: how much regularization training has accumulated."""

from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def explicit_clock(
    steps: ArrayLike,
    *,
    learning_rate: ArrayLike,
    weight_decay: ArrayLike,
    momentum: ArrayLike = 0.0,
) -> Floats:
    r"""Return the regularization that weight decay has accumulated.

    .. math:: \tau(t) = \sum_{s \le t} \frac{2\,\eta_s \lambda_s}{1 - \mu}

    In these units a squared weight that the data leave alone has shrunk by
    :math:`e^{-\tau}`: in a homogeneous network the differences of squared norms that gradient
    flow conserves decay exactly so.  Momentum :math:`\mu` lengthens each step.  The definition
    is ours.  It holds for `"sgd"`, where decay is added to the gradient, and for `"adamw"`
    (:math:`\mu = 0`), which shrinks by :math:`1-\eta\lambda`; under `"adam"` the decay is
    rescaled with the gradient and has no such clock.

    Parameters
    ----------
    steps
        How many steps with decay, any shape that fits the rates.  Of a schedule, add up the
        clocks of its parts.
    learning_rate, weight_decay, momentum
        :math:`\eta \ge 0`, :math:`\lambda \ge 0`, :math:`0 \le \mu < 1`, one number or many.

    Returns
    -------
    ndarray
        The common shape of all arguments.

    Raises
    ------
    ValueError
        If a number is negative or not finite, or momentum reaches 1.

    References
    ----------
    Das et al. (2026), abstract: explicit or implicit regularization sets the time scales.
    Li, Lyu and Arora (2020) call :math:`\eta\lambda` the intrinsic learning rate.

    Examples
    --------
    >>> explicit_clock([1000, 3000], learning_rate=0.1, weight_decay=1e-2).round(9).tolist()
    [2.0, 6.0]
    """
    t, eta, decay, mu = (
        _number(name, value)
        for name, value in (
            ("steps", steps),
            ("learning_rate", learning_rate),
            ("weight_decay", weight_decay),
            ("momentum", momentum),
        )
    )
    if not (mu < 1).all():
        raise ValueError(f"momentum must be below 1, got {mu.max():g}")
    return cast(Floats, np.asarray(2 * t * eta * decay / (1 - mu)))


def noise_clock(
    steps: ArrayLike,
    *,
    learning_rate: ArrayLike,
    batch_size: ArrayLike,
    squared_gradient: ArrayLike = 1.0,
) -> Floats:
    r"""Return the regularization that finite, noisy steps have accumulated.

    .. math:: \tau_\text{noise}(t) = \frac{\eta^2\,t\;\mathbb{E}\,G^2}{b}

    A step of size :math:`\eta` takes the share :math:`\eta^2 G^2` from the quantities that
    gradient flow conserves (exactly so in a diagonal network), with :math:`G` the gradient of
    the batch; where it is all noise, its square falls as one over the batch.  The definition is
    ours.  With the default ``squared_gradient`` it only compares runs whose gradients are alike,
    and it stops meaning time once the loss, and the gradient with it, is gone.

    Parameters
    ----------
    steps
        How many.
    learning_rate, batch_size
        :math:`\eta` and :math:`b`.
    squared_gradient
        :math:`\mathbb{E}\,G^2` of one point.

    Returns
    -------
    ndarray
        The common shape of all arguments.

    Raises
    ------
    ValueError
        If a number is negative or not finite, or a batch is smaller than one point.

    References
    ----------
    Beneventano, Pinto and Poggio (2024); Smith, Dherin, Barrett and De (2021).

    Examples
    --------
    >>> noise_clock(3000, learning_rate=0.5, batch_size=[32, 64]).tolist()
    [23.4375, 11.71875]
    """
    batch = _number("batch_size", batch_size)
    if not (batch >= 1).all():
        raise ValueError(f"batch_size must be at least 1 point, got {batch.min():g}")
    t, eta = _number("steps", steps), _number("learning_rate", learning_rate)
    square = _number("squared_gradient", squared_gradient)
    return cast(Floats, np.asarray(eta**2 * t * square / batch))


def _number(name: str, value: ArrayLike) -> Floats:
    number = np.asarray(value, dtype=np.float64)
    wrong = number[~(np.isfinite(number) & (number >= 0))]
    if wrong.size:
        raise ValueError(f"{name} must hold finite numbers >= 0, got {wrong.flat[0]:g}")
    return number
