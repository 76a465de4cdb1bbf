"""Many networks of one architecture as one object: stacked parameters, one call for all.

On a CPU the fastest correct way is a loop over networks whose activations stay in the cache
(`ibcore.nets.tiled`).  On a GPU it is the opposite: chunks of networks in batched matrix
products.  Both are tested against the plain loop over modules, and the choice is made here alone.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from ibcore import training
from ibcore.nets.init import Prior, Scaling, draw_units, give_size
from ibcore.nets.mlp import MLP
from ibcore.nets.tiled import forward_tiled
from ibcore.runtime import generator, resolve_device

_CHUNK_BYTES = 256 * 2**20  # of activations of one layer, for batched products


def member_seed(seed: int, member: int) -> int:
    """Return the seed of one member: the same whatever the size of the population.

    Examples
    --------
    >>> member_seed(0, 3) == member_seed(0, 3) != member_seed(0, 4)
    True
    """
    state = np.random.SeedSequence([seed, member]).generate_state(1, np.uint64)
    return int(state[0]) >> 1


@dataclass(frozen=True, eq=False)
class Population:
    r"""Stacked parameters of m networks of one architecture.

    Parameters
    ----------
    architecture
        A module that fixes the computation; its own parameter values are not used.
    parameters
        Name to tensor of shape ``(m, *shape)``, one entry for each parameter of the
        architecture, all on one device and in one dtype.

    Raises
    ------
    ValueError
        If names, shapes, devices or dtypes do not fit, or there is no network.

    Examples
    --------
    >>> many = Population.sample(MLP(2, 1, depth=2, width=8), networks=5, seed=1)
    >>> many.forward(torch.zeros(3, 2, dtype=torch.float64)).shape
    torch.Size([5, 3, 1])
    """

    architecture: nn.Module
    parameters: dict[str, Tensor]

    def __post_init__(self) -> None:
        expected = {name: tuple(p.shape) for name, p in self.architecture.named_parameters()}
        if set(expected) != set(self.parameters):
            raise ValueError(
                f"parameters {sorted(self.parameters)} do not match the architecture's "
                f"{sorted(expected)}"
            )
        for name, shape in expected.items():
            value = self.parameters[name]
            if tuple(value.shape) != (len(self), *shape):
                raise ValueError(f"{name} has shape {tuple(value.shape)}, expected (m, *{shape})")
            if (value.dtype, value.device) != (self.dtype, self.device):
                raise ValueError(f"{name} is {value.dtype} on {value.device}; use one for all")
        if len(self) < 1:
            raise ValueError("a population needs at least 1 network, got 0")

    @classmethod
    def sample(
        cls,
        architecture: MLP,
        *,
        networks: int,
        weight_scale: float = 1.0,
        bias_scale: float = 1.0,
        bias_growth: float = 1.0,
        prior: Prior = "uniform",
        scaling: Scaling = "glorot",
        seed: int = 0,
        first: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float64,
    ) -> "Population":
        """Draw members ``first`` to ``first + networks - 1`` of the population with this seed.

        Each member has a generator of its own, so member i does not depend on how many are
        drawn.  Draws are made in float64 on the CPU, so neither device nor dtype changes them.
        The other parameters are those of `ibcore.nets.sample_parameters`.
        """
        if networks < 1:
            raise ValueError(f"networks must be at least 1, got {networks}")
        target, shapes = resolve_device(device), architecture.shapes
        entries = sum(map(math.prod, shapes.values()))
        units = torch.empty(networks, entries, dtype=torch.float64)
        for index in range(networks):
            draw_units(shapes, generator(member_seed(seed, first + index)), prior, units[index])
        sized = give_size(
            units,
            shapes,
            weight_scale=weight_scale,
            bias_scale=bias_scale,
            bias_growth=bias_growth,
            prior=prior,
            scaling=scaling,
        )
        return cls(architecture, {name: value.to(target, dtype) for name, value in sized.items()})

    @classmethod
    def from_modules(cls, modules: Sequence[nn.Module]) -> "Population":
        """Stack the parameters of modules that share one architecture."""
        if not modules:
            raise ValueError("a population needs at least 1 module, got none")
        parameters, buffers = stack_module_state(list(modules))
        if buffers:
            raise ValueError(f"modules with buffers cannot be stacked yet: {sorted(buffers)}")
        return cls(modules[0], {name: p.detach() for name, p in parameters.items()})

    def __len__(self) -> int:
        return len(next(iter(self.parameters.values())))

    @property
    def device(self) -> torch.device:
        """Where the parameters lie."""
        return next(iter(self.parameters.values())).device

    @property
    def dtype(self) -> torch.dtype:
        """Number type of the parameters."""
        return next(iter(self.parameters.values())).dtype

    def member(self, index: int) -> nn.Module:
        """Return one network as a module of its own, with a copy of its parameters."""
        module = copy.deepcopy(self.architecture).to(self.device, self.dtype)
        module.load_state_dict({name: p[index] for name, p in self.parameters.items()})
        return module

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Evaluate every network, without autograd.

        Parameters
        ----------
        x
            Inputs shared by all, ``(n, in)``, or one set for each member, ``(m, n, in)``.

        Returns
        -------
        Tensor
            Shape ``(m, n, out)``.

        Raises
        ------
        ValueError
            If x has another shape, dtype or device than the population needs.
        """
        shared = self._for_each(x)  # (m, n, in)
        if not isinstance(self.architecture, MLP):
            return self._forward_loop(shared)
        if self.device.type == "cpu":
            return forward_tiled(self.architecture, self.parameters, shared)
        return _forward_chunked(self.architecture, self.parameters, shared)

    def train(
        self,
        x: Tensor,
        y: Tensor,
        *,
        loss: training.Loss | training.LossFunction,
        steps: int,
        optimizer: training.Optimizer = "adam",
        learning_rate: float | Tensor = 1e-3,
        weight_decay: float | Tensor = 0.0,
        momentum: float | Tensor = 0.0,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        batch_size: int | None = None,
        seed: int = 0,
        stop_at: float | None = None,
        on_step: training.Progress | None = None,
    ) -> training.Trained:
        """Train every network as `torch.optim` would train it alone; this population stays.

        Inputs are shared, (n, in), or each member's own, (m, n, in); so are targets.
        `ibcore.training.Plan` and `Method` describe targets, options and errors.  Member i's
        order of minibatches depends on ``seed`` and i alone.

        Examples
        --------
        >>> many = Population.sample(MLP(2, 1, depth=1, width=8), networks=3)
        >>> x, y = torch.eye(2, dtype=torch.float64), torch.tensor([0, 1])
        >>> trained = many.train(x, y, loss="binary", steps=200, learning_rate=0.05)
        >>> bool((trained.losses < 0.01).all()), trained.steps.tolist()
        (True, [200, 200, 200])
        """
        method = training.Method(optimizer, learning_rate, weight_decay, momentum, betas, eps)
        plan = training.Plan(loss, steps, method, batch_size, stop_at, on_step)
        seeds = [member_seed(member_seed(seed, i), 1) for i in range(len(self))]
        x = self._for_each(x)
        job = training.make_job(self.architecture, self.parameters, x, y, plan=plan, seeds=seeds)
        parameters, losses, taken = training.train_stacked(job)
        return training.Trained(Population(self.architecture, parameters), losses, taken)

    def _for_each(self, x: Tensor) -> Tensor:
        """Return inputs with a leading dimension of members: (m, n, in)."""
        if x.ndim not in (2, 3) or (x.ndim == 3 and len(x) != len(self)):
            raise ValueError(
                f"x must have shape (n, in) or ({len(self)}, n, in), got {tuple(x.shape)}"
            )
        if (x.dtype, x.device) != (self.dtype, self.device):
            raise ValueError(
                f"x is {x.dtype} on {x.device}, the population {self.dtype} on {self.device}; "
                "convert x with x.to(population.device, population.dtype)"
            )
        return x.expand(len(self), *x.shape) if x.ndim == 2 else x

    def _forward_loop(self, x: Tensor) -> Tensor:
        """Evaluate any module, one member after the other."""
        states = [{n: p[i] for n, p in self.parameters.items()} for i in range(len(self))]
        return torch.stack(
            [functional_call(self.architecture, s, (x[i],)) for i, s in enumerate(states)]
        )


def _forward_chunked(architecture: MLP, parameters: dict[str, Tensor], x: Tensor) -> Tensor:
    """Evaluate chunks of networks by batched matrix products: (m, n, in) to (m, n, out)."""
    width = max(architecture.width, architecture.out_features)
    chunk = max(1, _CHUNK_BYTES // (x.shape[1] * width * x.element_size()))
    parts = [slice(start, start + chunk) for start in range(0, len(x), chunk)]
    return torch.cat(
        [
            architecture.forward_stacked({k: p[part] for k, p in parameters.items()}, x[part])
            for part in parts
        ]
    )
