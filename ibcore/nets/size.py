"""Count the parameters of a network, and find the width that matches a count."""

from collections.abc import Callable

from torch import nn


def count_parameters(module: nn.Module) -> int:
    """Return the number of trainable parameters.

    Examples
    --------
    >>> count_parameters(nn.Linear(3, 2))
    8
    """
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def match_size(build: Callable[[int], nn.Module], target: int, *, largest: int = 4096) -> nn.Module:
    """Return the network whose parameter count is nearest to ``target``.

    ``build(width)`` must have more parameters at larger widths; the width is found by
    bisection, and of two equally near ones the smaller is taken.

    Raises
    ------
    ValueError
        If even ``build(1)`` is larger than twice the target, or ``build(largest)`` is smaller.

    Examples
    --------
    >>> match_size(lambda width: nn.Linear(width, 1), 10).in_features
    9
    """
    low, high = 1, largest
    smallest = count_parameters(build(low))
    if smallest > 2 * target or count_parameters(build(high)) < target:
        raise ValueError(
            f"no width from 1 to {largest} comes near {target} parameters (width 1 has {smallest})"
        )
    while high - low > 1:
        middle = (low + high) // 2
        if count_parameters(build(middle)) < target:
            low = middle
        else:
            high = middle
    return min(build(low), build(high), key=lambda m: abs(count_parameters(m) - target))
