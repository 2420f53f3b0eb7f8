"""Each event loop has one of its own."""

import asyncio

from common.per_loop import per_loop


@per_loop
def thing() -> list[int]:
    """A thing."""
    return []


async def _twice() -> tuple[list[int], list[int]]:
    return thing(), thing()


async def _popped() -> tuple[list[int] | None, ...]:
    return thing.pop(), thing(), thing.pop(), thing.pop()


def test_a_loop_has_one_and_another_loop_another() -> None:
    (first, same), (other, _) = asyncio.run(_twice()), asyncio.run(_twice())

    assert first is same
    assert first is not other


def test_what_was_popped_is_made_anew() -> None:
    assert asyncio.run(_popped()) == (None, [], [], None)
