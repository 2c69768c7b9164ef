# SPDX-License-Identifier: MIT
"""Entry point of `python3 -m dunelab`."""

import sys

from dunelab.cli import main

sys.exit(main(sys.argv[1:]))
