"""A browser that opens explorers from a file, and notes every request and every complaint."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ibcore.explorers import Explorer, base

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}


@dataclass
class Visits:
    """Opens pages; `requests` and `complaints` collect what they must not make."""

    browser: Any
    contexts: dict[str, Any]  # by their options; a new one costs as much as two pages
    folder: Path
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    pages: list[Any] = field(default_factory=list)

    def open(self, body: str, *, head: str = "", **options: Any) -> Any:
        """Write a page around ``body`` and open it from file://."""
        file = self.folder / f"page{len(self.pages)}.html"
        view = "<meta name='viewport' content='width=device-width'>"
        file.write_text(
            f"<!doctype html><html lang='en'><head><meta charset='utf-8'>{view}"
            f"<title>An explorer</title>{head}</head><body><main>{body}<p id='after'>after</p>"
            "</main></body></html>",
            encoding="utf-8",
        )
        page = self._context(**{"viewport": DESK, **options}).new_page()
        self.pages.append(page)
        page.on("request", lambda request: self._asked(request.url, file.as_uri()))
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(file.as_uri())
        return page

    def show(self, explorer: Explorer, **options: Any) -> Any:
        """Open an explorer beside the script of its kind alone; wait until it is drawn."""
        script = f"<script>{base.script((explorer.kind,))}</script>"
        page = self.open(explorer.to_html() + script, **options)
        page.wait_for_selector('.ibx[data-ready="1"]')
        return page

    def _context(self, **options: Any) -> Any:
        key = repr(sorted(options.items()))
        if key not in self.contexts:
            self.contexts[key] = self.browser.new_context(**options)
            self.contexts[key].set_default_timeout(120_000)
        return self.contexts[key]

    def _asked(self, url: str, own: str) -> None:
        if url != own and not url.startswith("data:"):
            self.requests.append(url)

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def close(self) -> None:
        """Close every page; none has asked for or complained about anything."""
        for page in self.pages:
            page.close()
        assert self.requests == []
        assert self.complaints == []


@pytest.fixture(scope="session")
def new_visits(browser: Any) -> Callable[[Path], Visits]:
    """Return what starts a set of visits whose pages are written into a folder."""
    return functools.partial(Visits, browser, {})


@pytest.fixture
def visits(new_visits: Callable[[Path], Visits], tmp_path: Path) -> Iterator[Visits]:
    """Return a way to open pages, closed and checked at the end."""
    visits = new_visits(tmp_path)
    yield visits
    visits.close()


@pytest.fixture(scope="session")
def modular_frames() -> dict[str, pd.DataFrame]:
    """Return curves and pictures of made-up modular runs, with the columns of the real ones."""
    rng = np.random.default_rng(0)
    axis = np.linspace(0, 15, 32)
    curves, pictures = [], []
    for activation in ("relu", "sine"):
        for prefactor in (0.5, 1.0, 2.0, 8.0):
            for modulus in (10, 7, 4):
                key = {"activation": activation, "prefactor": prefactor, "modulus": modulus}
                wave = np.sin(2 * np.pi * (axis[:, None] + axis) / modulus + prefactor)
                wave += 0.02 * axis[:, None] + (activation == "sine")  # no symmetry is left
                picture = np.clip(127 + 60 * wave, 0, 255).astype(np.uint8).tobytes()
                accuracy = {"train_accuracy": 1.0, "test_accuracy": round(prefactor / modulus, 4)}
                pictures.append({**key, "picture": picture, **accuracy})
                for network in range(5):
                    train, test = 1 - 0.1 * rng.random(), min(1.0, modulus / 20 + rng.random() / 2)
                    accuracy = {"train_accuracy": train, "test_accuracy": test}
                    curves.append({**key, "network": network, **accuracy})
    return {"curves": pd.DataFrame(curves), "pictures": pd.DataFrame(pictures)}


@pytest.fixture(scope="session")
def sweep_frame() -> pd.DataFrame:
    """Return a made-up sweep: large scales generalize worse, less so where decay has acted."""
    rng = np.random.default_rng(2)
    rates = {
        "SGD lr 0.1": ("sgd", 0.1, 0.0),
        "SGD lr 0.3, L2 0.01": ("sgd", 0.3, 0.01),
        "Adam, decay added": ("adam", 0.01, 0.1),
    }
    rows = []
    for name, (optimizer, rate, decay) in rates.items():
        for step in (0, 40, 200, 1000):
            clock = 2 * rate * decay * step
            for scale in (0.5, 1.0, 4.0, 8.0):
                for network in range(5):
                    kept = np.exp(-clock / 2)
                    fitted = 1 - np.exp(-step / 40)
                    lost = 0.05 * np.log2(1 + scale * kept) + 0.02 * rng.random()
                    slow = 0.02 * (optimizer == "adam") * (network == 3)
                    row = {"train_accuracy": 0.1 + 0.9 * fitted - slow}
                    row |= {"test_accuracy": 0.1 + fitted * (0.9 - lost)}
                    row |= {"weight_norm": scale * kept * (8 + 0.1 * network)}
                    row |= {"cosine": 0.5 + kept / 2, "retained_fraction": kept / 2}
                    row |= {"disagreement": 0.1 + 0.3 * rng.random()}
                    row |= {"pipeline": name, "optimizer": optimizer, "learning_rate": rate}
                    row |= {"weight_decay": decay, "momentum": 0.0, "split": 0}
                    row |= {"weight_scale": scale, "network": network, "step": step}
                    row |= {"explicit_clock": np.nan if optimizer == "adam" else clock}
                    rows.append(row)
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def map_frame() -> pd.DataFrame:
    """Return a made-up run of random networks on a small map, one cell always constant."""
    rng = np.random.default_rng(1)
    rows = [
        {
            "activation": activation,
            "depth": depth,
            "weight_scale": weight_scale,
            "width": 16,
            "grid": 64,
            "network": network,
            "dct": np.nan if (depth, weight_scale) == (5, 0.5) else rng.uniform(0.02, 0.5),
            "fft": np.nan if (depth, weight_scale) == (5, 0.5) else rng.uniform(0.2, 0.5),
        }
        for activation in ("relu", "tanh")
        for depth in (1, 3, 5)
        for weight_scale in (0.5, 4.0, 16.0)
        for network in range(6)
    ]
    return pd.DataFrame(rows)
