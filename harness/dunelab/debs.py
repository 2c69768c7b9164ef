# SPDX-License-Identifier: MIT
"""Debian packages as build inputs: looked up with the machine's apt, downloaded, unpacked.

Nothing is installed and no root is needed. The system's package lists are used as they are; when
they do not know a package, or name one that its mirror no longer has, lists of our own are fetched
into the cache from the sources the machine is configured with.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from dunelab import paths
from dunelab.errors import UsageError

TIMEOUT_S = 900         # for one apt command, downloads included
UPDATE_AFTER_S = 3600   # lists of our own that are younger are not fetched again
SUITE_AFTER_S = 86400   # nobody else renews the lists of a suite the machine does not use
_SYSTEM_LISTS = Path("/var/lib/apt/lists")
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_QUIET = ["-q", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=2",
          "-o", "Acquire::http::Timeout=30", "-o", "Acquire::https::Timeout=30"]

_suite = None           # what select() chose
_private = False        # whether lists of our own are in use, for the rest of this process
_memo = None            # answers of lookup() that hold as long as no list changes: {name: Package}


@dataclass(frozen=True)
class Package:
    """One version of one package; `needs` is what the fields Depends and
    Pre-Depends say, `sha256` is apt's."""

    name: str
    version: str
    arch: str
    sha256: str
    needs: str

    @property
    def filename(self):
        """The .deb's name, as apt-get download writes it."""
        return f"{self.name}_{self.version.replace(':', '%3a')}_{self.arch}.deb"

    def record(self):
        """What a result keeps of it."""
        return {"name": self.name, "version": self.version, "sha256": self.sha256}


class AptError(UsageError):
    """apt does not know a package, or cannot download it (no network)."""


def select(suite):
    """Take packages from this suite of the machine's mirror (such as bookworm-backports) from now
    on, for the rest of this process; AptError when no source of the machine has its main suite."""
    global _suite, _private, _memo
    base, sources = suite.split("-")[0], []
    for line in _apt(["apt-get", "indextargets", "--no-release-info", "--format",
                      "$(RELEASE) $(REPO_URI)", "Created-By: Packages", "Component: main"]
                     ).splitlines():
        release, uri = line.split()
        key = f" signed-by={_KEYRING}" if _KEYRING.exists() else ""
        if release == base:
            sources.append(f"deb [arch=amd64{key}] {uri} {suite} main\n")
    if not sources:
        raise AptError(f"/etc/apt lists no main archive of {base}, beside which {suite} would be")
    _suite, _private, _memo = suite, True, None
    _own().mkdir(parents=True, exist_ok=True)
    (_own() / "sources.list").write_text("".join(sorted(set(sources))))
    if _age() > SUITE_AFTER_S:
        _renew_lists()


def lookup(names):
    """The candidate version of each package, as {name: Package}; AptError when one is unknown."""
    memo = _recall()
    if not all(name in memo for name in names):
        memo.update(_lookup(names))
        _remember(memo)
    return {name: memo[name] for name in names}


def obtain(resolve):
    """(packages, .deb paths) of what resolve() -> list of Package says, by way of lookup().

    If that fails with the system's lists, or downloading does (their mirror has moved on), it is
    tried once more with lists fetched now. AptError when that fails too.
    """
    try:
        packages = resolve()
        return packages, download(packages)
    except AptError:
        if not _renew_lists():
            raise
    packages = resolve()
    return packages, download(packages)


def download(packages):
    """The .deb of each package, from the cache or by apt, as a list of paths in the same order.

    Every file's SHA-256 is compared with apt's. AptError when something cannot be downloaded.
    """
    folder = paths.cache() / "debs"
    folder.mkdir(exist_ok=True)
    missing = [p for p in packages if not cached(p)]
    if missing:
        _download(missing, folder)
    return [folder / p.filename for p in packages]


def cached(package):
    """Whether the cache holds this package intact."""
    path = paths.cache() / "debs" / package.filename
    return path.exists() and sha256(path) == package.sha256


def unpack(deb, folder):
    """Extract the files of a .deb below `folder` (made if need be), owned by whoever we are."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["dpkg-deb", "-x", deb, folder], capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise UsageError(f"cannot unpack {deb}: {_last(done.stderr)}; is the disk full? Otherwise "
                         "delete that file and try again")


def dependencies(package):
    """Names of what it needs, the first of each list of alternatives, without versions."""
    names = []
    for clause in filter(None, (c.strip() for c in package.needs.split(","))):
        names.append(re.split(r"[ (:|]", clause, maxsplit=1)[0])
    return names


def sha256(path):
    """SHA-256 of a file, as hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _lookup(names):
    try:
        output = _apt(["apt-cache", "show", "--no-all-versions", *names])
    except AptError as error:
        raise AptError(f"apt does not know {', '.join(names)} ({error}); is there a network, and "
                       "does /etc/apt list Debian's main archive? Then run: apt-get update"
                       ) from error
    found = {}
    for stanza in output.split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z0-9-]+): (.*)$", stanza, re.M))
        # An installed package without a source in the lists has no checksum: useless here.
        if "SHA256" in fields:
            found[fields["Package"]] = Package(
                fields["Package"], fields["Version"], fields["Architecture"], fields["SHA256"],
                ", ".join(filter(None, map(fields.get, ("Pre-Depends", "Depends")))))
    for name in names:
        if name not in found:
            raise AptError(f"apt has no source for the package {name}: check that /etc/apt lists "
                           "Debian's main archive, and run: apt-get update")
    return found


def _stamp():
    """Changes whenever a package list does, the system's or ours."""
    seen = []
    for folder in (_SYSTEM_LISTS, _own() / "lists"):
        if folder.is_dir():
            seen += [f"{f.path} {f.stat().st_mtime_ns}" for f in os.scandir(folder) if f.is_file()]
    return hashlib.sha256("\n".join(sorted(seen)).encode()).hexdigest()


def _recall():
    """What earlier lookups found in these same lists: apt-cache takes a second per call on machines
    that keep no binary cache, which would be most of the time of a build with nothing to do."""
    global _memo
    if _memo is None:
        _memo = {}
        try:
            kept = json.loads(_lookup_cache().read_text())
            if kept["stamp"] == _stamp():
                _memo = {name: Package(**fields) for name, fields in kept["packages"].items()}
        except (OSError, ValueError, KeyError, TypeError):
            pass
    return _memo


def _remember(memo):
    kept = {"stamp": _stamp(), "packages": {name: vars(p) for name, p in memo.items()}}
    path = _lookup_cache()
    scratch = path.with_suffix(f".{threading.get_native_id()}")
    scratch.write_text(json.dumps(kept))
    scratch.replace(path)


def _lookup_cache():
    return paths.cache() / (f"lookup-{_suite}.json" if _suite else "lookup.json")


def _own():
    """Where lists of our own are kept."""
    return paths.cache() / (f"apt-{_suite}" if _suite else "apt")


def _age():
    """Seconds since they were fetched."""
    updated = _own() / "updated"
    return time.time() - updated.stat().st_mtime if updated.exists() else float("inf")


def _download(packages, folder):
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        _apt(["apt-get", "download", *(f"{p.name}={p.version}" for p in packages)], cwd=scratch)
        for package in packages:
            path = os.path.join(scratch, package.filename)
            if not os.path.exists(path) or sha256(path) != package.sha256:
                raise AptError(f"the download of {package.name} {package.version} is incomplete or "
                               "not what apt promised; try again")
            os.replace(path, folder / package.filename)


def _renew_lists():
    """Switch to lists of our own, fetched now unless they are fresh. False when that fails, or
    cannot help because they are in use already."""
    global _private, _memo
    if (_private and _age() <= UPDATE_AFTER_S) or not shutil.which("apt-get"):
        return False
    for folder in (_own() / "lists/partial", _own() / "cache/archives/partial"):
        folder.mkdir(parents=True, exist_ok=True)
    before, _private = _private, True
    try:
        if _age() > UPDATE_AFTER_S:
            _apt(["apt-get", "update", "-o", "APT::Update::Error-Mode=any"])
            (_own() / "updated").touch()
    except AptError:
        _private = before
        return False
    _memo = {}
    return True


def _apt(argv, cwd=None):
    """Run an apt program with our options; its output. AptError with apt's own last words."""
    options = list(_QUIET)
    if _private:
        options += ["-o", f"Dir::State::lists={_own()}/lists", "-o", f"Dir::Cache={_own()}/cache"]
    if _suite:
        options += ["-o", f"Dir::Etc::sourcelist={_own()}/sources.list",
                    "-o", "Dir::Etc::sourceparts=/dev/null"]
    try:
        done = subprocess.run([argv[0], *options, *argv[1:]], cwd=cwd, capture_output=True,
                              text=True, timeout=TIMEOUT_S, check=False,
                              env={**os.environ, "LC_ALL": "C"})
    except FileNotFoundError as error:
        raise AptError(f"{argv[0]} is missing: dunelab takes its guest kernels from Debian's "
                       "packages and needs apt") from error
    except subprocess.TimeoutExpired as error:
        raise AptError(f"{' '.join(argv[:2])} took more than {TIMEOUT_S} s") from error
    if done.returncode:
        raise AptError(f"{' '.join(argv[:2])} failed: {_last(done.stderr)}")
    return done.stdout


def _last(text):
    lines = [line for line in text.strip().splitlines() if line]
    return lines[-1] if lines else "no message"
