"""Random initial weights as PyTorch draws them by default, from a seed and for many networks."""

import math

import torch
from torch import Tensor, nn

from ibcore.population import member_seed
from ibcore.runtime import generator, resolve_device

_MAPS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def random_starts(
    model: nn.Module,
    networks: int,
    *,
    seed: int = 0,
    first: int = 0,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> dict[str, Tensor]:
    r"""Draw the initial weights of many networks of one architecture.

    Weights and biases of linear and convolutional layers are :math:`U(-b, b)` with
    :math:`b = 1/\sqrt{\text{fan in}}`, as in PyTorch; gains of norms are 1 and their biases 0.
    A module with a method ``initial_parameters(generator)``, such as `ibcore.nets.LSTM`, is
    asked.

    Parameters
    ----------
    model
        The architecture; its own values are neither used nor changed.
    networks, seed, first
        Members ``first`` to ``first + networks - 1`` with this seed; member i does not depend on
        how many are drawn.
    device, dtype
        Of the result.  Draws are made in float64 on the CPU.

    Returns
    -------
    dict
        Name to tensor of shape ``(networks, *shape)``.

    Raises
    ------
    ValueError
        If there is no network, or a module has parameters that no rule covers.

    Examples
    --------
    >>> starts = random_starts(nn.Linear(4, 2), 3)
    >>> starts["weight"].shape, bool(starts["weight"].abs().max() <= 0.5)
    (torch.Size([3, 2, 4]), True)
    """
    if networks < 1:
        raise ValueError(f"networks must be at least 1, got {networks}")
    target = resolve_device(device)
    drawn = [
        initial_weights(model, generator(member_seed(seed, first + i))) for i in range(networks)
    ]
    return {
        name: torch.stack([weights[name] for weights in drawn]).to(target, dtype)
        for name in drawn[0]
    }


def initial_weights(model: nn.Module, rng: torch.Generator) -> dict[str, Tensor]:
    """Draw one network's initial weights as in `random_starts`, float64, in the model's order.

    Raises
    ------
    ValueError
        If a module has parameters that no rule covers.

    Examples
    --------
    >>> initial_weights(nn.LayerNorm(2), torch.Generator())
    {'weight': tensor([1., 1.], dtype=torch.float64), 'bias': tensor([0., 0.], dtype=torch.float64)}
    """
    drawn: dict[str, Tensor] = {}
    covered: list[str] = []
    for prefix, module in model.named_modules():
        if any(prefix.startswith(f"{other}.") or not other for other in covered):
            continue
        start = f"{prefix}." if prefix else ""
        if hasattr(module, "initial_parameters"):
            own = module.initial_parameters(rng)
            covered.append(prefix)
        else:
            own = _draw(prefix, module, rng)
        drawn |= {f"{start}{name}": value.double() for name, value in own.items()}
    return {name: drawn[name] for name, _ in model.named_parameters()}


def _draw(prefix: str, module: nn.Module, rng: torch.Generator) -> dict[str, Tensor]:
    """Draw the parameters that belong to a module itself."""
    own = dict(module.named_parameters(recurse=False))
    if isinstance(module, _MAPS):
        bound = 1 / math.sqrt(math.prod(module.weight.shape[1:]))
        return {name: _uniform(value, bound, rng) for name, value in own.items()}
    if not own or "gain" in own or "Norm" in type(module).__name__:
        return {name: _constant(value, float(name != "bias")) for name, value in own.items()}
    raise ValueError(
        f"no rule draws the parameters {sorted(own)} of {prefix or 'the model'} "
        f"({type(module).__name__}); give it a method initial_parameters(generator)"
    )


def _uniform(like: Tensor, bound: float, rng: torch.Generator) -> Tensor:
    drawn = torch.rand(like.shape, generator=rng, dtype=torch.float64)
    return (2 * drawn - 1) * bound


def _constant(like: Tensor, value: float) -> Tensor:
    return torch.full(like.shape, value, dtype=torch.float64)
