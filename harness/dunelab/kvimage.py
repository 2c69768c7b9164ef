# SPDX-License-Identifier: MIT
"""The guest images of the kv experiment: which parts they need, and the digests of all of them."""

import hashlib
import tempfile
from pathlib import Path

from dunelab import image, kvring, packages, paths, plan as planning, store
from dunelab.errors import UsageError

MEMORY_MIB = 512
PROGRAMS = ("kv-server", "kv-load")


def _programs(systems):
    """Of these systems' guests; those of sockets stay what they were without rings."""
    return PROGRAMS + (kvring.PROGRAMS if any(system.ring for system in systems) else ())


def kernel():
    """The guests' kernel."""
    return paths.kernel() / "vmlinuz"


def require(plan):
    """UsageError when something the plan's guests need has not been built."""
    systems = [planning.SYSTEMS[name] for name in plan.systems]
    missing = [str(paths.build() / "bin" / name) for name in _programs(systems)
               if not (paths.build() / "bin" / name).exists()]
    release = image.kernel_release()
    if not release:
        missing.append(str(paths.kernel() / "vmlinuz"))
    elif any(system.dune or system.ring for system in systems) and not _module(release).exists():
        missing.append(str(_module(release)))
    if missing:
        raise UsageError("not built yet: " + ", ".join(missing) + "; run make build first")


def artifacts(systems, extra=()):
    """{name: sha256 or package list} of what the guests of these systems are made of.

    extra: Debian packages that are in all of them.
    """
    systems = list(systems)
    result = {"kernel": store.sha256(kernel()),
              "dune.ko": store.sha256(_module(image.kernel_release()))}
    for name in (*_programs(systems), "report"):
        result[name] = store.sha256(paths.build() / "bin" / name)
    for name in dict.fromkeys(system.server for system in systems):
        if name in packages.PROGRAMS:
            result[name] = packages.record(name)
    return result | {name: packages.record(name) for name in extra}


class Image:
    """Builds initrds, each once, in a directory that lives as long as this object."""

    def __init__(self, systems, extra=()):
        self._folder = tempfile.TemporaryDirectory(prefix="dunelab-images-")
        self.release = image.kernel_release()
        self.kernel = kernel()
        self._base = image.base_layer()
        self._lab = {only: image.lab_layer(self.release, only)
                     for only in {_programs([system]) for system in systems}}
        self._extra = [image.package_layer(name) for name in extra]
        self._packages = {system.server: image.package_layer(system.server) for system in systems
                          if system.server in packages.PROGRAMS}

    def initrd(self, system, script):
        """Path of the image in which /lab/run is `script`."""
        layers = [self._base, self._lab[_programs([system])]]
        if system.server in self._packages:
            layers.append(self._packages[system.server])
        layers += [*self._extra, image.overlay_layer({"/lab/run": script})]
        data = image.compose(layers)
        path = Path(self._folder.name) / f"{hashlib.sha256(data).hexdigest()[:16]}.cpio"
        path.write_bytes(data)
        return path

    def close(self):
        """Remove the images."""
        self._folder.cleanup()


def _module(release):
    return paths.build() / "modules" / release / "dune.ko"
