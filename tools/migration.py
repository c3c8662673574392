"""`python -m tools.migration NUMBER "what it does"`: a first draft of a step, from tables.py against the last step."""

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config

from storage.db import Database
from storage.migrate import HERE


def main(number: str, message: str) -> None:
    """Write storage/migrations/versions/NUMBER_message.py; read it before you commit it."""
    with tempfile.TemporaryDirectory() as folder:
        db = Database(f"sqlite:///{Path(folder) / 'draft.sqlite'}")
        config = Config()
        config.set_main_option("script_location", str(HERE))
        config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
        with db.write() as tx:
            config.attributes["connection"] = tx
            if list((HERE / "versions").glob("[0-9]*.py")):
                command.upgrade(config, "head")
            command.revision(config, message, autogenerate=True, rev_id=number)
        db.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
