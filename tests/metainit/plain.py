"""What the package computes for all tasks at once, written as plain loops over tasks and names."""

import torch
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel


def plain_loss(model, params, rates, support, query, *, inner_steps, first_order, loss):
    """Return the mean query loss, as part of the graph of ``params`` and ``rates``."""
    total = 0.0
    for xs, ys, xq, yq in zip(*support, *query, strict=True):
        current = dict(params)
        for _ in range(inner_steps):
            with sdpa_kernel([SDPBackend.MATH]):
                inner = loss(functional_call(model, current, (xs,)), ys)
            slopes = torch.autograd.grad(inner, [*current.values()], create_graph=not first_order)
            by_name = dict(zip(current, slopes, strict=True))
            current = {
                name: p - rates[name] * by_name[name] if name in rates else p
                for name, p in current.items()
            }
        with sdpa_kernel([SDPBackend.MATH]):
            total = total + loss(functional_call(model, current, (xq,)), yq)
    return total / len(support[0])


def plain_gradient(model, params, rates, support, query, **options):
    leaves = {name: value.clone().requires_grad_() for name, value in params.items()}
    scales = {name: value.clone().requires_grad_() for name, value in rates.items()}
    value = plain_loss(model, leaves, scales, support, query, **options)
    slopes = torch.autograd.grad(
        value, [*leaves.values(), *scales.values()], allow_unused=True, materialize_grads=True
    )
    by_name = dict(zip(leaves, slopes, strict=False))
    by_rate = dict(zip(scales, slopes[len(leaves) :], strict=True))
    return value.detach(), {"params": by_name, "rates": by_rate}
