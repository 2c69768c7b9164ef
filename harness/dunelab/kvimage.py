# SPDX-License-Identifier: MIT
"""The guest images of the kv experiment: which parts they need, and the digests of all of them."""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from dunelab import guestrun, image, kvring, packages, paths, plan as planning, store
from dunelab.errors import GuestError, UsageError

MEMORY_MIB = 512
PROGRAMS = ("kv-server", "kv-load")


def _programs(systems):
    """Of these systems' guests; those of sockets stay what they were without rings."""
    return PROGRAMS + (kvring.PROGRAMS if any(system.ring for system in systems) else ())


def kernel(system=None):
    """A system's kernel, the chosen one by default."""
    return paths.kernel(system.kernel if system else None) / "vmlinuz"


def prepare(plan):
    """Fetch the kernels of other flavours that a plan's systems name, and build their dune.ko."""
    for name in dict.fromkeys(planning.SYSTEMS[name].kernel for name in plan.systems):
        if name == paths.kernel_name():
            continue
        guestrun.fetch_kernels([name])
        command = [paths.root() / "scripts/build-module", paths.kernel(name), paths.build()]
        if subprocess.run(command, stdout=sys.stderr, check=False).returncode:
            raise GuestError(f"dune.ko cannot be built for the kernel {name}; to leave its "
                             "systems out, name the others in SYSTEMS")


def require(plan):
    """UsageError when something the plan's guests need has not been built."""
    systems = [planning.SYSTEMS[name] for name in plan.systems]
    missing = [str(paths.build() / "bin" / name) for name in _programs(systems)
               if not (paths.build() / "bin" / name).exists()]
    for system in systems:
        release = image.kernel_release(system.kernel)
        if not release:
            missing.append(str(kernel(system)))
        elif (system.dune or system.ring) and not _module(release).exists():
            missing.append(str(_module(release)))
    missing = list(dict.fromkeys(missing))
    if missing:
        raise UsageError("not built yet: " + ", ".join(missing) + "; run make build first")


def artifacts(systems, extra=()):
    """{name: sha256 or package list} of what the guests of these systems are made of.

    extra: Debian packages that are in all of them.
    """
    systems = list(systems)
    result = {"kernel": store.sha256(kernel()),
              "dune.ko": store.sha256(_module(image.kernel_release()))}
    for system in systems:
        if system.flavour:
            result[f"kernel {system.flavour}"] = store.sha256(kernel(system))
            result[f"dune.ko {system.flavour}"] = store.sha256(
                _module(image.kernel_release(system.kernel)))
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
        self._base = image.base_layer()
        self._lab = {key: image.lab_layer(image.kernel_release(key[0]), key[1])
                     for key in {_lab_key(system) for system in systems}}
        self._extra = [image.package_layer(name) for name in extra]
        self._packages = {system.server: image.package_layer(system.server) for system in systems
                          if system.server in packages.PROGRAMS}

    def initrd(self, system, script):
        """Path of the image in which /lab/run is `script`."""
        layers = [self._base, self._lab[_lab_key(system)]]
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


def _lab_key(system):
    return system.kernel, _programs([system])


def _module(release):
    return paths.build() / "modules" / release / "dune.ko"
