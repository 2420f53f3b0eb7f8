"""A slash command in a channel: the hook answers at once, the bot's reply follows."""

from typing import Any

from chats.tests.helpers import asked, eventually
from llm.testing import FakeProvider
from streamchat.tests.conftest import Friends, scripted


def test_the_bot_answers_in_the_channel(friends: Friends, fake: FakeProvider) -> None:
    message = friends.ask(scripted(text="Hello, friends."))

    assert message["text"] == "Hello, friends."
    assert message["custom"] == {"ai_generated": True, "generating": False}
    assert message["user_id"] == "parley-bot"
    assert friends.stream.state.users["parley-bot"]["name"] == "Parley"


def test_the_hook_answers_while_the_model_still_runs(friends: Friends, fake: FakeProvider) -> None:
    answer = friends.say(scripted(text="At last.", first_delay=5))

    assert answer["message"]["type"] == "regular"
    request = eventually(lambda: fake.requests("openai"))[0]
    assert request["open"]
    assert not request["finished"]
    placeholder = eventually(friends.messages)[0]
    assert (placeholder["text"], placeholder["custom"]) == ("", {"ai_generated": True, "generating": True})
    assert friends.finished()[0]["text"] == "At last."


def test_the_question_stays_in_the_channel_as_it_was_typed(friends: Friends) -> None:
    assert friends.say("What is up?")["message"] == {"type": "regular", "text": "/gpt What is up?"}
    friends.finished()


def test_indicators_come_in_order(friends: Friends) -> None:
    message = friends.ask(scripted(text="one two three four five", delay=0.1))

    story = friends.stream.story(message["id"])
    assert story[:3] == ["post", "AI_STATE_THINKING", "AI_STATE_GENERATING"]
    assert story[-2:] == ["store", "clear"]
    assert set(story[3:-2]) == {"grow"}
    texts = [call.body["set"]["text"] for call in friends.stream.calls("grow")]
    assert all(message["text"].startswith(text) for text in texts)
    assert all(call.body["set"]["generating"] is True for call in friends.stream.calls("grow"))


def test_a_failure_is_shown(friends: Friends) -> None:
    message = friends.ask(scripted(status=400))

    assert message["text"] == "The model could not answer. Try again later."
    story = friends.stream.story(message["id"])
    assert story == ["post", "AI_STATE_THINKING", "AI_STATE_ERROR", "store", "clear"]


def test_the_command_names_the_provider(friends: Friends, fake: FakeProvider) -> None:
    friends.ask("by one", command="gpt")
    friends.ask("by the other", command="gemini")

    assert [request["vendor"] for request in fake.requests()] == ["openai", "gemini"]


def test_a_channel_remembers_and_others_do_not_hear_of_it(circle: Any, fake: FakeProvider) -> None:
    here, elsewhere = circle(), circle()
    here.ask("My name is Ada.")
    here.ask("Who am I?")
    elsewhere.ask("Who am I here?")

    texts = [[text for _, text in asked(request)[1]] for request in fake.requests("openai")]
    assert texts[1][0] == "My name is Ada."
    assert texts[1][-1] == "Who am I?"
    assert texts[2] == ["Who am I here?"]


def test_a_thread_has_a_context_of_its_own_and_gets_its_reply_there(friends: Friends, fake: FakeProvider) -> None:
    friends.ask("In the channel.")
    message = friends.ask("In the thread.", values={"parent_id": "thread-1"})
    friends.ask("In the thread again.", values={"parent_id": "thread-1"})
    friends.ask("In the channel again.")

    assert message["parent_id"] == "thread-1"
    texts = [[text for role, text in asked(request)[1] if role == "user"] for request in fake.requests("openai")]
    assert texts[1:] == [
        ["In the thread."],
        ["In the thread.", "In the thread again."],
        ["In the channel.", "In the channel again."],
    ]


def test_only_the_last_turns_are_sent(friends: Friends, fake: FakeProvider, settings: Any) -> None:
    settings.CONTEXT_TURNS = 2
    for number in range(4):
        friends.ask(f"question {number}")

    texts = [text for role, text in asked(fake.requests("openai")[-1])[1] if role == "user"]
    assert texts == ["question 1", "question 2", "question 3"]


def test_a_long_reply_goes_on_in_further_messages(friends: Friends) -> None:
    friends.say(scripted(size=12_000, chunk=500))

    parts = friends.finished(3)
    assert len(parts) == 3
    assert len("".join(each["text"] for each in parts)) == 12_000
    assert all(each["custom"]["ai_generated"] for each in parts)


def test_a_slash_inside_a_command_is_text(friends: Friends, fake: FakeProvider) -> None:
    friends.ask("/save")

    assert asked(fake.requests("openai")[-1])[1][-1][1] == "/save"
