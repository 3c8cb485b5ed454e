"""Sessions are found again by what is known of them, and brought back into a kept context."""

from collections.abc import Iterator

import pytest

from support import Workplace


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """Sessions in several directories, of which `one` had a prompt; nobody may change it."""
    with Workplace(tmp_path_factory.mktemp("house")) as work:
        top = work.repo("place/repo")
        (work.path / "placebo").mkdir()
        (work.path / "link").symlink_to(work.path / "place")
        work.enrolled("one")
        work.tool(
            "send", "true", "--workdir", top, "--git-branch", "feature", "--env", "A=1", "--env",
            "EMPTY=", "--env", "TOKEN", env={"TOKEN": "hush"},
        )  # fmt: skip
        work.tick()
        work.shell("two", cwd=work.path / "place")
        work.shell("three", cwd=work.path / "placebo")
        work.enrolled("four").run("sleep 600")
        work.shell("five")
        work.tool("scan")
        work.tmux("kill-session", "-t", "five")
        work.run_until(lambda: work.row("SELECT status FROM sessions WHERE name = 'four'"))
        yield work


FILTERS: dict[str, tuple[list[object], list[str]]] = {
    "none": ([], ["four", "one", "three", "two"]),
    "a variable": (["--env", "A"], ["one"]),
    "its value": (["--env", "A=1"], ["one"]),
    "another value": (["--env", "A=2"], []),
    "an empty value": (["--env", "EMPTY="], ["one"]),
    "no value is not any": (["--env", "A="], []),
    "a secret": (["--env", "TOKEN"], ["one"]),
    "a secret's value": (["--env", "TOKEN=hush"], []),
    "all of several": (["--env", "A=1", "--env", "TOKEN"], ["one"]),
    "one of several": (["--env", "A=1", "--env", "B"], []),
    "directory": (["--dir", "place/repo"], ["one"]),
    "directory above": (["--dir", "place"], ["one", "two"]),
    "symbolic link": (["--dir", "link/repo/.."], ["one", "two"]),
    "root": (["--dir", "/"], ["four", "one", "three", "two"]),
    "directory that is not there": (["--dir", "nowhere"], []),
    "branch": (["--branch", "feature"], ["one"]),
    "status": (["--status", "busy"], ["four"]),
    "gone": (["--status", "offline"], ["five"]),
    "all must hold": (["--dir", "place", "--status", "idle", "--env", "A"], ["one"]),
    "not all hold": (["--dir", "placebo", "--env", "A"], []),
    "name and filter": (["one", "--status", "idle"], ["one"]),
    "name but not the filter": (["two", "--env", "A"], []),
}


@pytest.mark.parametrize("case", FILTERS)
def test_sessions_by_filter(house: Workplace, case: str) -> None:
    filters, names = FILTERS[case]
    found = house.tool("sessions", *filters, "--json", cwd=house.path)
    assert ([row["name"] for row in found.json], found.err) == (names, "")


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        (["--status", "odd"], "invalid choice: 'odd'"),
        (["--env", "1A"], "not a name of a variable: '1A'"),
        (["--env", "=x"], "not a name of a variable: ''"),
        (["--dir", ""], "the name of a directory is empty"),
        (["--branch", "a..b"], "not a name of a branch: 'a..b'"),
        (["nowhere", "--env", "A"], "no session 'nowhere'"),
    ],
)
def test_sessions_refuses(house: Workplace, filters: list[str], message: str) -> None:
    assert message in house.tool("sessions", *filters, status=2).err
