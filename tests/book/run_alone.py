"""Run a notebook from top to bottom with nothing but IPython: ``python run_alone.py NOTEBOOK``.

Every warning is an error.  The last line printed is a JSON object: the CPU seconds, and where
``ibcore`` was imported from.
"""

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell


def run_cell(shell: InteractiveShell, source: str) -> None:
    """Run one cell and format its result, as a front end would."""
    done = shell.run_cell(source, store_history=False)
    done.raise_error()
    if done.result is not None:
        shell.display_formatter.format(done.result)


def main(path: Path) -> None:
    """Run the code cells, but for those that must raise."""
    cells: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["cells"]
    shell = InteractiveShell.instance(history_length=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")
        for cell in cells:
            expected = "raises-exception" in cell["metadata"].get("tags", [])
            if cell["cell_type"] == "code" and not expected:
                run_cell(shell, "".join(cell["source"]))
    package = sys.modules["ibcore"].__file__
    print("\n" + json.dumps({"seconds": time.process_time(), "ibcore": package}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
