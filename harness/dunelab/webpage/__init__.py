# SPDX-License-Identifier: MIT
"""Reports as pages: figures of our own SVG with their data beside them, and the frame around."""
