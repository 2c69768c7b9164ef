# SPDX-License-Identifier: MIT
"""Many runs of an experiment from one plan: on this machine, or as a job array of Slurm."""
