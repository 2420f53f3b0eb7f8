"""Files that models make: parts of the reply and the user's own files, on every door."""

import base64
import json
import uuid
from typing import Any

import pytest

from chats.models import MessageFile
from chats.tests.helpers import eventually
from chats.tests.test_page_socket import sign_in
from chats.tests.test_sockets import open_socket
from conftest import Person
from files.models import File
from files.tests.conftest import picture, stored
from llm.testing import FakeProvider
from llm.tests.rows import live_rows
from tests.test_files import ADAPTERS, one_model_a_dialect

__all__ = ["live_rows", "one_model_a_dialect", "open_socket", "sign_in", "stored"]
pytestmark = pytest.mark.usefixtures("live_rows", "stored")
PICTURE = picture(size=(40, 30))
DRAWING = [each for each in ADAPTERS if each != "anthropic"]  # whose models make none


def draw(*pictures: bytes, **script: Any) -> str:
    return f"!fake {json.dumps({'pictures': [base64.b64encode(each).decode() for each in pictures], **script})}"


@pytest.mark.parametrize("adapter", DRAWING)
def test_a_picture_is_a_part_of_the_reply_and_a_file_of_its_user(alice: Person, adapter: str, stored: Any) -> None:
    chat = alice.chat(model=f"{adapter}/seeing")
    reply = alice.say(chat, draw(PICTURE, text="Here it is:")).json()["reply"]
    [text, part] = reply["parts"]

    assert (reply["state"], text["text"], part["type"]) == ("complete", "Here it is:", "file")
    assert (part["file"]["media_type"], part["file"]["width"], part["file"]["name"]) == ("image/png", 40, "picture.png")
    assert alice.get(part["file"]["url"]).content == PICTURE
    assert alice.messages(chat)[-1]["parts"] == reply["parts"]
    assert [each["id"] for each in alice.get("/api/files/").json()["results"]] == [part["file"]["id"]]
    assert alice.http.delete(f"/api/files/{part['file']['id']}/").json()["code"] == "file_in_use"

    assert alice.http.delete(f"/api/chats/{chat}/").status_code == 204
    eventually(lambda: stored() == [])
    eventually(lambda: not File.objects.filter(owner_id=alice.id).exists())


@pytest.mark.parametrize("adapter", DRAWING)
def test_a_picture_alone_is_an_answer_and_is_shown_with_the_next_two_questions(
    alice: Person, fake: FakeProvider, adapter: str
) -> None:
    chat = alice.chat(model=f"{adapter}/seeing")
    reply = alice.say(chat, draw(PICTURE, PICTURE, text="")).json()["reply"]
    assert (reply["state"], [part["type"] for part in reply["parts"]]) == ("complete", ["file"])

    shown = []
    for number in range(3):
        assert alice.say(chat, f"More {number}").json()["reply"]["state"] == "complete"
        shown.append("/9j/" in json.dumps(fake.requests()[-1]["body"]))
    assert shown == [True, True, False]
    alice.say(chat, "And you?", model=f"{adapter}/blind")
    body = json.dumps(fake.requests()[-1]["body"])
    assert ("/9j/" in body, "You made a file here: picture.png" in body) == (False, True)


def test_what_has_no_room_or_is_broken_is_told_and_the_turn_goes_on(alice: Person, settings: Any) -> None:
    settings.FILES_PER_USER = 1
    script = draw(b"\x89PNG\r\n\x1a\nbroken", b"\0nothing", PICTURE, picture(size=(7, 7)), text="Here:")
    reply = alice.say(alice.chat(model="gemini/seeing"), script).json()["reply"]

    assert (reply["state"], [part["type"] for part in reply["parts"]]) == ("complete", ["text", "file", "text"])
    assert reply["parts"][0]["text"].count("could not be kept") == 2
    assert "There is no room" in reply["parts"][2]["text"]
    assert MessageFile.objects.filter(message=reply["id"]).count() == 1


def test_events_and_pages_show_it_live(alice: Person, open_socket: Any, live: str, sign_in: Any) -> None:
    chat = alice.chat(model="openai_responses/seeing")
    socket = open_socket(alice)
    socket.tell("send", chat=chat, content=draw(PICTURE, text="Look"))
    frames = [socket.next()]
    while frames[-1]["type"] != "end":
        frames.append(socket.next())
    [part] = [frame["part"] for frame in frames if frame["type"] == "delta" and "part" in frame]
    page = sign_in(alice).get(f"/chats/{chat}/").content.decode()

    assert part["type"] == "file"
    assert page.count(f'src="{part["file"]["preview_url"]}"') == 1


def test_use_chat_gets_it_in_the_stream_and_from_what_is_stored(alice: Person) -> None:
    name = f"c-{uuid.uuid4().hex}"
    messages = [{"id": "m1", "role": "user", "parts": [{"type": "text", "text": draw(PICTURE, text="Look")}]}]
    body = {"id": name, "messages": messages, "trigger": "submit-message", "model": "openai_chat/seeing"}
    lines = alice.post("/api/chat", body).text.splitlines()
    events = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    [event] = [each for each in events if each["type"] == "file"]
    [kept] = [each for each in alice.get(f"/api/chat/{name}/messages").json()[-1]["parts"] if each["type"] == "file"]

    assert event == {"type": "file", "url": kept["url"], "mediaType": "image/png"}
    assert alice.get(event["url"]).content == PICTURE


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("adapter", DRAWING)
def test_openai_clients_get_it_as_openrouter_sends_it(alice: Person, adapter: str, stream: bool) -> None:
    key = alice.post("/api/keys/", {"name": "tool"}).json()["key"]
    asked = [{"role": "user", "content": draw(PICTURE, text="")}]
    body = {"model": f"{adapter}/seeing", "messages": asked, "stream": stream}
    answer = alice.http.post("/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"})
    lines = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    said = [choice["delta"] for line in lines for choice in line["choices"]] or [answer.json()["choices"][0]["message"]]
    [image] = [image for each in said for image in each.get("images", [])]

    assert answer.status_code == 200
    assert image["image_url"]["url"] == f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"
    assert alice.get("/api/files/").json()["results"] == []
