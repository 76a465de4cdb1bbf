"""The command line of ibcore with the toy laboratory in place of the real ones."""

import signal
from pathlib import Path

import ibcore
from ibcore.runs import experiment

ibcore.__path__.append(str(Path(__file__).parent / "labs"))
experiment.LABS = ("toy",)

if __name__ == "__main__":
    from ibcore.runs.cli import main

    # What starts in the background inherits that Ctrl-C is ignored, and Python leaves it so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main()
