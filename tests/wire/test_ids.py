"""Fresh ids are what they say, and nobody gets one twice."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import uuid

from hubbub.wire.ids import new_id


def test_an_id_is_a_random_uuid() -> None:
    ids = [new_id() for _ in range(2_000)]
    assert len(set(ids)) == len(ids)
    assert {len(one) for one in ids} == {36}
    assert all(str(uuid.UUID(one)) == one and uuid.UUID(one).version == 4 for one in ids)
    assert {uuid.UUID(one).variant for one in ids} == {uuid.RFC_4122}
    for place, digits in enumerate(zip(*ids, strict=True)):
        found = "".join(sorted(set(digits)))
        assert found == {8: "-", 13: "-", 14: "4", 18: "-", 19: "89ab", 23: "-"}.get(
            place, "0123456789abcdef"
        )


def test_threads_get_ids_of_their_own() -> None:
    found = list[str]()
    threads = [
        threading.Thread(target=lambda: found.extend([new_id() for _ in range(2_000)]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == len(found) == 8_000


def test_a_forked_process_gets_ids_of_its_own() -> None:
    program = """
        import os
        from hubbub.wire.ids import new_id

        new_id()
        child = os.fork()
        os.write(1, (" ".join(new_id() for _ in range(100)) + "\\n").encode())
        if child:
            os.waitpid(child, 0)
    """
    told = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, check=True, text=True
    )
    ids = told.stdout.split()
    assert len(set(ids)) == len(ids) == 200
