"""The log of a running reply: what followers are handed of it, whatever it is made of."""

from chats.parts import TEXT, TOOL_CALL, TOOL_RESULT, json_text
from chats.turns.reply_log import AT_A_TIME, ReplyLog
from common.ids import uuid7


def log_of(*parts: tuple[str, str]) -> ReplyLog:
    log = ReplyLog(uuid7(), uuid7(), uuid7(), 1)
    for kind, text in parts:
        log.append(kind, text)
    log.show()
    return log


def test_arguments_are_no_longer_told_once_the_call_is_whole() -> None:
    """Also in the log of a process that only follows: whoever comes late is told of the call, and of nothing else."""
    log = log_of((TEXT, "I look."))
    log.grow_input("a", "look_up", '{"wor', 0)
    log.grow_input("b", "look_up", "{", 0)
    assert [each.text for each in log.new_input({})] == ['{"wor', "{"]

    log.append(TOOL_CALL, json_text({"id": "a", "name": "look_up", "input": {"word": "x"}, "state": "running"}))

    assert [each.call for each in log.new_input({})] == ["b"]


def test_a_part_that_is_no_text_is_whole_wherever_a_portion_ends() -> None:
    result = json_text({"id": "a", "state": "complete", "output": "🦊" * 2000})
    for before in (AT_A_TIME - 1, AT_A_TIME, AT_A_TIME + 1, AT_A_TIME - len(result), AT_A_TIME - len(result) + 1):
        for tail in ("", "b", "b" * AT_A_TIME):
            log = log_of((TEXT, "a" * before), (TOOL_RESULT, result), *([(TEXT, tail)] if tail else []))
            position, found = 0, list[tuple[str, str]]()
            while deltas := log.after(position):
                assert deltas[0].at == position
                assert all(delta.seq == log.base + delta.at + len(delta.text) for delta in deltas)
                found += [(delta.kind, delta.text) for delta in deltas]
                position = deltas[-1].at + len(deltas[-1].text)
            assert [text for kind, text in found if kind == TOOL_RESULT] == [result]
            assert "".join(text for kind, text in found if kind == TEXT) == "a" * before + tail


def test_a_reader_in_the_midst_of_a_part_has_it_whole_again() -> None:
    result = json_text({"id": "a", "state": "complete", "output": "x" * 100})
    log = log_of((TEXT, "abc"), (TOOL_RESULT, result), (TEXT, "def"))
    for position in range(4, 3 + len(result)):
        first, second = log.after(position)
        assert (first.at, first.text, second.text) == (3, result, "def")
