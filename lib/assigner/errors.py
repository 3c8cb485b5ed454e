"""What can go wrong, and the exit status it has (sysexits.h names 75 and 78)."""

FAILED = 1
USAGE = 2
BUSY = 75
SETUP = 78


class AssignerError(Exception):
    """One line for people: what failed, in which value, what to do; and an exit status."""

    status = FAILED


class UsageError(AssignerError):
    """The caller asked for something that cannot be meant."""

    status = USAGE


class BusyError(AssignerError):
    """Somebody else is at work; the same call may go through later."""

    status = BUSY


class SetupError(AssignerError):
    """The machine, the settings or the state directory are not fit for work."""

    status = SETUP
