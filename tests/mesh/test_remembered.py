"""The memory of answers keeps its bounds."""

from __future__ import annotations

from hubbub.mesh.requests.remembered import Remembered


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_answer_is_kept_for_its_time() -> None:
    clock = Clock()
    memory = Remembered(seconds=120, clock=clock)
    memory.put(("ann", "1"), b"one")
    clock.now = 119.9
    assert memory.get(("ann", "1")) == b"one"
    assert memory.get(("bob", "1")) is None
    clock.now = 120.0
    assert memory.get(("ann", "1")) is None
    memory.put(("ann", "2"), b"two")
    assert len(memory) == 1


def test_the_oldest_make_room() -> None:
    memory = Remembered(most=3)
    for number in range(5):
        memory.put(("ann", str(number)), b"x")
    assert [memory.get(("ann", str(number))) for number in range(5)] == [None, None, *[b"x"] * 3]


def test_large_answers_push_out_more_and_a_too_large_one_is_not_kept() -> None:
    memory = Remembered(most_bytes=10)
    memory.put(("ann", "1"), b"12345")
    memory.put(("ann", "2"), b"12345")
    assert len(memory) == 2
    memory.put(("ann", "3"), b"123456")
    assert len(memory) == 1
    memory.put(("ann", "4"), b"12345678901")
    assert len(memory) == 0
    memory.put(("ann", "5"), b"1234567890")
    assert memory.get(("ann", "5")) == b"1234567890"


def test_an_answer_that_comes_again_counts_once() -> None:
    memory = Remembered(most_bytes=10)
    for _ in range(5):
        memory.put(("ann", "1"), b"12345")
    memory.put(("ann", "2"), b"12345")
    assert len(memory) == 2
