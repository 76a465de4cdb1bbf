"""The potential that gradient flow of the diagonal net minimizes, and its least point."""

import torch
from torch import Tensor

from ibcore.memory.analytic._checks import Number, broadcast, check_data, check_scale


def woodworth_potential(beta: Tensor, scale: Number) -> Tensor:
    r"""Return :math:`Q_\alpha(\beta) = \sum_i \alpha_i^2\, q(\beta_i/\alpha_i^2)`.

    Here :math:`q(z) = 2 - \sqrt{4+z^2} + z\,\mathrm{arcsinh}(z/2)`.  As :math:`\alpha\to\infty`
    it becomes a multiple of the squared l2 norm, as :math:`\alpha\to0` of the l1 norm.

    Parameters
    ----------
    beta
        Shape (..., d), float64.
    scale
        :math:`\alpha > 0`: a number, or a tensor that broadcasts against (..., d).

    Returns
    -------
    Tensor
        Shape (...).

    Raises
    ------
    ValueError
        If a scale is not finite and positive.

    References
    ----------
    Woodworth et al. (2020), Theorem 1.

    Examples
    --------
    >>> beta = torch.tensor([3.0, 4.0], dtype=torch.float64)
    >>> large = 4 * 100**2 * woodworth_potential(beta, 100.0)  # -> squared l2 norm
    >>> round(float(large), 3)
    25.0
    """
    squares = check_scale(scale, beta.device) ** 2
    z = beta / squares
    # 2 - sqrt(4 + z^2), without the cancellation at small z
    return (squares * (z * torch.asinh(z / 2) - z**2 / (2 + torch.sqrt(4 + z**2)))).sum(-1)


def woodworth_solution(
    x: Tensor, y: Tensor, scale: Number, *, tolerance: float = 1e-9, most_steps: int = 500
) -> Tensor:
    r"""Return the interpolator of least :math:`Q_\alpha`: where gradient flow ends.

    The minimum subject to :math:`X\beta = y` has :math:`\beta = 2\alpha^2\sinh(X^\top\nu)`; the
    multipliers :math:`\nu` (n numbers) are found by Newton's method on the dual,
    :math:`\min_\nu \sum_i 2\alpha_i^2\cosh((X^\top\nu)_i) - \nu\cdot y`.  A step that would move
    :math:`X^\top\nu` by at most :math:`\rho` is shortened by :math:`\ln(1+\rho)/\rho`, which makes
    the dual fall at every step.

    Parameters
    ----------
    x, y
        Data, (..., n, d) and (..., n), float64; x of full row rank, so n is at most d.
    scale
        :math:`\alpha > 0`: a number, or a tensor that broadcasts against (..., d), for instance
        of shape (scales, 1) with one data set.
    tolerance
        Of the residual, relative to the largest label.
    most_steps
        Of Newton's method.

    Returns
    -------
    Tensor
        Shape (..., d).

    Raises
    ------
    ValueError
        If a scale is not positive or shapes do not fit.
    ArithmeticError
        If the method does not converge: no interpolator exists, or the scale is too small.

    References
    ----------
    Woodworth et al. (2020).  Shortened steps: Sun and Tran-Dinh (2018), generalized
    self-concordance.

    Examples
    --------
    >>> x = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    >>> y = torch.tensor([1.0], dtype=torch.float64)
    >>> scale = torch.tensor([[1e-6], [1e3]], dtype=torch.float64)
    >>> woodworth_solution(x, y, scale).round(decimals=3).abs().tolist()  # least l1, least l2
    [[0.0, 0.5], [0.2, 0.4]]
    """
    check_data(x, y, x.shape[-1])
    amplitude = 2 * check_scale(scale, x.device) ** 2
    amplitude = amplitude if amplitude.ndim else amplitude[None]
    lead = broadcast(amplitude.shape[:-1], x.shape[:-2], y.shape[:-1])
    nu = x.new_zeros(*lead, x.shape[-2])
    allowed = tolerance * y.abs().amax(-1).clamp(min=torch.finfo(y.dtype).tiny)
    for _ in range(most_steps):
        z = (nu[..., None, :] @ x)[..., 0, :]  # (..., d)
        beta = amplitude * torch.sinh(z)
        residual = y - (x @ beta[..., None])[..., 0]
        if bool((residual.abs().amax(-1) <= allowed).all()):
            return beta
        nu = nu + _newton_step(x, amplitude * torch.cosh(z), residual)
    worst = float((residual.abs().amax(-1) / allowed).max() * tolerance)
    raise ArithmeticError(
        f"no interpolator found in {most_steps} steps: relative residual {worst:.1e}; x must have "
        "full row rank, and a smaller scale needs a larger tolerance"
    )


def _newton_step(x: Tensor, curvature: Tensor, residual: Tensor) -> Tensor:
    """Return the shortened step of the multipliers, (..., n)."""
    hessian = (x * curvature[..., None, :]) @ x.mT
    step: Tensor = torch.linalg.solve_ex(hessian, residual)[0]
    reach = (step[..., None, :] @ x)[..., 0, :].abs().amax(-1, keepdim=True)
    return step * torch.where(reach > 0, torch.log1p(reach) / reach, 1.0)
