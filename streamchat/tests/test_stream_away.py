"""Stream's own troubles: rate limits, failures, slowness, messages that are gone."""

import time
from itertools import pairwise
from typing import Any

from chats.tests.helpers import eventually
from common.models import Task
from common.task_queue import run_now
from streamchat.models import Reply
from streamchat.tests.conftest import Friends, scripted


def times(friends: Friends, *names: str) -> list[float]:
    return [call.at for call in friends.stream.calls(*names)]


def test_a_rate_limit_is_kept_by_the_seconds_it_names(friends: Friends) -> None:
    friends.stream.fail("send", 429, headers={"Retry-After": "1"})
    friends.ask("hello")

    first, second = times(friends, "send")
    assert second - first >= 1


def test_a_rate_limit_is_kept_by_the_instant_it_names(friends: Friends) -> None:
    reset = int(time.time()) + 2
    limits = {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}
    friends.stream.fail("send", 429, headers=limits)
    friends.say("hello")
    eventually(lambda: len(friends.stream.calls("send")) == 2)

    assert time.time() >= reset
    assert friends.finished()


def test_updates_pause_for_a_rate_limit_and_the_last_text_is_stored(friends: Friends) -> None:
    friends.stream.fail("grow", 429, headers={"Retry-After": "1"})
    message = friends.ask(scripted(size=400, chunk=5, delay=0.02))

    assert len(message["text"]) == 400
    limited = friends.stream.calls("grow")[0].at
    later = [at for at in times(friends, "grow", "update") if at > limited]
    assert min(later) - limited >= 1


def test_updates_of_a_message_keep_their_distance(friends: Friends, settings: Any) -> None:
    settings.STREAM_UPDATES_PER_SECOND = 2
    friends.ask(scripted(size=600, chunk=5, delay=0.02))

    instants = times(friends, "grow", "update")
    assert len(instants) >= 3
    assert all(later - earlier >= 0.5 for earlier, later in pairwise(instants))


def test_failures_of_stream_are_tried_again(friends: Friends) -> None:
    friends.stream.fail("send", 500, times=2)
    friends.stream.fail("update", 503)
    message = friends.ask(scripted(text="Here it is."))

    assert message["text"] == "Here it is."
    assert len(friends.messages()) == 1


def test_a_call_without_an_answer_is_tried_again_and_posts_nothing_twice(friends: Friends, settings: Any) -> None:
    settings.STREAM_TIMEOUT = 0.3
    friends.stream.fail("send", 0, delay=0.8)
    friends.ask("hello")

    assert len(friends.stream.calls("send")) == 2
    assert len(friends.messages()) == 1


def test_indicators_are_no_reason_to_fail(friends: Friends) -> None:
    friends.stream.fail("event", 500, times=20)
    friends.say("hello")

    assert eventually(lambda: [each for each in friends.messages() if each["custom"]["generating"] is False])


def test_a_message_that_was_deleted_there_is_let_go(friends: Friends) -> None:
    friends.say(scripted(size=600, chunk=5, delay=0.02))
    eventually(lambda: friends.stream.calls("grow"))
    friends.stream.state.messages.clear()

    row = Reply.objects.get(channel__cid=friends.cid)
    eventually(lambda: Reply.objects.get(pk=row.pk).finished_at)
    assert Reply.objects.get(pk=row.pk).outcome == "refused_by_stream"


def test_a_text_that_stream_will_not_take_leaves_no_message_growing_for_ever(friends: Friends) -> None:
    friends.stream.fail("update", 400)
    message = friends.ask(scripted(text="Here it is."))

    assert message["text"] == "The reply cannot be shown in this channel."
    eventually(lambda: Reply.objects.filter(channel__cid=friends.cid, outcome="refused_by_stream").exists())


def test_the_rest_of_a_long_reply_that_stream_will_not_take_leaves_its_beginning(
    friends: Friends, settings: Any
) -> None:
    settings.STREAM_MESSAGE_CHARS = 100
    friends.stream.fail("send", 0)
    friends.stream.fail("send", 400, times=2)
    friends.say(scripted(size=150, chunk=150))
    eventually(lambda: Reply.objects.get(channel__cid=friends.cid).finished_at)

    (message,) = friends.messages()
    assert len(message["text"]) == 100
    assert message["custom"]["generating"] is False


def test_what_could_not_be_said_is_said_later(friends: Friends, settings: Any) -> None:
    """The task that could not end is tried again; here without waiting for its time."""
    settings.STREAM_RETRY_SECONDS = 0.1
    friends.stream.fail("update", 500, times=4)
    friends.say(scripted(text="At last."))

    def once_more() -> bool:
        row = Reply.objects.get(channel__cid=friends.cid)
        if Task.objects.filter(pk=row.task, status=Task.Status.READY, attempts__gt=0).exists():
            run_now(row.task)
        return row.finished_at is not None

    eventually(once_more)
    assert friends.finished()[0]["text"] == "At last."
    assert Task.objects.get(pk=Reply.objects.get(channel__cid=friends.cid).task).attempts > 1
