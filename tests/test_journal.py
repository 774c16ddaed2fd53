"""The log never stops the gate: a reader that hangs costs lines, not steps."""

import logging
import os
import threading
from collections.abc import Iterator

import pytest

from gatefw.journal import LINES_LIMIT, Journal

BOUND_S = 10.0


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def logger_of(handler: logging.Handler) -> logging.Logger:
    logger = logging.Logger("gate under test")
    handler.setFormatter(logging.Formatter("gatefw: %(message)s"))
    logger.addHandler(handler)
    return logger


def fill(descriptor: int) -> int:
    os.set_blocking(descriptor, False)
    filled = 0
    try:
        while True:
            filled += os.write(descriptor, bytes(4096))
    except BlockingIOError:
        os.set_blocking(descriptor, True)
    return filled


def test_lines_come_out_in_order_and_the_end_waits_for_them(pipe: tuple[int, int]) -> None:
    handler = Journal(pipe[1])
    logger = logger_of(handler)
    for number in range(5):
        logger.info("event %d", number)
    handler.close()
    assert os.read(pipe[0], 65536).decode() == "".join(f"gatefw: event {number}\n" for number in range(5))


def test_a_full_pipe_holds_nobody_up_and_the_loss_is_told(pipe: tuple[int, int]) -> None:
    left = fill(pipe[1])
    handler = Journal(pipe[1])
    logger = logger_of(handler)
    gate = threading.Thread(target=lambda: [logger.info("%d", n) for n in range(3 * LINES_LIMIT)], daemon=True)
    gate.start()
    gate.join(BOUND_S)
    held_up = gate.is_alive()
    while left > 0:  # somebody reads again
        left -= len(os.read(pipe[0], min(left, 65536)))
    gate.join(BOUND_S)
    logger.info("again")
    handler.close()
    assert not held_up
    said = os.read(pipe[0], 1 << 20).decode()
    assert "lines of the log were lost" in said
