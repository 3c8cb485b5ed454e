"""hooks: adds assigner's hooks to an agent's configuration, keeps the rest, and can restore it."""

import json
import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from assigner import config as m_config
from assigner.agents import registry
from assigner.agents.hooks import install
from harness.workplace import ROOT, Workplace

THEIRS = """{
    "env": {"API_TOKEN": "hush"},
    "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "true"}]}],
              "PreToolUse": []},
    "theme":   "dark"
}"""
FILES = {
    "claude": ".claude/settings.json",
    "codex": ".codex/hooks.json",
    "opencode": ".config/opencode/plugins/assigner.js",
}


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def commands(path: Path) -> dict[str, list[str]]:
    """The commands that an agent would run, by event."""
    hooks = json.loads(path.read_text())["hooks"]
    return {
        event: [hook["command"] for group in groups for hook in group["hooks"]]
        for event, groups in hooks.items()
    }


def states(work: Workplace, **env: str) -> dict[str, str]:
    return {row["provider"]: row["state"] for row in show(work, **env)}


def show(work: Workplace, **env: str) -> Any:
    return work.tool("hooks", "show", "--json", env=env).json


@pytest.mark.parametrize("agent", FILES)
def test_what_is_installed_is_removed_without_a_trace(work: Workplace, agent: str) -> None:
    path = work.home / FILES[agent]
    shown = work.tool("hooks", "install", agent, "--dry-run").out
    assert not path.exists()
    installed = work.tool("hooks", "install", agent)
    assert installed.out == shown + f"{agent}: installed\n"
    assert f"+++ {path}" in shown
    assert path.stat().st_mode & 0o777 == 0o600
    assert work.tool("hooks", "install", agent).out == f"{agent}: unchanged\n"
    assert states(work)[agent] == ("untrusted" if agent == "codex" else "installed")
    assert work.tool("hooks", "remove", agent, "--json").json["outcome"] == "removed"
    assert not path.exists()
    assert states(work)[agent] == "missing"
    assert work.tool("hooks", "remove", agent).out == f"{agent}: unchanged\n"


@pytest.mark.parametrize("theirs", [THEIRS, "{}", "\n", '{"hooks":{}}', '{\r\n\t"a": 1\r\n}\r\n'])
def test_what_was_there_stays_and_comes_back_byte_for_byte(work: Workplace, theirs: str) -> None:
    path = put(work.home / FILES["claude"], "")
    path.write_bytes(theirs.encode())
    path.chmod(0o640)
    work.tool("hooks", "install", "claude")
    now = json.loads(path.read_text())
    before = json.loads(theirs) if theirs.strip() else {}
    assert now | {"hooks": None} == before | {"hooks": None}
    assert len(commands(path)["Stop"]) == (2 if "true" in theirs else 1)
    assert path.stat().st_mode & 0o777 == 0o640
    work.tool("hooks", "remove", "claude")
    assert path.read_bytes() == theirs.encode()


def test_a_line_that_is_not_ours_is_not_written_anew(work: Workplace) -> None:
    path = put(work.home / FILES["claude"], THEIRS)
    work.tool("hooks", "install", "claude")
    for line in THEIRS.splitlines():
        assert line.rstrip(",]}") in path.read_text()


def test_what_a_person_has_changed_since_is_kept(work: Workplace) -> None:
    path = put(work.home / FILES["claude"], THEIRS)
    work.tool("hooks", "install", "claude")
    changed = json.loads(path.read_text())
    changed["theme"] = "light"
    changed["hooks"]["Stop"].append({"hooks": [{"type": "command", "command": "date"}]})
    path.write_text(json.dumps(changed))
    work.tool("hooks", "remove", "claude")
    assert commands(path) == {"Stop": ["true", "date"], "PreToolUse": []}
    assert json.loads(path.read_text())["theme"] == "light"


def test_what_is_empty_without_us_goes_with_us(work: Workplace) -> None:
    path = put(work.home / FILES["claude"], '{"theme": "dark"}')
    work.tool("hooks", "install", "claude")
    path.write_text(path.read_text().replace("dark", "light"))
    work.tool("hooks", "remove", "claude")
    assert path.read_text() == '{"theme": "light"}'


def test_a_symlink_stays_one(work: Workplace) -> None:
    real = put(work.home / "dotfiles" / "claude.json", THEIRS)
    path = work.home / FILES["claude"]
    path.parent.mkdir()
    path.symlink_to(real)
    work.tool("hooks", "install", "claude")
    assert path.is_symlink()
    assert len(commands(real)["Stop"]) == 2


def test_the_agents_own_variables_say_where(work: Workplace, tmp_path: Path) -> None:
    other = {
        "CLAUDE_CONFIG_DIR": str(tmp_path / "c"),
        "CODEX_HOME": str(tmp_path / "x"),
        "XDG_CONFIG_HOME": str(tmp_path / "o"),
    }
    for agent in FILES:
        work.tool("hooks", "install", agent, *(["--trust"] * (agent == "codex")), env=other)
    assert set(states(work, **other).values()) == {"installed"}
    assert set(states(work).values()) == {"missing"}


@pytest.mark.parametrize("agent", FILES)
def test_what_points_elsewhere_is_outdated_and_installed_anew(work: Workplace, agent: str) -> None:
    put(work.home / FILES["claude"], THEIRS)
    old = {"ASSIGNER_HOME": str(work.path / "old")}
    work.tool("hooks", "install", agent, env=old)
    assert states(work)[agent] == "outdated"
    work.tool("hooks", "install", agent)
    text = (work.home / FILES[agent]).read_text()
    assert str(work.state / "spool") in text
    assert old["ASSIGNER_HOME"] not in text


def test_codex_trusts_them_only_where_that_is_asked_for(work: Workplace) -> None:
    config = put(work.home / ".codex/config.toml", 'model = "m"\n[tui]\nx = 1\n')
    before = config.read_text()
    note = work.tool("hooks", "install", "codex").err
    assert note.count("\n") == 1
    assert "untrusted" in note
    assert "--trust" in note
    assert config.read_text() == before
    assert not work.tool("hooks", "install", "codex", "--trust").err
    assert states(work)["codex"] == "installed"
    put(config, config.read_text() + '[projects."/w"]\ntrust_level = "trusted"\n')
    work.tool("hooks", "remove", "codex")
    assert config.read_text() == before + '[projects."/w"]\ntrust_level = "trusted"\n'


def test_the_digest_of_a_hook_is_the_one_that_codex_makes(work: Workplace) -> None:
    """Recorded from `hooks/list` of codex 0.169.0."""
    from assigner.agents.hooks import codex_trust

    hook = {"type": "command", "command": "'/bin/true' x 2>/dev/null || :"}
    assert codex_trust.identity(Path("/h.json"), "Stop", 2, hook) == (
        "/h.json:stop:2:0",
        "sha256:539d877442af17f7e3fe44f2053297c832ce0a726b101143e3e82403056ff665",
    )
    hook = {"type": "command", "command": "/bin/true", "timeout": 10}
    assert codex_trust.identity(Path("/h.json"), "SessionStart", 0, hook) == (
        "/h.json:session_start:0:0",
        "sha256:dd5cdcb116994ce9a098a641cdd7d83bd23144aec16f1762761251873c7b53dc",
    )


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_a_file_of_codex_comes_back_byte_for_byte(work: Workplace, end: str) -> None:
    theirs = '[hooks.state."/other:stop:0:0"]\ntrusted_hash = "sha256:1"' + end
    config = put(work.home / ".codex/config.toml", theirs)
    work.tool("hooks", "install", "codex", "--trust")
    state = tomllib.loads(config.read_text())["hooks"]["state"]
    assert len(state) == 6
    work.tool("hooks", "remove", "codex")
    assert config.read_text() == theirs


BAD: list[tuple[str, str, str, str]] = [
    ("claude", FILES["claude"], "{", "is not JSON"),
    ("claude", FILES["claude"], "[]", "is not JSON: it is not an object"),
    ("claude", FILES["claude"], "[" * 100_000, "is not JSON"),
    ("claude", FILES["claude"], '{"hooks": []}', "'hooks.SessionStart' is not an object"),
    ("claude", FILES["claude"], '{"hooks": {"Stop": 1}}', "'hooks.Stop' is not an array"),
    ("codex", FILES["codex"], '{"a": 1,}', "is not JSON"),
    ("codex", ".codex/config.toml", "a = ", "is not valid TOML"),
    ("codex", ".codex/config.toml", "hooks = {}", "remove it"),
    ("opencode", FILES["opencode"], "// mine", "was not made by 'hooks install'"),
]


@pytest.mark.parametrize(("agent", "file", "text", "said"), BAD)
def test_a_file_that_is_not_as_it_should_be_is_left_alone(
    work: Workplace, agent: str, file: str, text: str, said: str
) -> None:
    path = put(work.home / file, text)
    trust = ["--trust"] if agent == "codex" else []
    refused = work.tool("hooks", "install", agent, *trust, status=78)
    assert refused.err.count("\n") == 1
    assert str(path) in refused.err
    assert said in refused.err
    assert path.read_text() == text
    assert [p for p in work.home.rglob("*") if p.is_file()] == [path]


def test_neither_a_directory_nor_a_symlink_to_elsewhere_is_written(work: Workplace) -> None:
    path = work.home / FILES["claude"]
    path.mkdir(parents=True)
    assert "is not a regular file" in work.tool("hooks", "install", "claude", status=78).err
    path.rmdir()
    path.symlink_to(work.path / "nothing")
    assert "dangling symlink" in work.tool("hooks", "install", "claude", status=78).err
    elsewhere = put(work.path / "nothing", THEIRS)
    assert f"symlink to '{elsewhere}'" in work.tool("hooks", "install", "claude", status=78).err
    assert elsewhere.read_text() == THEIRS
    nowhere = {"CLAUDE_CONFIG_DIR": "/proc/1/nowhere"}
    assert work.tool("hooks", "install", "claude", env=nowhere, status=78).err.count("\n") == 1
    relative = {"CLAUDE_CONFIG_DIR": "here"}
    assert "is not an absolute path" in work.tool(
        "hooks", "install", "claude", env=relative, status=78
    ).err  # fmt: skip


def test_a_file_that_is_broken_hides_no_other_agent(work: Workplace) -> None:
    settings = put(work.home / FILES["claude"], "{bad")
    put(work.home / ".config/assigner/providers/foo.toml", "x = 1").chmod(0o600)
    work.tool("hooks", "install", "codex")
    result = work.tool("hooks", "show", "--json", status=78)
    rows = {row["provider"]: row for row in result.json}
    assert {name: row["state"] for name, row in rows.items()} == {
        "claude": "unreadable", "codex": "untrusted", "opencode": "missing",
    }  # fmt: skip
    assert rows["claude"]["file"] == str(settings)
    assert str(settings) in rows["claude"]["to_do"]
    assert rows["claude"]["to_do"] in result.err and "foo.toml" in result.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["install"], "give an agent"),
        (["install", "vim"], "unknown agent 'vim'"),
        (["install", "aider"], "the provider file of 'aider' describes no hooks"),
        (["install", "claude", "--trust"], "'claude' runs hooks without --trust"),
    ],
)
def test_what_cannot_be_meant_is_refused(work: Workplace, arguments: list[str], said: str) -> None:
    assert said in work.tool("hooks", *arguments, status=2).err


def test_a_secret_beside_our_lines_is_not_shown(work: Workplace) -> None:
    put(work.home / FILES["claude"], THEIRS)
    shown = work.tool("hooks", "install", "claude").out
    assert "API_TOKEN" in shown
    assert "hush" not in shown + work.tool("hooks", "remove", "claude", "--json").out
    assert all(p.stat().st_mode & 0o777 == 0o600 for p in (work.state / "hooks").iterdir())


def test_the_command_reports_and_says_nothing_when_the_checkout_is_gone(work: Workplace) -> None:
    env = {"ASSIGNER_HOME": str(work.path / "it's $HOME")}
    work.tool("hooks", "install", "claude", env=env)
    (command,) = commands(work.home / FILES["claude"])["Stop"]
    gone = command.replace(str(ROOT), "/gone")
    for line in (command, gone):
        for shell in ("/bin/sh", "bash", "zsh", "fish"):
            done = subprocess.run(
                [shell, "-c", line], input="{}", capture_output=True, text=True, timeout=20,
                env={"PATH": os.environ["PATH"], "HOME": str(work.home)}, check=False,
            )  # fmt: skip
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    reports = list((work.path / "it's $HOME" / "spool").iterdir())
    assert [report.name.split(".")[1:3] for report in reports] == [["claude", "Stop"]] * 4


def test_a_session_can_be_given_hooks_without_touching_the_configuration(
    work: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in work.environment.items():
        monkeypatch.setenv(name, value)
    settings, agents = m_config.load(), registry.agents()
    claude = install.options(agents["claude"], settings).argv
    assert claude[0] == "--settings"
    assert str(settings.spool) in commands(Path(claude[1]))["Stop"][0]
    given = tomllib.loads("\n".join(install.options(agents["codex"], settings).argv[1::2]))
    assert given["hooks"]["Stop"][0]["hooks"][0]["command"].endswith("|| : assigner")
    assert len(given["hooks"]["state"]) == len(given["hooks"]) - 1
    monkeypatch.setenv("OPENCODE_CONFIG_CONTENT", '{"plugin": ["mine"]}')
    variables = install.options(agents["opencode"], settings).variables
    plugins = json.loads(variables["OPENCODE_CONFIG_CONTENT"])["plugin"]
    assert plugins == ["mine", (settings.home / "hooks/opencode.js").as_uri()]
    assert install.options(agents["aider"], settings) == install.Options()
    assert list(work.home.iterdir()) == []
    work.tool("hooks", "install", "claude")
    assert install.options(agents["claude"], settings) == install.Options()
