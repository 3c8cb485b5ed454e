"""JSON is changed as text: the rest stays as it is written."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assigner.agents.hooks import json_edit

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
GROUPS = st.dictionaries(st.sampled_from(["Stop", "Start"]), st.lists(VALUES, max_size=2))
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=3)
OURS = {"hooks": [{"command": "ours"}]}


@given(
    found=st.tuples(OBJECTS, st.none() | GROUPS),
    indent=st.sampled_from([None, 1, 2, 4, "\t"]),
    blanks=st.sampled_from(["", "\n", "  \r\n"]),
)
def test_what_is_appended_is_there_and_can_be_removed(
    found: tuple[dict[str, Any], dict[str, Any] | None], indent: Any, blanks: str
) -> None:
    before = found[0] | ({} if found[1] is None else {"hooks": found[1]})
    if found[1] is None:
        before.pop("hooks", None)
    text = blanks + json.dumps(before, indent=indent) + blanks
    after = json_edit.append(text, ["hooks", "Stop"], OURS)
    groups = before.get("hooks", {})
    expected = before | {"hooks": groups | {"Stop": [*groups.get("Stop", []), OURS]}}
    assert json.loads(after) == expected
    again = json.loads(json_edit.remove(after, ["hooks", "Stop"], lambda value: value == OURS))
    kept = {name: value for name, value in groups.items() if value or name != "Stop"}
    before.pop("hooks", None)
    assert again == before | ({"hooks": kept} if kept else {})


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("", '{\n  "a": [\n    1\n  ]\n}\n'),
        ("{}", '{\n  "a": [\n    1\n  ]\n}'),
        ('{"b":2}', '{"b":2, "a": [1]}'),
        ('{"a": [ ]}', '{"a": [1 ]}'),
        ('{\n\t"b": 2\n}', '{\n\t"b": 2,\n\t"a": [\n\t\t1\n\t]\n}'),
        ('{\r\n "a": [\r\n  0\r\n ]\r\n}', '{\r\n "a": [\r\n  0,\r\n  1\r\n ]\r\n}'),
        ('{"a": [0], "a": [2]}', '{"a": [0], "a": [2, 1]}'),
    ],
)
def test_what_is_appended_is_written_as_its_surroundings(text: str, after: str) -> None:
    assert json_edit.append(text, ["a"], 1) == after


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("", '{\n  "a": {\n    "b c": true\n  }\n}\n'),
        ('{"a": {"b c":  false , "d": 1}}', '{"a": {"b c":  true , "d": 1}}'),
        ('{"a": {}, "x": 1.50}\n', '{"a": {"b c": true}, "x": 1.50}\n'),
        ('{"a": {"b c": {}}, "a": {"b c": [1]}}', '{"a": {"b c": {}}, "a": {"b c": true}}'),
    ],
)
def test_what_is_put_stands_where_it_stood(text: str, after: str) -> None:
    assert json_edit.put(text, ["a", "b c"], True) == after


@pytest.mark.parametrize("text", ["[", "[]", '{"a": 1}', '{"a": []}'])
def test_nothing_is_put_into_what_is_made_otherwise(text: str) -> None:
    with pytest.raises(ValueError):
        json_edit.put(text, ["a", "b c"], True)


@pytest.mark.parametrize("text", ["[", "[]", "1", '{"a": {}}', '{"a": 1}', "{" * 100_000])
def test_what_is_made_otherwise_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):
        json_edit.append(text, ["a"], 1)


def test_the_beginning_of_an_object_is_read() -> None:
    text = '{"a": 1, "b": {"c": [2]}, "d": "e'
    assert json_edit.beginning(text) == {"a": 1, "b": {"c": [2]}}
    for end in range(len(text)):
        json_edit.beginning(text[:end])
