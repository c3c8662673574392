"""`python -m tools.clients LANG …`: makes clients, each a package ready to be published, in dist/clients/LANG."""

import argparse
import sys
from pathlib import Path

from tools.clients.make import LANGUAGES, make

ROOT = Path(__file__).parent.parent.parent


def main(arguments: list[str]) -> int:
    """Make them; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.clients", description=__doc__)
    parser.add_argument("languages", nargs="*", metavar="LANG", help=f"{', '.join(LANGUAGES)}; all unless named")
    parser.add_argument("--into", type=Path, default=ROOT / "dist" / "clients", help="the folder (dist/clients)")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.languages if name not in LANGUAGES]
    if unknown:
        parser.error(f"no language is called {', '.join(unknown)}; there are {', '.join(LANGUAGES)}")
    for language, folder in make(options.languages or [*LANGUAGES], options.into).items():
        print(f"{language}: {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
