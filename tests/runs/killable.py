"""The command line of ibcore with the toy laboratory in place of the real ones."""

from pathlib import Path

import ibcore
from ibcore.runs import registry

ibcore.__path__.append(str(Path(__file__).parent / "labs"))
registry.LABS = ("toy",)

if __name__ == "__main__":
    from ibcore.runs.cli import main

    main()
