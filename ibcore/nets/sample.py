"""Draw the parameters of one network, or of many at once."""

from collections.abc import Iterable, Sequence
from itertools import islice

import torch
from torch import Tensor

from ibcore.nets.init import Prior, Scaling, Shapes, count_units, draw_units, give_size

_ENTRIES = 2**24  # numbers in float64 that are drawn before they are given a size


def sample_parameters(
    shapes: Shapes,
    generator: torch.Generator,
    *,
    weight_scale: float = 1.0,
    bias_scale: float = 1.0,
    bias_growth: float = 1.0,
    prior: Prior = "uniform",
    scaling: Scaling = "glorot",
) -> dict[str, Tensor]:
    r"""Draw the parameters of one network in float64.

    Weights have mean 0 and standard deviation :math:`\alpha\,\sigma_l` with
    :math:`\sigma_l^2 = 2/(n_\text{in}+n_\text{out})` (``"glorot"``), :math:`1/n_\text{in}`
    (``"fan_in"``) or :math:`1/3` (``"raw"``); for the uniform prior these are
    :math:`U(-s, s)` with :math:`s=\alpha\sqrt{6/(n_\text{in}+n_\text{out})}`,
    :math:`\alpha\sqrt{3/n_\text{in}}` and :math:`\alpha`.
    Biases of layer :math:`l = 1, 2, \dots` are :math:`U(-b, b)\,\gamma^l`, whatever the prior.

    Parameters
    ----------
    shapes
        Name to shape.  Names end in ``.<layer>.weight`` (out, in, and those of a kernel, which
        count for both fans), ``.<layer>.bias``, layers counted from 0, or ``.<layer>.gain`` and
        ``.<layer>.shift`` of a norm: these are 1 and 0, not drawn.
    generator
        A CPU generator; the draw consumes it in the order of ``shapes``.
    weight_scale
        :math:`\alpha \ge 0`.
    bias_scale
        :math:`b \ge 0`.
    bias_growth
        :math:`\gamma`, for layers with numbers; with ReLU and :math:`\gamma=\alpha` scaling
        the weights only rescales the function.
    prior
        Shape of the weights' distribution, at matched variance.  ``"ball"`` is uniform in a
        ball over each weight matrix; ``"student"`` has three degrees of freedom.
    scaling
        How the standard deviation depends on the layer's shape.

    Raises
    ------
    ValueError
        If a scale is negative or not finite, or a prior or scaling is unknown.

    References
    ----------
    Teney et al. (2024), section 2; Glorot and Bengio (2010), equation 16.

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> drawn = sample_parameters({"layers.0.weight": (4, 2), "layers.0.bias": (4,)}, generator)
    >>> drawn["layers.0.weight"].shape, bool(drawn["layers.0.bias"].abs().max() <= 1)
    (torch.Size([4, 2]), True)
    """
    stacked = sample_stacked(
        shapes,
        [generator],
        weight_scale=weight_scale,
        bias_scale=bias_scale,
        bias_growth=bias_growth,
        prior=prior,
        scaling=scaling,
    )
    return {name: value[0] for name, value in stacked.items()}


def sample_stacked(
    shapes: Shapes,
    generators: Iterable[torch.Generator],
    *,
    weight_scale: float,
    bias_scale: float,
    bias_growth: float,
    prior: Prior,
    scaling: Scaling,
    device: torch.device | None = None,
    dtype: torch.dtype = torch.float64,
) -> dict[str, Tensor]:
    """Draw one network with each generator: parameters ``(m, *shape)``.

    Each is drawn in float64 on the CPU, whatever the device and dtype of the result.  The options
    are those of `sample_parameters`.

    Raises
    ------
    ValueError
        As in `sample_parameters`.

    Examples
    --------
    >>> generators = (torch.Generator().manual_seed(seed) for seed in (0, 1))
    >>> options = {"weight_scale": 1.0, "bias_scale": 1.0, "bias_growth": 1.0}
    >>> sample_stacked({"layers.0.weight": (4, 2)}, generators, prior="gaussian",
    ...                scaling="fan_in", **options)["layers.0.weight"].shape
    torch.Size([2, 4, 2])
    """
    entries, waiting, parts = count_units(shapes), iter(generators), []
    while some := list(islice(waiting, max(1, _ENTRIES // max(1, entries)))):
        units = _units(shapes, some, prior, entries)
        sized = give_size(
            units,
            shapes,
            weight_scale=weight_scale,
            bias_scale=bias_scale,
            bias_growth=bias_growth,
            prior=prior,
            scaling=scaling,
        )
        parts.append({name: value.to(device, dtype) for name, value in sized.items()})
    if len(parts) == 1:
        return parts[0]
    return {name: torch.cat([part[name] for part in parts]) for name in shapes}


def _units(
    shapes: Shapes, generators: Sequence[torch.Generator], prior: Prior, entries: int
) -> Tensor:
    units = torch.empty(len(generators), entries, dtype=torch.float64)
    for index, own in enumerate(generators):
        draw_units(shapes, own, prior, units[index])
    return units
