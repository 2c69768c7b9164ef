# SPDX-License-Identifier: MIT
"""`compare`: two sets of runs against each other, metric by metric, with a verdict each."""
