"""doctor: all of its checks, in their order."""

from assigner.doctor import case as doctor_case
from assigner.doctor import check_database, check_goals, check_programs, check_state_dir, check_work
from assigner.doctor.case import Case


def examine(database: str | None, *, quick: bool = False) -> Case:
    """A case with what every check has found; nothing is changed."""
    case = doctor_case.begin(database, quick)
    doctor_case.carry_out(case, check_programs.PROGRAMS)
    if not case.located:
        return case
    doctor_case.carry_out(case, check_state_dir.SURROUNDINGS)
    doctor_case.carry_out(case, check_database.DATABASE)
    doctor_case.carry_out(case, check_state_dir.SERVERS)
    if case.store:
        doctor_case.carry_out(case, check_database.CONTENTS)
        doctor_case.carry_out(case, check_work.WORK)
    doctor_case.carry_out(case, check_goals.GOALS)
    return case
