# SPDX-License-Identifier: MIT
"""`paper`: the evaluation of the Dune paper (OSDI 2012) again, its figures beside ours."""
