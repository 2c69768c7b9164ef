# SPDX-License-Identifier: MIT
"""index.html of a kv run."""

from dunelab import causes, claims, facts, slo as objectives, stats, tables
from dunelab.webpage.document import (definitions, document, escape, figure_grid, table, top)

SECTIONS = (("latency", "Latency"), ("spectrum", "Percentile spectra"),
            ("ccdf", "Complementary distributions"), ("load", "Latency against load"),
            ("time", "Over time"), ("heat", "Heat maps"), ("warmup", "Warm-up"),
            ("checks", "Checks"), ("environment", "Environment"), ("reproduce", "How to reproduce"))


def html(run, figures, slo=None):
    """The whole page. figures: what report.figures_of() planned."""
    out = top(facts.title(run), facts.verdict(run), claims.line(run.manifest), facts.problems(run),
              SECTIONS if figures.all else ())
    extra = facts.extra_tables(run)
    out += [*_latency(run), *_extra(extra[:1])]
    if figures.all:
        out += [*_plain(figures, "spectrum"), *_plain(figures, "ccdf"),
                *_load(run, figures, slo), *_time(run, figures), *_heat(figures),
                *_plain(figures, "warmup")]
    else:
        out.append('<h2>Figures</h2><p class="problem">None: nothing was measured.</p>')
    out += [_head("checks"), *_extra(extra[1:], "h3"), *_environment(run),
            _head("reproduce"), f"<p>{escape(facts.reproduce(run)[0])}</p>",
            "<h3>Files</h3>",
            '<p>In the run’s directory: <a href="../summary.json">summary.json</a>, '
            '<a href="../summary.csv">summary.csv</a>, '
            '<a href="../manifest.json">manifest.json</a>, '
            '<a href="../journal.ndjson">journal.ndjson</a>, '
            '<a href="../cells/">cells/</a> with the histograms of every cell, and '
            '<a href="../boots/">boots/</a> with the consoles.</p>']
    return document(facts.title(run), out, figures.all)


def _head(name):
    return f'<h2 id="{name}">{dict(SECTIONS)[name]}</h2>'


def _latency(run):
    out, overview = [], facts.overview(run)
    if overview:
        out += [f"<h2>Compared with {escape(run.plan.baseline)}</h2>",
                '<p class="soft">Ratios to it: capacity, and p99 latency at each load point; '
                'below 1 is less.</p>', table(*overview, swatch=True)]
    out += [_head("latency"), f'<p class="soft">{escape(facts.how_to_read(run))}</p>']
    for title, rows in facts.grouped(run):
        out += [f"<h3>{escape(title[0].upper() + title[1:])}</h3>",
                table(*facts.latency(run, rows), swatch=True)]
    return out


def _plain(figures, section):
    chosen = [figure for figure in figures.all if figure.section == section]
    return [_head(section), *figure_grid(chosen)] if chosen else []


def _load(run, figures, slo):
    out = _plain(figures, "load") or [_head("load")]
    for name in tables.shown(run):
        if not any(figure.name.endswith(f"-p{name}") for figure in figures.all):
            out.append(f'<p class="soft">p{name} against load: n/a (need &gt;= '
                       f"{stats.samples_needed(name):,} requests a point)</p>")
    if slo:
        out += ["<h3>Load within the objective</h3>",
                f'<p class="soft">{escape(slo.source[0].upper() + slo.source[1:])}. Carried: the '
                f"whole 95 % interval of p{slo.percentile} is within it. Only loads that were "
                "measured are named.</p>", table(*objectives.table(run, slo), swatch=True)]
    return out


def _time(run, figures):
    chosen = [figure for figure in figures.all if figure.section == "series"]
    if not chosen:
        return []
    note, header, body = causes.table(run)
    return [_head("time"), *figure_grid(chosen), "<h3>Spikes and their causes</h3>",
            f'<p class="soft">{escape(note)}</p>', *([table(header, body, swatch=True)]
                                                     if body else [])]


def _heat(figures):
    out = []
    for title, chosen in figures.heat:
        out += [f"<h3>{escape(title[0].upper() + title[1:])}</h3>",
                *figure_grid(chosen, small=True)]
    return [_head("heat"), *out] if out else []


def _environment(run):
    header, body = facts.environment_difference(run)
    return [_head("environment"), "<h3>Where the systems differ</h3>",
            '<p class="soft">All else is the same for all of them.</p>',
            table(header, body, wrap=True),
            "<h3>The run</h3>", *definitions(facts.environment(run))]


def _extra(tables_of, heading="h2"):
    out = []
    for title, (header, body), note in tables_of:
        out += [f"<{heading}>{escape(title)}</{heading}>",
                f'<p class="soft">{escape(note)}</p>' if note else "",
                table(header, body, swatch=True)]
    return out
