# SPDX-License-Identifier: MIT
"""The pages of `serve`: the list of runs with its filters, and two runs over each other."""

from html import escape as escape_plain
from urllib.parse import quote

from dunelab.compare import guard, output
from dunelab.serve import catalog, overlay
from dunelab.webpage.document import document, escape, figure_grid, table, top

HOME = '<p><a href="/">All runs</a></p>'


def index(root, entries, chosen):
    """The list. chosen: {filter: value} as in the address, unknown names left out."""
    shown = [entry for entry in entries
             if all(entry.has(name, value) for name, value in chosen.items())]
    out = ["<h1>Runs</h1>", f'<p class="soft">{len(shown)} of {len(entries)} below '
           f"<code>{escape(root)}</code>.</p>", '<form method="get" action="/">']
    for name in catalog.FILTERS:
        out.append(_choice(name, entries, chosen.get(name, "")))
    out += ['<button>Filter</button> <a href="/">all</a></form>']
    if not entries:
        out.append("<p>No run yet: <code>make experiment WORKLOAD=kv</code> makes one.</p>")
    if shown:
        out += ['<form method="get" action="/over">', *_list(shown),
                "<button>Lay the two that are marked over each other</button></form>",
                '<p class="soft">The older of the two is the base. Runs of kv, of jitter, and '
                "of the paper, whose figures are counts and have no curves; runs with different "
                "clocks are refused, or labelled.</p>"]
    return document("Runs", out)


def _choice(name, entries, value):
    known = {word for entry in entries for word in
             (entry.systems if name == "system" else [getattr(entry, name)]) if word}
    options = "".join(f'<option{" selected" if word == value else ""}>{escape_plain(word)}</option>'
                      for word in sorted(known | ({value} if value else set())))
    return (f"<label>{name}<select name={name}><option value=''>any</option>{options}</select>"
            "</label>")


def _list(shown):
    header = ("", "run", "started", "status", "engine", "clock", "profile", "commit", "seed",
              "systems")
    out = ['<div class="scroll"><table><thead><tr>',
           *(f'<th scope="col">{name}</th>' for name in header), "</tr></thead><tbody>"]
    for entry in shown:
        key = escape_plain(entry.key)
        mark = (f'<input type="checkbox" name="run" value="{key}" aria-label="mark {key}">'
                if entry.workload in overlay.WORKLOADS else "")
        cells = (entry.started, entry.status, entry.engine, entry.domain, entry.profile,
                 entry.commit, entry.seed, " ".join(entry.systems))
        out.append(f'<tr><td>{mark}</td><td><a href="{address(entry)}">{key}</a></td>'
                   + "".join(f"<td>{escape_plain(cell) or '-'}</td>" for cell in cells) + "</tr>")
    return [*out, "</tbody></table></div>"]


def address(entry):
    """Where a run's page is: its report, its directory without one, or the file itself."""
    base = f"/run/{quote(entry.key)}"
    if entry.status == "record":
        return base
    return f"{base}/report/index.html" if entry.report else f"{base}/"


def directory(key, names):
    """The names in a directory of a run."""
    links = [f'<li><a href="{quote(name)}">{escape_plain(name)}</a></li>' for name in names]
    return document(key, [HOME, f"<h1>{escape_plain(key)}</h1>", "<ul>", *links, "</ul>"])


def message(title, text, more=()):
    """A page that says why there is nothing else."""
    lines = [f"<p>{escape_plain(line)}</p>" for line in text.split("\n")]
    return document(title, [HOME, f"<h1>{escape_plain(title)}</h1>",
                            '<section class="verdict">', *lines, "</section>", *more])


def refused(text, keys, allowed):
    """Why two runs may not be compared as they are, and the way to do it all the same."""
    asked = text.rpartition("--allow ")[2].split(",")
    wanted = [word for word in guard.ALLOWED if word in allowed or word in asked]
    fields = [f'<input type="hidden" name="run" value="{escape_plain(key)}">' for key in keys]
    fields += [f'<input type="hidden" name="allow" value="{word}">' for word in wanted]
    again = ['<form method="get" action="/over">', *fields,
             "<button>Compare them in spite of it, labelled</button></form>"] if wanted else []
    return message("Not compared", text.partition("\nto compare in spite")[0], again)


def over(found, keys):
    """Two runs over each other."""
    made = found.made
    counts = [f"{name}: {key}" for name, key in zip(("base", "new"), keys)]
    verdict = [f"{len(made['metrics'])} metrics compared: {made['verdict']}", *counts]
    claim = (found.claim or
             "The clocks or the cost profiles of the two differ: their figures mean different "
             "things and are not laid over each other. Emulated time is not hardware time.")
    problems = [f"NOT LIKE WITH LIKE: {label}" for label in made["labels"]]
    problems += [*made["missing"][:5], *made["new"]["failed"], *made["base"]["failed"]]
    out = [HOME, *top("Two runs over each other", verdict, claim, problems)]
    if made["metrics"]:
        out += ["<h2>Metric by metric</h2>", f'<p class="soft">{escape(output.legend(made))}. '
                "One run a side can show little: <code>dunelab compare</code> takes ensembles.</p>",
                table(*output.table(made["metrics"]))]
    header, body = found.environment
    out += ["<h2>Where they differ</h2>",
            table(header, body, wrap=True) if body else "<p>In nothing that was recorded.</p>"]
    if found.figures:
        out += ["<h2>Figures</h2>", *figure_grid(found.figures, beside=False)]
    return document("Two runs over each other", out, found.figures)
