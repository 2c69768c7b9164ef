# SPDX-License-Identifier: MIT
"""report.md: the report for a pull request or a terminal pager."""

from dunelab import claims, facts


def text(run, figures):
    """The whole file."""
    lines = [f"# {facts.title(run)}", "", f"> {claims.line(run.manifest)}", ""]
    for paragraph in facts.verdict(run):
        lines += [paragraph, ""]
    for problem in facts.problems(run):
        lines += [f"**{problem}**", ""]
    overview = facts.overview(run)
    if overview:
        lines += [f"Ratios to {run.plan.baseline}; below 1 is less:", "", *table(*overview), ""]
    lines += ["## Latency", "", facts.how_to_read(run), ""]
    for title, rows in facts.grouped(run):
        lines += [f"### {title[0].upper()}{title[1:]}", "", *table(*facts.latency(run, rows)), ""]
    for title, (header, body), note in facts.extra_tables(run):
        lines += [f"## {title}", "", *([note, ""] if note else []), *table(header, body), ""]
    lines += ["## Figures", ""]
    for figure in figures:
        lines += [f"![{figure.title}](figures/{figure.name}.svg)", "",
                  f"*{figure.caption}* [data](data/{figure.name}.csv)", ""]
    if not figures:
        lines += ["None: nothing was measured.", ""]
    lines += ["## How to reproduce", "", *facts.reproduce(run), ""]
    return "\n".join(lines)


def table(header, body):
    """Lines of a Markdown table; the first column is text, numbers are aligned right."""
    escape = "{}".format
    rule = ["---"] + ["---:" if _numeric(body, i) else "---" for i in range(1, len(header))]
    lines = [header, rule, *body]
    return ["| " + " | ".join(escape(cell).replace("|", "\\|") for cell in line) + " |"
            for line in lines]


def _numeric(body, column):
    return all(not line[column] or line[column][0] in "0123456789-n" for line in body)
