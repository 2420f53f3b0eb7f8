"""Socket tickets: once, for a minute."""

import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connections
from django.utils import timezone

from accounts.access import load_viewer
from accounts.errors import SessionEnded, TokenInvalid
from accounts.models import Session, SocketTicket
from accounts.services.tickets import consume_ticket

pytestmark = pytest.mark.django_db


def test_a_ticket_lets_its_session_in_once(as_alice, alice):
    response = as_alice.post("/api/ws-ticket/")
    ticket = response.json()["ticket"]

    assert response.status_code == 201
    assert load_viewer(consume_ticket(ticket)).id == alice.pk
    with pytest.raises(TokenInvalid):
        consume_ticket(ticket)


def test_a_ticket_dies_after_a_minute(as_alice):
    ticket = as_alice.post("/api/ws-ticket/").json()["ticket"]

    with time_machine.travel(timezone.now() + timedelta(seconds=61)), pytest.raises(TokenInvalid):
        consume_ticket(ticket)


def test_a_ticket_is_worth_as_much_as_its_session(as_alice):
    ticket = as_alice.post("/api/ws-ticket/").json()["ticket"]
    Session.objects.all().end("revoked")

    with pytest.raises(SessionEnded):
        load_viewer(consume_ticket(ticket))


def test_a_ticket_is_stored_as_a_hash(as_alice):
    ticket = as_alice.post("/api/ws-ticket/").json()["ticket"]

    assert ticket not in SocketTicket.objects.get().hash


@pytest.mark.parametrize("nonsense", ["", "x", "\x00", "\ud800", "é" * 1000])
def test_nonsense_is_no_ticket(nonsense):
    with pytest.raises(TokenInvalid):
        consume_ticket(nonsense)


@pytest.mark.django_db(transaction=True)
def test_of_parallel_uses_one_succeeds(as_alice):
    ticket, outcomes = as_alice.post("/api/ws-ticket/").json()["ticket"], []

    def use() -> None:
        try:
            outcomes.append(consume_ticket(ticket))
        except TokenInvalid:
            outcomes.append(None)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(outcomes) == 8
    assert sum(outcome is not None for outcome in outcomes) == 1
