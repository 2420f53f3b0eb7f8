"""Questions about files: what reaches each vendor, who may ask about what, and what is left in the end."""

import base64
import io
import json
import uuid
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image

from accounts.access import Viewer
from chats.models import MessageFile
from chats.tests.helpers import eventually
from chats.tests.test_page_socket import sign_in
from chats.tests.test_sockets import open_socket
from chats.turns.accept import accept_turn
from chats.turns.requests import SendRequest
from conftest import Person
from files.models import File, Space
from files.sweep import sweep
from files.tests.conftest import pdf, picture, stored, upload
from llm.models import Model
from llm.snapshot import refresh_rows
from llm.testing import FakeProvider
from llm.tests.rows import live_rows, provider

__all__ = ["live_rows", "open_socket", "sign_in", "stored"]
pytestmark = pytest.mark.usefixtures("live_rows", "stored")
ADAPTERS = ["openai_chat", "openai_responses", "anthropic", "gemini"]


@pytest.fixture(autouse=True)
def one_model_a_dialect(live: str, fake: FakeProvider) -> None:
    for adapter in ADAPTERS:
        base = fake.gemini_base_url if adapter == "gemini" else fake.openai_base_url
        base = fake.anthropic_base_url if adapter == "anthropic" else base
        provider(adapter, ("seeing", "blind", "reading"), adapter=adapter, base_url=base)
    Model.objects.filter(model_id="blind").update(images=False, files=False)
    Model.objects.filter(model_id="reading").update(files=True)
    refresh_rows()


def photo() -> bytes:
    """Make what a phone does: 12 megapixels of noise, on their side, with a place in their metadata."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    exif[0x010E] = "secret-place"
    noise = Image.effect_noise((4000, 3000), 80).convert("RGB")
    written = io.BytesIO()
    noise.save(written, "JPEG", quality=86, exif=exif)
    return written.getvalue()


def ready(person: Person, data: bytes, name: str) -> str:
    file = upload(person, data, name).json()
    eventually(lambda: person.get(f"/api/files/{file['id']}/").json()["state"] == "ready")
    return str(file["id"])


def ask(person: Person, model: str, content: str = "What is this?", **values: Any) -> Any:
    return person.say(person.chat(model=model), content, **values)


def data_in(body: Any) -> list[bytes]:
    """Return all that is base64 in a request."""
    found = [part for part in json.dumps(body).replace('"', ",").split(",") if len(part) > 1000 and " " not in part]
    return [base64.b64decode(each) for each in found]


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_phone_photo_reaches_every_vendor_small_and_without_its_place(
    alice: Person, fake: FakeProvider, adapter: str
) -> None:
    original = photo()
    answer = ask(alice, f"{adapter}/seeing", files=[ready(alice, original, "IMG_1.jpg")])

    [sent] = data_in(fake.requests()[-1]["body"])
    shown = Image.open(io.BytesIO(sent))
    part = answer.json()["question"]["parts"][0]
    assert answer.json()["reply"]["state"] == "complete"
    assert (shown.format, max(shown.size), shown.size[0] < shown.size[1]) == ("JPEG", 1568, True)
    assert len(shown.getexif()) == 0
    assert b"secret-place" not in sent
    assert (part["type"], part["file"]["name"], part["file"]["size"]) == ("file", "IMG_1.jpg", len(original))


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_pdf_goes_as_text_and_to_those_that_read_them_as_it_is(
    alice: Person, fake: FakeProvider, adapter: str
) -> None:
    document = pdf(*(f"Page {n} of a report on moss" for n in range(200)))
    file = ready(alice, document, "report.pdf")
    blind = ask(alice, f"{adapter}/blind", files=[file])
    text = json.dumps(fake.requests()[-1]["body"])
    reading = ask(alice, f"{adapter}/reading", files=[file])
    [sent] = data_in(fake.requests()[-1]["body"])

    assert [each.json()["reply"]["state"] for each in (blind, reading)] == ["complete"] * 2
    assert "Page 199 of a report on moss" in text
    assert "What is this?" in text
    assert sent == document


def test_a_model_that_cannot_see_says_so_by_name_and_nothing_is_stored(alice: Person) -> None:
    file = ready(alice, picture(), "a.png")
    chat = alice.chat(model="openai_chat/blind")
    answer = alice.say(chat, "What is this?", files=[file])

    assert (answer.status_code, answer.json()["code"]) == (400, "unsupported")
    assert "images" in answer.json()["errors"]
    assert alice.messages(chat) == []
    assert alice.http.delete(f"/api/files/{file}/").status_code == 204


def test_what_was_seen_before_is_told_in_words_to_a_model_that_cannot_see(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat(model="openai_chat/seeing")
    alice.say(chat, "What is this?", files=[ready(alice, picture(), "cat.png")])
    alice.say(chat, "And now?", model="openai_chat/blind")

    text = json.dumps(fake.requests()[-1]["body"])
    assert "The user had sent a file here: cat.png" in text
    assert "base64" not in text


def test_a_picture_is_shown_again_for_two_turns(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat(model="openai_chat/seeing")
    alice.say(chat, "What is this?", files=[ready(alice, picture(), "cat.png")])
    shown = []
    for number in range(3):
        alice.say(chat, f"More {number}")
        shown.append("base64" in json.dumps(fake.requests()[-1]["body"]))

    assert shown == [True, True, False]


def test_text_of_a_user_is_not_needed_beside_a_file(alice: Person) -> None:
    file = ready(alice, b"moss is green", "moss facts.txt")
    chat = alice.chat(model="openai_chat/seeing")
    answer = alice.say(chat, "", files=[file, file])

    assert answer.status_code == 201
    assert [part["type"] for part in answer.json()["question"]["parts"]] == ["file"]
    assert alice.get(f"/api/chats/{chat}/").json()["title"] == "moss facts.txt"
    assert alice.say(chat, " ").status_code == 400


def test_editing_keeps_the_files_unless_others_are_named(alice: Person, fake: FakeProvider) -> None:
    file = ready(alice, b"moss is green", "moss.txt")
    chat = alice.chat(model="openai_chat/seeing")
    question = alice.say(chat, "One", files=[file]).json()["question"]["id"]
    edit = f"/api/chats/{chat}/messages/{question}/edit/"
    kept = alice.post(edit, {"content": "Two"}).json()
    without = alice.post(edit, {"content": "Three", "files": []}).json()

    assert [[part["type"] for part in each["question"]["parts"]] for each in (kept, without)] == [
        ["file", "text"],
        ["text"],
    ]
    again = alice.post(f"/api/chats/{chat}/messages/{kept['reply']['id']}/regenerate/")
    assert again.status_code == 201
    assert "moss is green" in json.dumps(fake.requests()[-1]["body"])


def test_a_strangers_file_is_unknown_wherever_it_appears(alice: Person, bob: Person) -> None:
    file = ready(alice, picture(), "a.png")
    chat = bob.chat(model="openai_chat/seeing")
    question = bob.say(chat, "Hello").json()["question"]["id"]
    edit = f"/api/chats/{chat}/messages/{question}/edit/"
    for id_ in (file, str(uuid.uuid4())):
        said = bob.say(chat, "Look", files=[id_])
        edited = bob.post(edit, {"content": "Look", "files": [id_]})
        assert (said.status_code, edited.status_code) == (404, 404)
        assert said.json()["code"] == "file_not_found"


def test_a_file_that_is_not_ready_is_refused(alice: Person) -> None:
    file = upload(alice, b"%PDF-1.4 broken", "a.pdf").json()["id"]
    eventually(lambda: alice.get(f"/api/files/{file}/").json()["state"] == "failed")
    answer = ask(alice, "openai_chat/seeing", files=[file])

    assert (answer.status_code, answer.json()["code"], answer.json()["error"]) == (409, "file_not_ready", "unreadable")


def test_a_pdf_that_we_cannot_read_is_left_to_a_model_that_can(alice: Person, fake: FakeProvider) -> None:
    data = b"%PDF-1.4 broken" + bytes(range(256)) * 8
    file = upload(alice, data, "a.pdf").json()["id"]
    eventually(lambda: alice.get(f"/api/files/{file}/").json()["state"] == "failed")
    answer = ask(alice, "anthropic/reading", files=[file])

    assert answer.json()["reply"]["state"] == "complete"
    assert data_in(fake.requests()[-1]["body"]) == [data]
    assert alice.post(f"/api/files/{file}/extract/").json()["state"] == "waiting"


def test_a_file_in_use_cannot_be_deleted_and_goes_with_its_last_chat(alice: Person, stored: Any) -> None:
    file = ready(alice, picture(), "a.png")
    chats = [alice.chat(model="openai_chat/seeing") for _ in range(2)]
    for chat in chats:
        assert alice.say(chat, "Look", files=[file]).status_code == 201
    assert alice.http.delete(f"/api/files/{file}/").json()["code"] == "file_in_use"

    assert alice.http.delete(f"/api/chats/{chats[0]}/").status_code == 204
    sweep()
    assert len(stored()) == 2
    assert alice.http.delete(f"/api/chats/{chats[1]}/").status_code == 204
    assert alice.get(f"/api/files/{file}/").status_code == 404
    eventually(lambda: stored() == [])
    eventually(lambda: not File.objects.filter(pk=file).exists())


def test_nothing_is_left_of_an_account(alice: Person, stored: Any) -> None:
    from conftest import PASSWORD

    ready(alice, b"unused", "a.txt")
    ask(alice, "openai_chat/seeing", files=[ready(alice, picture(), "a.png")])
    assert alice.http.request("DELETE", "/api/users/self/", json={"password": PASSWORD}).status_code == 204

    eventually(lambda: stored() == [])
    mine = {"owner_id": alice.id}
    eventually(lambda: not File.objects.filter(**mine).exists() and not Space.objects.filter(**mine).exists())
    assert not MessageFile.objects.filter(file__owner_id=alice.id).exists()


def test_the_text_of_files_is_moderated(alice: Person, settings: Any) -> None:
    file = ready(alice, b"The word is [flagged].", "a.txt")
    chat = alice.chat(model="openai_chat/seeing")
    settings.MODERATION = "on"
    answer = alice.say(chat, "Read this", files=[file])

    assert (answer.status_code, answer.json()["code"]) == (422, "blocked")


def test_the_text_of_pdfs_in_stateless_calls_is_moderated(alice: Person, settings: Any) -> None:
    key = alice.post("/api/keys/", {"name": "tool"}).json()["key"]
    settings.MODERATION = "on"
    codes = []
    for data in (pdf("moss is green"), pdf("moss", "The word is [flagged].")):
        url = f"data:application/pdf;base64,{base64.b64encode(data).decode()}"
        content = [{"type": "file", "file": {"filename": "a.pdf", "file_data": url}}]
        body = {"model": "openai_chat/seeing", "messages": [{"role": "user", "content": content}]}
        answer = alice.http.post("/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"})
        codes.append(answer.status_code)

    assert codes == [200, 422]


def test_the_page_asks_about_files_too(alice: Person, live: str, sign_in: Any) -> None:
    session = sign_in(alice).cookies[settings.SESSION_COOKIE_NAME].value
    token = "x" * 32
    cookies = {settings.SESSION_COOKIE_NAME: session, "csrftoken": token}
    with httpx.Client(base_url=live, cookies=cookies, headers={"X-CSRFToken": token}, timeout=30) as browser:
        sent = browser.post("/api/files/", files={"file": ("cat.png", picture(), "image/png")})
        foreign = browser.post("/api/files/", files={"file": ("a.txt", b"x")}, headers={"Origin": "https://evil.test"})
        file, chat = sent.json(), alice.chat(model="openai_chat/seeing")
        form = {"message": "", "files": f"{file['id']} {file['id']}"}
        page = browser.post(f"/chats/{chat}/send/", data=form, follow_redirects=True)
        preview = browser.get(file["preview_url"])

    assert (sent.status_code, foreign.status_code) == (201, 403)
    assert f'src="{file["preview_url"]}"' in page.text
    assert preview.headers["content-type"] == "image/jpeg"


def test_use_chat_sends_a_data_url_and_gets_it_back_by_address(alice: Person, fake: FakeProvider) -> None:
    name, data = f"c-{uuid.uuid4().hex}", base64.b64encode(pdf("moss is green")).decode()
    url = f"data:application/pdf;base64,{data}"
    file = {"type": "file", "mediaType": "application/pdf", "filename": "moss.pdf", "url": url}
    parts = [file, {"type": "text", "text": "What is this?"}]
    body = {"id": name, "messages": [{"id": "m1", "role": "user", "parts": parts}], "trigger": "submit-message"}
    answer = alice.post("/api/chat", {**body, "model": "openai_chat/seeing"})
    assert answer.status_code == 200
    assert "moss is green" in json.dumps(fake.requests()[-1]["body"])
    [part, _] = alice.get(f"/api/chat/{name}/messages").json()[0]["parts"]
    assert (part["type"], part["filename"]) == ("file", "moss.pdf")

    for url, status in [(part["url"], 200), (f"https://x.test{part['url']}", 200), ("https://x.test/a.png", 400)]:
        again = [{"id": uuid.uuid4().hex, "role": "user", "parts": [{**part, "url": url}]}]
        assert alice.post("/api/chat", {**body, "messages": again}).status_code == status


def completion(person: Person, model: str, part: dict[str, Any], store: bool) -> Any:
    """Ask about a file as OpenAI's clients do."""
    key = person.post("/api/keys/", {"name": "tool"}).json()["key"]
    content = [{"type": "text", "text": "What?"}, part]
    body = {"model": model, "store": store, "messages": [{"role": "user", "content": content}]}
    return person.http.post("/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"})


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def document(data: bytes) -> dict[str, Any]:
    url = f"data:application/pdf;base64,{base64.b64encode(data).decode()}"
    return {"type": "file", "file": {"filename": "a.pdf", "file_data": url}}


@pytest.mark.parametrize("store", [True, False])
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_openai_clients_send_photos_that_lose_their_place(
    alice: Person, fake: FakeProvider, adapter: str, store: bool
) -> None:
    url = f"data:image/jpeg;base64,{base64.b64encode(photo()).decode()}"
    answer = completion(alice, f"{adapter}/seeing", image(url), store)
    assert answer.status_code == 200, answer.text
    assert len(alice.get("/api/files/").json()["results"]) == int(store)

    [sent] = data_in(fake.requests()[-1]["body"])
    shown = Image.open(io.BytesIO(sent))
    assert (shown.format, max(shown.size), shown.size[0] < shown.size[1]) == ("JPEG", 1568, True)
    assert len(shown.getexif()) == 0
    assert b"secret-place" not in sent


def test_use_chat_sends_a_photo_of_five_megabytes(alice: Person, fake: FakeProvider) -> None:
    url = f"data:image/jpeg;base64,{base64.b64encode(photo()).decode()}"
    parts = [{"type": "file", "mediaType": "image/jpeg", "url": url}, {"type": "text", "text": "Where is this?"}]
    body = {"id": f"c-{uuid.uuid4().hex}", "messages": [{"id": "m1", "role": "user", "parts": parts}]}
    answer = alice.post("/api/chat", {**body, "trigger": "submit-message", "model": "openai_chat/seeing"})
    assert answer.status_code == 200, answer.text

    [sent] = data_in(fake.requests()[-1]["body"])
    assert max(Image.open(io.BytesIO(sent)).size) == 1568
    assert b"secret-place" not in sent


@pytest.mark.parametrize("store", [True, False])
def test_openai_clients_ask_models_that_cannot_see(alice: Person, fake: FakeProvider, store: bool) -> None:
    whole, scan = pdf("moss is green"), pdf("")
    url = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
    assert completion(alice, "openai_chat/blind", document(whole), store).status_code == 200
    assert "moss is green" in json.dumps(fake.requests()[-1]["body"])
    assert completion(alice, "openai_chat/reading", document(whole), store).status_code == 200
    assert document(whole)["file"]["file_data"] in json.dumps(fake.requests()[-1]["body"])
    asked = len(fake.requests())
    for model, part in (("blind", document(scan)), ("blind", image(url)), ("seeing", image("https://x.test/a.png"))):
        answer = completion(alice, f"openai_chat/{model}", part, store)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "messages")
    assert len(fake.requests()) == asked


def test_a_socket_asks_about_files_and_strangers_find_none(
    alice: Person, bob: Person, fake: FakeProvider, open_socket: Any
) -> None:
    file = ready(alice, b"moss is green", "moss.txt")
    for person, expected in ((alice, "accepted"), (bob, "error")):
        chat = person.chat(model="openai_chat/seeing")
        socket = open_socket(person)
        socket.tell("send", chat=chat, content="What is it?", files=[file])
        assert socket.next()["type"] == expected
    eventually(lambda: fake.requests() and "moss is green" in json.dumps(fake.requests()[-1]["body"]))


def test_the_log_of_changes_tells_what_becomes_of_a_file(alice: Person) -> None:
    place = alice.get("/api/changes/").json()["next"]
    file = ready(alice, pdf("moss"), "moss.pdf")
    assert alice.http.delete(f"/api/files/{file}/").status_code == 204

    def told() -> list[Any]:
        return list(alice.get(f"/api/changes/?after={place}").json()["results"])

    eventually(lambda: len(told()) == 3)
    assert {(each["kind"], each["file"], each["chat"], each["message"]) for each in told()} == {
        ("file", file, None, None)
    }


def test_a_turn_without_files_asks_no_table_of_theirs(alice: Person) -> None:
    """And one with files asks as often, however many they are."""

    def statements(files: list[uuid.UUID]) -> list[str]:
        viewer = Viewer(alice.id, None, True, "UTC", "", False)
        request = SendRequest(
            chat=uuid.uuid4(), content="Look", model="openai_chat/seeing", create=True, files=tuple(files)
        )
        with CaptureQueriesContext(connection) as asked:
            accept_turn(viewer, request, "me")
        return [each["sql"] for each in asked]

    ids = [uuid.UUID(ready(alice, picture(size=(60, 40 + n)), f"{n}.png")) for n in range(5)]
    _, plain, one, five = (statements(files) for files in ([], [], ids[:1], ids))  # the day's first makes rows

    assert not [sql for sql in plain if "files_file" in sql or "messagefile" in sql]
    assert len(plain) < len(one) == len(five)
