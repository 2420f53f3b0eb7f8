"""python -m benchmarks.baselines.drf.seed '{"people": 16, "chats": 1, "messages": 0}': tables and people."""

# ruff: noqa: E402
import json
import sys
import uuid
from datetime import timedelta

import django

django.setup()

from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from benchmarks.baselines.drf.models import Chat, Message


def main(people: int, chats: int = 1, messages: int = 0, minutes: float = 1, password: str = "") -> list[dict]:
    call_command("migrate", verbosity=0)
    return [person(chats, messages, minutes, password) for _ in range(people)]


def person(chats: int, messages: int, minutes: float, password: str) -> dict:
    user = User.objects.create_user(f"bench{uuid.uuid4().hex[:12]}", password=password or None)
    now = timezone.now()
    moments = [now - timedelta(minutes=minutes * at) for at in range(chats)]
    made = [Chat(user=user, title=f"Chat {at}", created_at=moment) for at, moment in enumerate(moments)]
    Chat.objects.bulk_create(made, batch_size=5000)
    texts = [("user", "What follows from this?"), ("assistant", "Several things follow.")] * (messages // 2)
    rows = [Message(chat=chat, role=role, content=text) for chat in made for role, text in texts]
    Message.objects.bulk_create(rows, batch_size=5000)
    return {
        "name": user.username, "access": str(token(user)), "refresh": str(RefreshToken.for_user(user)),
        "chats": [str(chat.id) for chat in made[:100]],
    }  # fmt: skip


def token(user: User) -> AccessToken:
    made = AccessToken.for_user(user)
    made.set_exp(lifetime=timedelta(hours=1))
    return made


if __name__ == "__main__":
    json.dump(main(**json.loads(sys.argv[1])), sys.stdout)
