# SPDX-License-Identifier: MIT
"""What a cost profile predicts beside what was published: the rows, their errors, the report."""

from dunelab import costs, markdown as md

GOAL = 0.25     # of a published ratio of Dune to Linux
# What the paper calls them.
TITLES = {"getpid_forwarded": "getpid", "fault_fresh_libdune": "page fault",
          "walk_16384pages": "page walk", "interpose_pass": "ptrace (getpid intercepted)",
          "trap": "trap", "appel1": "appel 1, a page", "appel2": "appel 2, a page"}


def error(value, published):
    """Relative: 0.1 is 10 % too much."""
    return value / published - 1


def rows(profile, modelled, counted):
    """One dictionary a published row of Dune's, with Linux's own beside it (JSON-ready); or, where
    nothing of Dune's was published, one a row of Linux's."""
    fitted = set(profile.fitted.values())
    names = [name.partition(".")[2] for name in profile.published if name.startswith("dune.")]
    names = names or [name.partition(".")[2] for name in profile.published]
    result = []
    for name in names:
        linux, dune = f"linux.{costs.ON_LINUX.get(name, name)}", f"dune.{name}"
        row = {"operation": name, "linux": _cell(linux, profile, modelled, counted),
               "fitted": linux in fitted}
        if dune in profile.published:
            row["dune"] = _cell(dune, profile, modelled, counted)
            predicted = row["dune"]["modelled"] / row["linux"]["modelled"]
            published = row["dune"]["published"] / row["linux"]["published"]
            row |= {"ratio": predicted, "published_ratio": published,
                    "counted_ratio": row["dune"]["instructions"] / row["linux"]["instructions"]
                    if row["linux"]["instructions"] > 0 else None,
                    "ratio_error": error(predicted, published),
                    "within_goal": abs(error(predicted, published)) <= GOAL}
        result.append(row)
    return result


def _cell(name, profile, modelled, counted):
    published = float(profile.published[name])
    return {"row": name, "instructions": counted[name], "modelled": modelled[name],
            "published": published, "error": error(modelled[name], published)}


def _signed(value):
    return f"{value:+.0%}"


def _number(value):
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def table(kept):
    """Header and body of the table."""
    header = ["operation", "Linux: instructions", "modelled", "published", "error",
              "Dune: instructions", "predicted", "published", "error",
              "Dune / Linux: instructions", "predicted", "published", "error", f"within {GOAL:.0%}"]
    body = []
    for row in kept["rows"]:
        linux, dune = row["linux"], row.get("dune")
        cells = [TITLES.get(row["operation"], row["operation"]), *_figures(linux)]
        cells[-1] += " (fitted)" if row["fitted"] else ""
        if dune:
            counted = row["counted_ratio"]
            cells += [*_figures(dune), f"{counted:.3g}" if counted else "-",
                      f"{row['ratio']:.3g}", f"{row['published_ratio']:.3g}",
                      _signed(row["ratio_error"]), "yes" if row["within_goal"] else "NO"]
        else:
            cells += ["-"] * 9
        body.append(cells)
    return header, body


def _figures(cell):
    return [_number(cell["instructions"]), _number(cell["modelled"]), _number(cell["published"]),
            _signed(cell["error"])]


def constants(kept):
    """Header and body of the fitted constants."""
    header = ["constant", "fitted on", "found", "in the file", ""]
    body = []
    for key, value in kept["fitted"].items():
        same = abs(value["found"] - value["file"]) <= 0.01 * max(abs(value["file"]), 0.1)
        body.append([key, value["row"], f"{value['found']:g}", f"{value['file']:g}",
                     "as in the file" if same else "DIFFERS"])
    return header, body


def text(kept):
    """The report of a calibration, in Markdown."""
    lines = [f"# Cost profile {kept['profile']}: {kept['title']}", "",
             f"Clock {kept['clock_domain']}; {kept['engine']}; kernel arguments {kept['cmdline']}; "
             f"commit {kept['commit'][:12]}{' with changes' if kept['dirty'] else ''}.", ""]
    if kept["fitted"]:
        lines += ["Fitted on rows of Linux's own, one each; all other constants are published or "
                  "estimated, their sources in the profile:", "", *md.table(*constants(kept)),
                  ""]
    lines += ["Cycles. No row of Dune's was used for fitting. The ratio is Dune's row, predicted, "
              "to Linux's, modelled.", "", *md.table(*table(kept)), ""]
    return "\n".join(lines)
