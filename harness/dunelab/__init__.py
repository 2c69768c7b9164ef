# SPDX-License-Identifier: MIT
"""dunelab: boots guests in emulators, runs experiments in them and reports what was measured."""
