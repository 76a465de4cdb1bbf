"""One mode of a deep linear net: how long a small start delays learning."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


def saxe_mode(time: ArrayLike, *, strength: float, start: float) -> NDArray[np.float64]:
    r"""Return the size of a mode of a two-layer linear net under gradient flow from balance.

    .. math:: a(t) = \frac{s\,e^{2st}}{e^{2st} - 1 + s/a_0}, \qquad \dot a = 2a(s-a).

    Parameters
    ----------
    time
        Flow time t, any shape; the time constant of the loss is 1.
    strength
        :math:`s > 0`, the singular value that the mode learns.
    start
        :math:`a_0 > 0`, the product of the two weights at the start.

    Returns
    -------
    ndarray
        Shape of ``time``.

    Raises
    ------
    ValueError
        If strength or start is not positive.

    References
    ----------
    Saxe, McClelland and Ganguli (2014).

    Examples
    --------
    >>> saxe_mode([0.0, 2.0, 8.0], strength=2.0, start=1e-4).round(3).tolist()
    [0.0, 0.259, 2.0]
    """
    _check(strength, start)
    decay = np.exp(-2 * strength * np.asarray(time, dtype=np.float64))
    return np.asarray(strength / (1 + decay * (strength / start - 1)), dtype=np.float64)


def saxe_time(share: float, *, strength: float, start: float) -> float:
    r"""Return when a mode has reached a share of its strength.

    .. math:: t = \frac{1}{2s}\ln\frac{\varphi\,(s - a_0)}{a_0\,(1-\varphi)}

    for a share :math:`\varphi`: the time grows with :math:`\ln(s/a_0)`, so the scale of the start
    is remembered as a delay.

    Raises
    ------
    ValueError
        If strength or start is not positive, the start is not below the strength, or the share
        lies not between that of the start and 1.

    Examples
    --------
    >>> t = saxe_time(0.5, strength=2.0, start=1e-4)
    >>> round(float(saxe_mode(t, strength=2.0, start=1e-4)), 9)
    1.0
    """
    _check(strength, start)
    if start >= strength or not start / strength <= share < 1:
        raise ValueError(
            f"share must be from start / strength = {start / strength:g} to below 1 with the start "
            f"below the strength, got {share}"
        )
    return math.log(share * (strength - start) / (start * (1 - share))) / (2 * strength)


def _check(strength: float, start: float) -> None:
    for name, value in (("strength", strength), ("start", start)):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be finite and > 0, got {value}")
