"""`python -m benchmarks.files [sqlite|postgresql]`: CPU of a turn about a picture of 5 MB against one without.

The picture is uploaded before. Turns alternate, each in a chat of its own, so that neither has the other's past; what
is printed is the server's CPU in milliseconds: medians of rounds, and their difference.
"""

import io
import statistics
import sys
import tempfile
from pathlib import Path

import httpx
from PIL import Image

from benchmarks.parley import parley
from benchmarks.servers import fake_provider

ROUNDS, TURNS, MOST = 5, 20, 3.0
QUESTION = '!fake {"size": 200}'


def photo() -> bytes:
    """Return what a phone makes: 12 megapixels in about 5 MB, shapes and the fine noise of a sensor."""
    written = io.BytesIO()
    shapes = Image.effect_noise((80, 60), 120).resize((4000, 3000), Image.Resampling.BICUBIC)
    whole = Image.blend(shapes, Image.effect_noise((4000, 3000), 40), 0.5)
    whole.convert("RGB").save(written, "JPEG", quality=85)
    return written.getvalue()


def main() -> int:
    kind = (sys.argv[1:] or ["sqlite"])[0]
    with tempfile.TemporaryDirectory() as folder, fake_provider() as (_, base):
        options = {"MEDIA_ROOT": folder, "MESSAGES_PER_DAY": "100000", "TOKENS_PER_DAY": "100000000000"}
        with parley(base, kind, Path(folder), **options) as ours:
            [person] = ours.seed(people=1)
            headers = {"Authorization": f"Bearer {person['access']}"}
            with httpx.Client(base_url=f"http://127.0.0.1:{ours.port}", headers=headers, timeout=60) as http:
                data = photo()
                file = http.post("/api/files/", files={"file": ("photo.jpg", data)}).json()["id"]
                made = [http.post("/api/chats/", json={}).json()["id"] for _ in range(2 * (ROUNDS + 1) * TURNS)]
                chats, found = iter(made), dict[bool, list[float]]({False: [], True: []})
                for _ in range(ROUNDS + 1):
                    for with_file in found:
                        before = ours.process.cpu()
                        for _ in range(TURNS):
                            ask(http, next(chats), [file] if with_file else [])
                        found[with_file].append((ours.process.cpu() - before) / TURNS * 1000)
    without, about = (statistics.median(found[key][1:]) for key in (False, True))  # the first is to warm up
    size = f"{len(data) / 1e6:.1f} MB"
    print(f"{kind}: {without:.2f} ms without, {about:.2f} ms with a picture of {size}: {about - without:+.2f} ms,"
          f" {about / without:.2f} x, at most {MOST:+.2f}")  # fmt: skip
    return int(about - without > MOST)


def ask(http: httpx.Client, chat: str, files: list[str]) -> None:
    answer = http.post(f"/api/chats/{chat}/messages/?wait=true", json={"content": QUESTION, "files": files})
    if answer.status_code != 201 or answer.json()["reply"]["state"] != "complete":
        raise RuntimeError(answer.text[:500])


if __name__ == "__main__":
    sys.exit(main())
