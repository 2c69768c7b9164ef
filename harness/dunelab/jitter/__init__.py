# SPDX-License-Identifier: MIT
"""The experiment `jitter`: what each system takes from a program, and how late it wakes one."""
