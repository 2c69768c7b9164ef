# SPDX-License-Identifier: MIT
"""The experiment `spin`: requests under a scheduling policy, beside what theory predicts of them."""
