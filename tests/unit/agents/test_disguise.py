"""Private words on a screen become made-up ones of the same length; the layout stays."""

import re

import pytest

from assigner.agents.disguise import Disguise
from assigner.system import terminal_text


def disguise(**words: list[str]) -> Disguise:
    given: dict[str, list[str]] = {"names": [], "paths": [], "secrets": []}
    return Disguise(**{**given, **words})


@pytest.mark.parametrize(
    ("words", "text", "right"),
    [
        ({"names": ["karl"]}, "karl@host, karls", r"(?!karl)[a-z]{4}@host, karls"),
        ({"names": ["karl"]}, "Karl", "Karl"),
        ({"names": ["Anna-9"]}, "Anna-9", r"(?!Anna)[A-Z][a-z]{3}-(?!9)\d"),
        ({"names": ["名前"]}, "│名前│", "│(?!名前)[字名]{2}│"),
        (
            {"paths": ["/home/me/acme-api"]},
            "/home/me/acme-api",
            r"/home/(?!me)../(?!acme).{4}-.{3}",
        ),
        ({"paths": ["/home/me/acme"]}, "~/acme, call me", r"~/(?!acme)[a-z]{4}, call me"),
        ({"paths": ["/srv/acmefarmland"]}, "acmefarm\n  land", r"(?!acme)[a-z]{8}\n  [a-z]{4}"),
        ({"paths": ["/srv/acmefarmland"]}, "│ /srv/acmefa… │", r"│ /srv/(?!acme)[a-z]{6}… │"),
        ({"paths": ["/srv/.conf"]}, "/srv/.conf", r"/srv/\.(?!conf)[a-z]{4}"),
        ({"secrets": ["s3cr3t!x"]}, "as3cr3t!xb", "axxxxxxxxb"),
        ({"secrets": ["top secret"]}, "top\nsecret", "xxx\nxxxxxx"),
        ({"secrets": ["first-line\nother-line"]}, "other-line", "x{10}"),
        ({"secrets": ["1"]}, "1 of 1", "1 of 1"),
        ({"secrets": ["s3cr3t"]}, "s3c\x1b[1mr3t\x1b[0m", "xxx\x1b\\[1mxxx\x1b\\[0m"),
        (
            {"paths": ["/srv/acme"]},
            "\x1b]8;;file:///srv/acme\x1b\\here\x1b]8;;\x1b\\",
            "\x1b]8;;file:///srv/(?!acme)[a-z]{4}\x1b\\\\here\x1b]8;;\x1b\\\\",
        ),
    ],
)
def test_a_word_is_replaced_by_one_of_the_same_form(
    words: dict[str, list[str]], text: str, right: str
) -> None:
    found = disguise(**words).text(text)
    assert re.fullmatch(right, found), found
    assert terminal_text.width(found) == terminal_text.width(text)


def test_the_same_word_becomes_the_same_everywhere_and_others_differ() -> None:
    paths = [f"/srv/{first}{second}ab" for first in "abcdefgh" for second in "abcdefgh"]
    found = disguise(paths=paths)
    made = [found.text(path) for path in paths]
    assert len({*made}) == len(paths) and not {*made} & {*paths}
    assert [found.text(path) for path in paths] == made


def test_a_directory_with_the_name_of_an_agents_word_can_be_left_outside_of_paths() -> None:
    found = Disguise([], ["/srv/interrupt"], [], only_in_paths=True)
    text = found.text("/srv/interrupt, esc to interrupt")
    assert re.fullmatch(r"/srv/(?!interrupt)[a-z]{9}, esc to interrupt", text), text
