"""How decay slides the scale of a diagonal net in closed form, and when it has forgotten."""

import math

import torch

from ibcore.memory.analytic._checks import check_decay, check_scale


def effective_scale(scale: float, *, time: float, weight_decay: float) -> float:
    r"""Return :math:`\alpha e^{-\lambda t}`, the scale that flow with weight decay slides to.

    Examples
    --------
    >>> round(effective_scale(1.0, time=80.0, weight_decay=0.03), 4)
    0.0907
    """
    check_scale(scale, torch.device("cpu"))
    check_decay(weight_decay)
    return scale * math.exp(-weight_decay * time)


def time_to_scale(scale: float, target: float, *, weight_decay: float) -> float:
    r"""Return when flow has slid the scale to a target: :math:`\ln(\alpha/\alpha_t)/\lambda`.

    This is an exact forgetting time: from then on the net is where one from the smaller scale
    would be, and gradient flow takes both to the same solution.

    Raises
    ------
    ValueError
        If the target is above the scale, or there is no decay to reach it.

    Examples
    --------
    >>> round(time_to_scale(1.0, 0.1, weight_decay=0.03), 2)
    76.75
    """
    check_scale([scale, target], torch.device("cpu"))
    check_decay(weight_decay)
    if target > scale:
        raise ValueError(f"decay only shrinks: target {target} is above the scale {scale}")
    if weight_decay == 0 and target < scale:
        raise ValueError("without weight decay the scale is conserved; use weight_decay > 0")
    return 0.0 if target == scale else math.log(scale / target) / weight_decay
