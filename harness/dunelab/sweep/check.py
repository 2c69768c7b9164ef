# SPDX-License-Identifier: MIT
"""Whether the experiment takes every point of a plan, asked of the experiment itself."""

import contextlib
import io

from dunelab import experiment
from dunelab.errors import UsageError
from dunelab.sweep import parameters


def points(plan):
    """UsageError names the first point that the experiment refuses, and why."""
    for point in plan.steps():
        values = dict(point.values)
        try:
            parameters.environment(values)
            said = io.StringIO()
            with contextlib.redirect_stderr(said):
                experiment.main([*_words(plan, point), "--check"])
        except UsageError as error:
            raise UsageError(f"point {point.key}: {error}") from None
        except SystemExit:
            raise UsageError(f"point {point.key}: {said.getvalue().splitlines()[-1]}") from None


def boots(plan, point):
    """[dryrun.Planned] of a point, under its variables."""
    return experiment.boots(_words(plan, point))


def _words(plan, point):
    return parameters.words(plan.experiment, dict(point.values))[1:]
