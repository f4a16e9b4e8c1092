"""Work that many wait for is done once for all of them, and fails for all."""

from __future__ import annotations

import asyncio

from hubbub.mesh.transport.concurrency import Rounds


async def test_who_comes_before_a_round_shares_it() -> None:
    rounds, done, go = Rounds(), 0, asyncio.Event()

    async def work() -> None:
        nonlocal done
        await go.wait()
        done += 1

    first = asyncio.create_task(rounds.join(work))
    await asyncio.sleep(0)
    # The round that runs may have passed what these want to know: they need another one.
    later = [asyncio.create_task(rounds.join(work)) for _ in range(20)]
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(first, *later)
    assert done == 2


async def test_a_round_that_fails_fails_for_all_who_waited_for_it() -> None:
    rounds, tries = Rounds(), 0

    async def work() -> None:
        nonlocal tries
        tries += 1
        await asyncio.sleep(0)
        if tries < 3:
            raise ValueError(str(tries))

    ends = await asyncio.gather(*(rounds.join(work) for _ in range(4)), return_exceptions=True)
    assert [str(end) for end in ends] == ["1", "2", "2", "2"]
    await rounds.join(work)
    assert tries == 3


async def test_who_leaves_takes_nothing_from_the_others() -> None:
    rounds, done, go = Rounds(), 0, asyncio.Event()

    async def work() -> None:
        nonlocal done
        await go.wait()
        done += 1

    joining = [asyncio.create_task(rounds.join(work)) for _ in range(3)]
    await asyncio.sleep(0)
    joining[0].cancel()
    go.set()
    await asyncio.wait(joining)
    assert [one.cancelled() for one in joining] == [True, False, False]
    assert done == 1
