# SPDX-License-Identifier: MIT
"""What the numbers of a run mean: sentences written from its manifest, never by hand."""

import re

from dunelab import profiles

# What each clock counts, for people.
DOMAINS = {
    "instr(bochs)": "virtual time: a fixed number of instructions per second on each CPU",
    "cycles(bochs-model)": "modelled cycles: instructions and events at a cost profile's "
                           "prices, no pipeline",
    "instr(icount)": "virtual time: one nanosecond per instruction",
    "ns(host)": "the host's clock, seen through an emulator",
    "ns(kvm-nested)": "real time under nested virtualization",
}
FREE = "VM exits, TLB misses and caches cost nothing here, which flatters Dune"
CHARGED = ("VM exits, TLB misses, interrupts and privileged instructions cost what the profile "
           "says; ")


def emulated(domain):
    """Whether a domain counts instructions, or what is computed from them, rather than time."""
    return domain.startswith(("instr", "cycles(bochs"))


def modelled(domain):
    """Whether a domain counts cycles of a cost profile."""
    return domain.startswith("cycles(bochs")


def charged(profile):
    """What a cost profile charges for and what it does not."""
    if profiles.CACHES_ON in profile:
        return CHARGED + "two caches of data are modelled, instruction caches and the pipeline not"
    return CHARGED + "caches and the pipeline are not modelled"


def unit(domain):
    """Unit of latencies: vns for an emulated clock, which counts no real nanoseconds."""
    return "vns" if emulated(domain) else "ns"


def rate_unit(domain):
    """Unit of rates: requests a second, virtual or not."""
    return "req/vs" if emulated(domain) else "req/s"


def short(manifest):
    """The claim that fits under a plot's title: what matters most comes first."""
    engine = manifest["engine"]
    domain = engine["clock_domain"]
    # "Bochs 3.0, build 49571102461740b2, bios ..." and "QEMU emulator version 7.2.22 (Debian ...)"
    name = re.split(r", | \(", engine["version"])[0].replace(" emulator version", "")
    if emulated(domain):
        return (f"emulated time, not hardware time · clock {domain} · profile "
                f"{engine['profile']} · {name}")
    if domain == "ns(host)":
        return f"the host's time: no latency conclusion · clock {domain} · {name}"
    return f"clock {domain} · {name}"


def line(manifest):
    """The full claim line: one paragraph."""
    engine = manifest["engine"]
    domain = engine["clock_domain"]
    text = f"{engine['version']}; clock domain {domain} ({DOMAINS.get(domain, 'unknown')})"
    if emulated(domain):
        means = charged(engine["profile"]) if modelled(domain) else FREE
        return (f"{text}; cost profile `{engine['profile']}`: {means}. "
                "Emulated time is not hardware time.")
    if domain == "ns(host)":
        return (f"{text}. The times are those of a shared host running an emulator: this run "
                "shows that everything works, and draws no latency conclusion.")
    return f"{text}: exits and nested page walks cost more than on bare metal."


def same_seed(run):
    """(headline, [one line per system]) about the same-seed check."""
    checks = run.manifest.get("same_seed") or {}
    lines = []
    for system in run.plan.systems:
        check = checks.get(system)
        if not check:
            lines.append(f"{system}: not checked")
        elif check["agreed"] is None:
            lines.append(f"{system}: could not be checked ({check['detail']})")
        elif check["agreed"]:
            lines.append(f"{system}: booted twice, {check['frames']} frames up to the end of the "
                         f"check are identical (sha256 {check['sha256'][:16]})")
        else:
            lines.append(f"{system}: the two boots DIFFER, {check['detail']}")
    if not run.manifest["engine"].get("deterministic"):
        return "not checked: this engine is not deterministic", []
    if not checks:
        return "not checked: the run ended before", lines
    if run.deterministic:
        missing = set(run.plan.systems) - set(checks)
        if missing:
            return f"agreed where checked; not checked: {', '.join(sorted(missing))}", lines
        return "the bits agreed: same seed twice, identical output", lines
    if run.deterministic is False:
        return "the bits DISAGREED: this run is not reproducible, draw nothing from it", lines
    return "incomplete", lines
