# SPDX-License-Identifier: MIT
"""`gate`: a short fixed plan on the bochs engine against the figures that are kept in the tree."""
