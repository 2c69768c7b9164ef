# SPDX-License-Identifier: MIT
"""`serve`: a browser for all runs, on this machine alone."""
