"""Lets the tools beside it find the package `assigner` when they are run by hand.

Python looks for imports in a script's own directory first, so `import assigner` in a tool finds
this file.  Where the running Python has the package, it puts the package in its own place.
Otherwise it starts the tool again with the checkout's `.venv/bin/python`.  It is not installed:
there, `assigner NAME` runs the tools in the Python that has the package.

It has to work in any Python 3, whatever `python3` is.
"""

import os
import sys

_BIN = os.path.dirname(os.path.realpath(__file__))
_CHECKOUT = os.path.dirname(_BIN)
_VENV = os.path.join(_CHECKOUT, ".venv")


def _hand_over() -> bool:
    """Put the package in the place of this module; False where this Python has no such package."""
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry) != _BIN]
    shim = sys.modules.pop(__name__)
    try:
        import assigner  # noqa: F401 - the package, now that this directory is off the path
    except ModuleNotFoundError as error:
        if error.name != "assigner":
            raise
        sys.modules[__name__] = shim
        return False
    return True


def _start_again() -> None:
    """Become the same command in the checkout's virtual environment, or exit with status 78."""
    python = os.path.join(_VENV, "bin", "python")
    tried = os.path.realpath(sys.prefix) == os.path.realpath(_VENV)
    if not tried and os.access(python, os.X_OK):
        arguments = getattr(sys, "orig_argv", ["", *sys.argv])[1:]
        os.execv(python, [python, *arguments])  # noqa: S606 - no shell reads this
    name = os.path.basename(sys.argv[0])
    print(f"{name}: assigner is not installed: run 'make setup' in '{_CHECKOUT}'", file=sys.stderr)
    sys.exit(78)


if not _hand_over():
    _start_again()
