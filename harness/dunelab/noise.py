# SPDX-License-Identifier: MIT
"""Noise: what the first CPU of a guest does while others are measured."""

IDLE, NOISE = "idle", "noise"
KINDS = (IDLE, NOISE)
# Of those that make it.
PACKAGES = ("stress-ng", "rt-tests")

# Shell of the guest, whose die() ends it. What a busy machine does, each on the first CPU:
# processes that wake each other, timers, memory and page cache that is taken and given back,
# mappings that change.
START = """noise=
for one in "switch 1" "timer 1 --timer-freq 2000" "vm 1 --vm-bytes 16m" "pipe 1" \\
	"tlb-shootdown 1" "hdd 1 --hdd-bytes 2m"; do
	taskset 0x1 stress-ng -q --taskset 0 --temp-path /tmp --$one >/dev/null 2>&1 &
	noise="$noise $!"
done
taskset 0x1 hackbench -g 1 -f 2 -l 100000000 >/dev/null 2>&1 &
noise="$noise $!"
sleep 0.1
for one in $noise; do
	kill -0 $one || die "a maker of noise ended at once"
done
"""

STOP = "kill $noise\n"


def packages(noise):
    """Debian packages that a boot needs for this."""
    return PACKAGES if noise == NOISE else ()
