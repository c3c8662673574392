"""What developers run."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - said here, where any Python gets before it meets what it cannot read
    sys.exit("OpenWA Gateway needs Python 3.11 or newer, and this is " + sys.version.split()[0])
