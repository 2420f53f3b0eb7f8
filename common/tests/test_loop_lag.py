"""A loop that is behind says so, and stops saying so once it has caught up."""

import asyncio
import time

from common.loop_lag import BEAT, LoopLag, loop_lag


def test_a_loop_that_keeps_time_is_not_behind() -> None:
    seen = LoopLag()
    for _ in range(100):
        seen.note(0.001)
    assert not seen.is_behind


def test_one_late_timer_is_no_delay() -> None:
    seen = LoopLag()
    seen.note(0.05)
    assert not seen.is_behind


def test_behind_until_it_has_caught_up() -> None:
    seen = LoopLag()
    for _ in range(5):
        seen.note(0.05)
    assert seen.is_behind
    for _ in range(5):
        seen.note(0.01)
    assert seen.is_behind, "still late: joining is what keeps it from being later"
    for _ in range(20):
        seen.note(0.0)
    assert not seen.is_behind


def test_a_blocked_loop_is_noticed_and_forgotten_when_nobody_streams() -> None:
    async def main() -> tuple[bool, bool]:
        mine = loop_lag()
        mine.enter()
        for _ in range(20):
            time.sleep(2 * BEAT)  # noqa: ASYNC251 - the load that is to be noticed
            await asyncio.sleep(0)
            await asyncio.sleep(BEAT)
            if mine.is_behind:
                break
        behind = mine.is_behind
        mine.leave()
        assert mine._watching is not None
        await asyncio.wait_for(mine._watching, 10)
        return behind, mine.is_behind

    assert asyncio.run(main()) == (True, False)
