"""Sign descent on the factor model: it forgets one memory and keeps another."""

from collections.abc import Sequence

from torch import Tensor

from ibcore.memory.analytic._checks import Loss, Number, check_finite_step, check_rates
from ibcore.memory.analytic.batches import minibatches
from ibcore.memory.analytic.factor import FactorNet


def sign_balance(net: FactorNet) -> Tensor:
    r"""Return what sign descent conserves, :math:`|u_i| - |v_i|`: (..., d).

    Examples
    --------
    >>> import torch
    >>> net = FactorNet(*torch.tensor([[3.0], [-1.0]], dtype=torch.float64))
    >>> sign_balance(net).tolist()
    [2.0]
    """
    return net.u.abs() - net.v.abs()


def sign_step(
    net: FactorNet,
    x: Tensor,
    y: Tensor,
    *,
    learning_rate: Number,
    weight_decay: Number = 0.0,
    loss: Loss = "squared",
) -> FactorNet:
    r"""Take one step :math:`w' = (1-\eta\lambda)\,w - \eta\,\mathrm{sign}(\nabla_w L)`.

    The sizes of :math:`u_i` and :math:`v_i` grow or shrink together, so a step multiplies
    :math:`|u_i| - |v_i|` by exactly :math:`1-\eta\lambda` while no weight crosses zero.  What
    gradient flow conserves, :math:`u_i^2 - v_i^2`, changes.  Weight decay is decoupled.

    Examples
    --------
    >>> import torch
    >>> net = FactorNet(*torch.tensor([[3.0], [1.0]], dtype=torch.float64))
    >>> one = torch.ones(1, dtype=torch.float64)
    >>> moved = sign_step(net, one[None], 9 * one, learning_rate=0.5)
    >>> moved.u.tolist(), moved.v.tolist(), sign_balance(moved).tolist()
    ([3.5], [1.5], [2.0])
    """
    check_rates(learning_rate, weight_decay)
    slope = net.gradient(x, y, loss=loss)
    kept = 1 - learning_rate * weight_decay
    u = kept * net.u - learning_rate * (slope * net.v).sign()
    return FactorNet(u, kept * net.v - learning_rate * (slope * net.u).sign())


def sign_descent(
    net: FactorNet,
    x: Tensor,
    y: Tensor,
    *,
    steps: int,
    learning_rate: Number,
    weight_decay: Number = 0.0,
    batch_size: int | None = None,
    loss: Loss = "squared",
    final_rate: float = 1.0,
    seed: int | Sequence[int] = 0,
) -> FactorNet:
    """Take many steps; the learning rate falls geometrically to ``final_rate`` times the first.

    Sign descent does not settle at a fixed rate: it ends in oscillations of that size.

    Raises
    ------
    ValueError
        If a rate is out of range.
    FloatingPointError
        If training diverges.

    Examples
    --------
    >>> import torch
    >>> one = torch.ones(1, dtype=torch.float64)
    >>> end = sign_descent(FactorNet(2 * one, one), one[None], 6 * one, steps=500,
    ...                    learning_rate=0.02, final_rate=1e-4)
    >>> round(float(end.product), 3), round(float(sign_balance(end)), 9)
    (6.0, 1.0)
    """
    check_rates(learning_rate, weight_decay)
    if not 0 < final_rate <= 1:
        raise ValueError(f"final_rate must lie in (0, 1], got {final_rate}")
    fall = final_rate ** (1 / max(steps - 1, 1))
    for k, (bx, by) in enumerate(minibatches(x, y, steps=steps, batch_size=batch_size, seed=seed)):
        rate = learning_rate * fall**k
        net = sign_step(net, bx, by, learning_rate=rate, weight_decay=weight_decay, loss=loss)
        check_finite_step(k + 1, u=net.u, v=net.v)
    return net
