"""Many networks of one architecture as one object: stacked parameters, one call for all."""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import stack_module_state

from ibcore import training
from ibcore.door import Count, NonNegative, Range, Raw, Seed, Whole, check_memory, door
from ibcore.nets.batch_norm import Moments, Statistics
from ibcore.nets.evaluate import batch_statistics, evaluate_stacked
from ibcore.nets.init import Initialization, Prior, Scaling, sample_stacked
from ibcore.nets.network import Network
from ibcore.runtime import as_seed, generator
from ibcore.training.loop import TrainingRun, seeded_rng, train_stacked


def member_seed(seed: int, member: int) -> int:
    """Return the seed of one member: the same whatever the size of the population.

    Examples
    --------
    >>> member_seed(0, 3) == member_seed(0, 3) != member_seed(0, 4)
    True
    """
    entropy = [as_seed(seed), as_seed(member, "member")]
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0]) >> 1


@door
@dataclass(frozen=True, eq=False)
class Population:
    r"""Stacked parameters of m networks of one architecture.

    Parameters
    ----------
    architecture
        A module that fixes the computation; its own parameter values are not used, its buffers
        are those of all.
    parameters
        Name to tensor of shape ``(m, *shape)``, one entry for each parameter of the
        architecture, all on one device and in one dtype.

    Raises
    ------
    ValueError
        If names, shapes, devices or dtypes do not fit, or there is no network.

    Examples
    --------
    >>> from ibcore.nets import MLP
    >>> many = Population.sample(MLP(2, 1, depth=2, width=8), networks=5, seed=1)
    >>> many.forward(torch.zeros(3, 2, dtype=torch.float64)).shape
    torch.Size([5, 3, 1])
    """

    architecture: nn.Module
    parameters: dict[str, Tensor]

    def __post_init__(self) -> None:
        expected = {name: tuple(p.shape) for name, p in self.architecture.named_parameters()}
        if not expected:
            raise ValueError("architecture has no parameters, so there is nothing to stack")
        if set(expected) != set(self.parameters):
            raise ValueError(
                f"parameters {sorted(self.parameters)} do not match the architecture's "
                f"{sorted(expected)}"
            )
        members = next(iter(self.parameters.values())).shape[:1]
        for name, shape in expected.items():
            value = self.parameters[name]
            if not members or tuple(value.shape) != (*members, *shape):
                raise ValueError(f"{name} has shape {tuple(value.shape)}, expected (m, *{shape})")
            if (value.dtype, value.device) != (self.dtype, self.device):
                raise ValueError(f"{name} is {value.dtype} on {value.device}; use one for all")
        if len(self) < 1:
            raise ValueError("a population needs at least 1 network, got 0")

    @classmethod
    @door
    def sample(
        cls,
        architecture: Network,
        *,
        networks: Count,
        weight_scale: NonNegative = 1.0,
        bias_scale: NonNegative = 1.0,
        bias_growth: float = 1.0,
        prior: Prior = "uniform",
        scaling: Scaling = "glorot",
        seed: Seed = 0,
        first: Whole = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float64,
    ) -> "Population":
        """Draw members ``first`` to ``first + networks - 1`` of the population with this seed.

        Each member has a generator of its own, so member i does not depend on how many are
        drawn.  Draws are made in float64 on the CPU, so neither device nor dtype changes them.
        The other parameters are those of `ibcore.nets.sample_parameters`.
        """
        shapes = architecture.shapes
        size = 8.0 * networks * sum(map(math.prod, shapes.values()))
        check_memory("networks", networks, size)
        largest = Range(0, torch.finfo(dtype).max / 1e6)  # weights must not be infinite
        largest.check("weight_scale", weight_scale, weight_scale)
        largest.check("bias_scale", bias_scale, bias_scale)
        own = (generator(member_seed(seed, first + i)) for i in range(networks))
        options = Initialization(weight_scale, bias_scale, bias_growth, prior, scaling)
        where = None if device is None else torch.device(device)
        drawn = sample_stacked(shapes, own, options, device=where, dtype=dtype)
        return _of(architecture, drawn)

    @classmethod
    @door
    def from_modules(cls, modules: Sequence[nn.Module]) -> "Population":
        """Stack the parameters of modules that share one architecture."""
        try:
            parameters, buffers = stack_module_state(list(modules))
        except (RuntimeError, ValueError, KeyError) as error:
            raise ValueError(
                f"modules must be at least 1, all of one architecture, with parameters: {error}"
            ) from error
        if own := [name for name, value in buffers.items() if bool((value != value[0]).any())]:
            raise ValueError(f"modules differ in {own}, buffers that a population shares")
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

    @door
    def member(self, index: Whole) -> nn.Module:
        """Return one network as a module of its own, with a copy of its parameters."""
        if index >= len(self):
            raise IndexError(f"index must be below {len(self)}, the networks, got {index}")
        module = copy.deepcopy(self.architecture).to(self.device, self.dtype)
        with torch.no_grad():
            for name, own in module.named_parameters():
                own.copy_(self.parameters[name][index])
        return module

    @door
    def forward(self, x: Tensor, *, statistics: Statistics | None = None) -> Tensor:
        """Evaluate every network, without autograd and with dropout switched off.

        Parameters
        ----------
        x
            Inputs shared by all, ``(n, in)``, or one set for each member, ``(m, n, in)``; images
            have three dimensions (channels, height, width) in place of one.
        statistics
            For networks with batch norm: what `batch_statistics` returns for training inputs.

        Returns
        -------
        Tensor
            Shape ``(m, n, out)``.

        Raises
        ------
        ValueError
            If shape, dtype or device of x, or the statistics, do not fit the population.
        """
        x = self._for_each(x)
        return evaluate_stacked(self.architecture, self.parameters, x, statistics=statistics)

    @door
    def batch_statistics(self, x: Tensor) -> dict[str, Moments]:
        """Return the statistics of all batch norms when all of x is one batch; x as in `forward`.

        Networks without batch norm have none, and `forward` takes the empty result too.

        Examples
        --------
        >>> from ibcore.nets import MLP
        >>> many = Population.sample(MLP(2, 1, depth=1, width=8, norm="batch"), networks=3)
        >>> x = torch.eye(2, dtype=torch.float64)
        >>> many.forward(x, statistics=many.batch_statistics(x)).shape
        torch.Size([3, 2, 1])
        """
        x = self._for_each(x)
        if not isinstance(self.architecture, Network):
            return {}
        return batch_statistics(self.architecture, self.parameters, x)

    @door(gradients=True)
    def train(
        self,
        x: Tensor,
        y: Raw,
        *,
        loss: training.LossFunction | training.Loss,
        steps: Count,
        optimizer: training.Optimizer = "adam",
        learning_rate: training.Rate = 1e-3,
        weight_decay: training.Rate = 0.0,
        momentum: training.Rate = 0.0,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: NonNegative = 1e-8,
        batch_size: Count | None = None,
        seed: Seed | Sequence[Seed] = 0,
        stop_at: float | None = None,
        on_step: training.Progress | None = None,
        checkpoints: Sequence[Whole] = (),
        on_checkpoint: "Callable[[int, Tensor, Population], None] | None" = None,
        decay_steps: training.Steps | None = None,
        sam_radius: training.Rate = 0.0,
        cool_down: Whole = 0,
    ) -> training.Trained:
        """Train every network as `torch.optim` would train it alone; this population stays.

        Parameters
        ----------
        x
            Inputs, shared or each member's own, as in `forward`.
        y
            Targets, shared or each member's own, of the shape that the loss takes.
        loss
            ``"cross_entropy"``: targets are classes, (n,) if shared or (m, n) if each member has
            its own.  ``"binary"``: labels from 0 to 1 for the one output (a logit), (n,) or
            (m, n).  ``"mse"``: mean squared error, targets (n, out) or (m, n, out).  Or a function
            of outputs (m, b, out) and targets (m, b, ...) that returns (m,).
        steps
            How many, at least 1.
        optimizer, learning_rate, weight_decay, momentum, betas, eps, decay_steps, sam_radius
            As in `ibcore.training.OptimizerConfig`.
        batch_size
            Points in a minibatch; None for all points at every step.
        seed
            Member i's order of minibatches depends on it and i alone, or on the i-th of m seeds;
            what the module itself draws, such as masks of dropout, also on the other members.
        stop_at
            A member stops before the first step at which its loss (of the minibatch, if there are
            any) is below this; its parameters then never change again.
        on_step
            Called after each step with its number, from 1, and the last loss of each member, (m,).
        checkpoints
            Numbers of steps, from 0 to ``steps``, after which ``on_checkpoint`` is called; 0 is
            before the first step.
        on_checkpoint
            Called with the number of steps, the numbers of neighboring members (int64, on the CPU)
            and a population of copies of them.  Members train in chunks, so each checkpoint is one
            call for each chunk: together the calls name every member once, in order, those that
            stopped early with the parameters that they keep.
        cool_down
            In the last so many steps all learning rates fall linearly towards 0.

        Raises
        ------
        ValueError
            If a number is out of range, targets do not fit the loss or the outputs, or the
            checkpoints are not different whole numbers from 0 to ``steps`` with a function to call.
        FloatingPointError
            If a loss becomes infinite or nan; the message names the member and the step.

        Examples
        --------
        >>> from ibcore.nets import MLP
        >>> many = Population.sample(MLP(2, 1, depth=1, width=8), networks=3)
        >>> x, y = torch.eye(2, dtype=torch.float64), torch.tensor([0, 1])
        >>> trained = many.train(x, y, loss="binary", steps=200, learning_rate=0.05)
        >>> bool((trained.losses < 0.01).all()), trained.steps.tolist()
        (True, [200, 200, 200])
        """

        def report(step: int, members: Tensor, parameters: dict[str, Tensor]) -> None:
            if on_checkpoint is not None:
                on_checkpoint(step, members, _of(self.architecture, parameters))

        rates = (learning_rate, weight_decay, momentum)
        late = (decay_steps, sam_radius, cool_down)
        method = training.OptimizerConfig(optimizer, *rates, betas, eps, *late)
        own = [member_seed(seed, i) for i in range(len(self))] if isinstance(seed, int) else seed
        seeds, hooks = [member_seed(one, 1) for one in own], (checkpoints, on_checkpoint and report)
        data = (self.architecture, self.parameters, self._for_each(x), y, seeds)
        job = TrainingRun(*data, loss, steps, method, batch_size, stop_at, on_step, *hooks)
        with seeded_rng(seeds[0], self.device):
            parameters, losses, taken = train_stacked(job)
        return training.Trained(_of(self.architecture, parameters), losses, taken)

    def _for_each(self, x: Tensor) -> Tensor:
        """Check inputs, shared or each member's own, and return them as (m, n, *in)."""
        if (x.dtype, x.device) != (self.dtype, self.device):
            raise ValueError(
                f"x is {x.dtype} on {x.device}, the population {self.dtype} on {self.device}; "
                "convert x with x.to(population.device, population.dtype)"
            )
        images = getattr(self.architecture, "in_dimensions", 1) == 3
        own = x.ndim == (5 if images else 3)
        if x.ndim not in ((4, 5) if images else (2, 3)) or (own and len(x) != len(self)):
            inside = "channels, height, width" if images else "in"
            raise ValueError(
                f"x must have shape (n, {inside}) or ({len(self)}, n, {inside}), "
                f"got {tuple(x.shape)}"
            )
        return x if own else x.expand(len(self), *x.shape)


def _of(architecture: nn.Module, parameters: dict[str, Tensor]) -> Population:
    """Return a population of parameters that are known to fit."""
    made = object.__new__(Population)
    made.__dict__.update(architecture=architecture, parameters=parameters)
    return made
