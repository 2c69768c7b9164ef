# SPDX-License-Identifier: MIT
"""Which runs there are below a directory, and what is known of each without opening its data."""

from dataclasses import dataclass
from pathlib import Path

from dunelab import store

DEPTH = 7           # of a run's directory below the root: base/sweep/RUN/steps/POINT/kv/RUN
FILTERS = ("workload", "system", "commit", "profile", "seed")


@dataclass(frozen=True)
class Entry:
    """A run, or a record that is a single file. key: its path below the root, with slashes.

    All texts are as they were found, by whomever they were written: escape them.
    """

    key: str
    workload: str
    started: str
    status: str
    engine: str
    domain: str
    profile: str
    commit: str
    seed: str
    systems: tuple
    report: bool

    def has(self, name, value):
        """Whether a filter lets it through; a commit may be abbreviated."""
        if name == "system":
            return value in self.systems
        if name == "commit":
            return self.commit.startswith(value)
        return getattr(self, name) == value


def entries(root):
    """[Entry] of all runs, the newest first; what cannot be read is listed as damaged."""
    found = []
    for depth in range(1, DEPTH + 1):
        for path in root.glob("/".join(["*"] * depth) + "/manifest.json"):
            folder = path.parent
            # `latest` is one of the others; a link may lead anywhere.
            if not any(item.is_symlink() for item in (path, *_below(root, folder))):
                found.append(_run(root, folder))
    found += [_record(root, path) for path in root.glob("*/*.json")
              if path.name != "manifest.json" and not path.is_symlink()
              and not path.parent.is_symlink() and not (path.parent / "manifest.json").exists()]
    found = [entry for entry in found if entry]
    return sorted(found, key=lambda entry: (entry.started, entry.key), reverse=True)


def _below(root, folder):
    while folder != root:
        yield folder
        folder = folder.parent


def _object(path):
    """The object in a JSON file; {} for anything else."""
    try:
        found = store.read_json(path, {})
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _run(root, folder):
    kept, plan = _object(folder / "manifest.json"), _object(folder / "plan.json").get("plan")
    plan = plan if isinstance(plan, dict) else {}
    engine = kept.get("engine") if isinstance(kept.get("engine"), dict) else {}
    # A profile has one, and its plan in the manifest alone.
    systems = plan.get("systems") or plan.get("parts") or (
        [kept["system"]] if "system" in kept else ())
    key = folder.relative_to(root).as_posix()
    return Entry(
        key, _text(plan.get("workload") or kept.get("experiment") or _kind(kept, key)),
        _text(kept.get("started")), _text(kept.get("status") or "damaged"),
        _text(engine.get("name") or plan.get("engine")), _text(engine.get("clock_domain")),
        _text(engine.get("profile") or plan.get("profile")),
        _text(kept.get("commit"))[:12] + ("+" if kept.get("dirty") else ""),
        _text(kept.get("seed", plan.get("seed"))),
        tuple(map(_text, systems)) if isinstance(systems, (list, tuple)) else (),
        (folder / "report" / "index.html").is_file())


def _kind(kept, key):
    """What a manifest is of: the word in its schema, or the directory it lies in."""
    name = _text(kept.get("schema"))
    return name.partition("/")[0].removeprefix("dunelab-") or Path(key).parts[0]


def _record(root, path):
    kept = _object(path)
    if not _text(kept.get("schema")).startswith("dunelab-"):
        return None
    return Entry(path.relative_to(root).as_posix(), _kind(kept, path.parent.name),
                 _text(kept.get("started")), "record", _text(kept.get("engine")),
                 _text(kept.get("clock_domain")), _text(kept.get("profile")),
                 _text(kept.get("commit"))[:12] + ("+" if kept.get("dirty") else ""),
                 _text(kept.get("seed")), (), False)


def _text(value):
    """A value as text; "" where there is none, or where it is no plain value."""
    return str(value) if isinstance(value, (str, int, float)) else ""
