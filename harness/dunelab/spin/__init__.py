# SPDX-License-Identifier: MIT
"""The experiment `spin`: requests under a scheduling policy, beside what is predicted of them."""
