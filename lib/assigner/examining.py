"""doctor: all of its checks, in their order."""

from assigner import auditing, checking, goalaudit, surveying, tending
from assigner.checking import Case


def examine(database: str | None, *, quick: bool = False) -> Case:
    """A case with what every check has found; nothing is changed."""
    case = checking.begin(database, quick)
    checking.carry_out(case, checking.PROGRAMS)
    if not case.located:
        return case
    checking.carry_out(case, surveying.SURROUNDINGS)
    checking.carry_out(case, auditing.DATABASE)
    if case.store:
        checking.carry_out(case, auditing.CONTENTS)
        checking.carry_out(case, tending.WORK)
    checking.carry_out(case, goalaudit.GOALS)
    return case
