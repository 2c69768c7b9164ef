# SPDX-License-Identifier: MIT
"""Why was this request slow? Replays a run's own boot with the emulator's trace switched on."""
