"""Problems on sequences of tokens: copying, running parity, and the characters of plays."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from ibcore.data import load_tiny_shakespeare
from ibcore.population import member_seed
from ibcore.runtime import generator

Part = Literal["train", "validation", "test"]

SILENT = -100  # the answer where none is asked for, as in torch
_TURN = {"train": 0, "validation": 1, "test": 2}
_KEPT = {"train": (0.0, 0.9), "validation": (0.9, 0.95), "test": (0.95, 1.0)}  # of a text


class Tokens(NamedTuple):
    """Sequences, and what is to be said at each of their tokens.

    Attributes
    ----------
    x, y
        Tokens and answers (n, t), int64; -100 where no answer is asked for.
    floor
        Mean cross-entropy in nats of an ideal reader on these answers, nan where unknown.
    """

    x: Tensor
    y: Tensor
    floor: float


def part_generator(part: Part, seed: int) -> torch.Generator:
    """Return a generator of its own for each part.

    Examples
    --------
    >>> seeds = {part_generator(part, 0).initial_seed() for part in ("train", "test")}
    >>> len(seeds)
    2
    """
    return generator(member_seed(seed, _TURN[part]))


@dataclass(frozen=True)
class Copying:
    """Symbols at random, a separator, and the same symbols again, which are to be said.

    Examples
    --------
    >>> x, y, _ = Copying(symbols=2, copied=3).draw("train", 1, 0)
    >>> x.shape, y[0, :3].tolist(), bool((y[:, 3:] == x[:, :3]).all())
    (torch.Size([1, 6]), [-100, -100, -100], True)
    """

    symbols: int = 8
    copied: int = 12

    @property
    def vocabulary(self) -> int:
        """Number of tokens: the symbols and the separator."""
        return self.symbols + 1

    @property
    def answers(self) -> int:
        """Number of answers: the symbols."""
        return self.symbols

    @property
    def length(self) -> int:
        """Tokens in a sequence; the last symbol is only said."""
        return 2 * self.copied

    def draw(self, part: Part, count: int, seed: int) -> Tokens:
        """Return so many sequences."""
        rng = part_generator(part, seed)
        drawn = torch.randint(0, self.symbols, (count, self.copied), generator=rng)
        separator, silent = (torch.full((count, 1), v) for v in (self.symbols, SILENT))
        x = torch.cat([drawn, separator, drawn[:, :-1]], 1)  # (n, 2 * copied)
        return Tokens(x, torch.cat([silent.expand_as(drawn), drawn], 1), 0.0)


@dataclass(frozen=True)
class Parity:
    """Bits at random; at each of them, whether the ones so far are odd in number.

    Examples
    --------
    >>> x, y, _ = Parity(4).draw("test", 2, 0)
    >>> bool((y == x.cumsum(1) % 2).all())
    True
    """

    length: int = 16

    @property
    def vocabulary(self) -> int:
        """Number of tokens."""
        return 2

    @property
    def answers(self) -> int:
        """Number of answers."""
        return 2

    def draw(self, part: Part, count: int, seed: int) -> Tokens:
        """Return so many sequences."""
        x = torch.randint(0, 2, (count, self.length), generator=part_generator(part, seed))
        return Tokens(x, x.cumsum(1) % 2, 0.0)


@dataclass(frozen=True)
class Shakespeare:
    """Windows of the plays, character by character; each part is a stretch of its own.

    Raises
    ------
    ValueError, OSError, ImportError
        When drawing, if the text cannot be had (`ibcore.data.load_tiny_shakespeare`).

    Examples
    --------
    >>> Shakespeare().draw("train", 4, 0).x.shape  # doctest: +SKIP
    torch.Size([4, 128])
    """

    length: int = 128

    @property
    def vocabulary(self) -> int:
        """Number of different characters."""
        return int(_characters().max()) + 1

    @property
    def answers(self) -> int:
        """Number of answers: all characters."""
        return self.vocabulary

    def draw(self, part: Part, count: int, seed: int) -> Tokens:
        """Return so many windows at random places of a part."""
        text = _characters()
        first, end = (int(share * len(text)) for share in _KEPT[part])
        starts = torch.randint(
            first, end - self.length, (count, 1), generator=part_generator(part, seed)
        )
        window = text[starts + torch.arange(self.length + 1)]  # (n, length + 1)
        return Tokens(window[:, :-1], window[:, 1:], float("nan"))


@lru_cache(maxsize=1)
def _characters() -> Tensor:
    """Return the text as numbers of its characters in sorted order."""
    codes = torch.tensor([ord(c) for c in load_tiny_shakespeare()])
    numbers: Tensor = torch.unique(codes, return_inverse=True)[1]
    return numbers
