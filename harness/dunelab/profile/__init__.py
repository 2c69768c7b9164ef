# SPDX-License-Identifier: MIT
"""Where a workload's instructions go: profiles of guests and flame graphs."""
