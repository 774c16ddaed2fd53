"""The clock vouches for the time only where the kernel does."""

import math

import pytest

from gatefw.drivers.clock import KernelClock, SystemClock, read_kernel_clock


def test_a_disciplined_clock_is_trusted_within_the_kernels_error() -> None:
    now = SystemClock(read_kernel=lambda: KernelClock(synchronised=True, max_error_s=0.25)).now()
    assert now.trusted
    assert now.uncertainty_s == 0.25


@pytest.mark.parametrize(
    "kernel",
    [
        None,
        KernelClock(synchronised=False, max_error_s=0.25),
        KernelClock(synchronised=True, max_error_s=16.0),
        KernelClock(synchronised=True, max_error_s=math.nan),
    ],
)
def test_without_the_kernels_word_no_time_is_trusted(kernel: KernelClock | None) -> None:
    now = SystemClock(read_kernel=lambda: kernel).now()
    assert not now.trusted
    assert math.isfinite(now.uncertainty_s)


def test_the_monotonic_clock_never_goes_back() -> None:
    clock = SystemClock()
    seen = [clock.now().mono_s for _ in range(1000)]
    assert seen == sorted(seen)


def test_the_kernels_own_answer_has_a_sane_error() -> None:
    kernel = read_kernel_clock()
    if kernel is None:
        pytest.skip("this kernel or sandbox has no adjtimex")
    assert 0 <= kernel.max_error_s <= 16.0
