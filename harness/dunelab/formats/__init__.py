# SPDX-License-Identifier: MIT
"""Other tools' formats, one module each.  Histograms come in and go out as a list of Series."""
