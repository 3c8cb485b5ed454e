"""The kinds of errors, each with its exit status (75 and 78 are from sysexits.h)."""

FAILED = 1
USAGE = 2
BUSY = 75
SETUP = 78


class AssignerError(Exception):
    """One line for people: what failed, in which value, what to do; and an exit status."""

    status = FAILED


class UsageError(AssignerError):
    """The request makes no sense."""

    status = USAGE


class BusyError(AssignerError):
    """Another process is busy; the same call may succeed later."""

    status = BUSY


class SetupError(AssignerError):
    """The machine, the settings or the state directory cannot be used."""

    status = SETUP
