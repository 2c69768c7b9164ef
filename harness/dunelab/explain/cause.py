# SPDX-License-Identifier: MIT
"""Why a request was slow, in one sentence, from where its time and its server's went."""

SERVER_CPU, GENERATOR_CPU = 1, 0    # as dunelab.kvscript pins them; dunelab.kvring's is its own

# Its threads have names of their own.
THREADS = {"memcached": ("memcached", "mc-")}

# A share of the time from which on something is named.
SHARE = 0.1


def sentence(request, sums, late_sums, comm):
    """One sentence. sums: attribution() of the server's CPU from the start of its busy period to
    the reply; late_sums: of the generator's from the scheduled time to the sending; comm: the
    server's."""
    late, waited, own = request.phases()
    total = request.latency or 1
    disturbers = [(ticks, kind, what) for ticks, kind, what in sums if disturbs(kind, what, comm)]
    busy = max(sum(ticks for ticks, _, _ in sums), 1)
    lost = sum(ticks for ticks, _, _ in disturbers)
    parts = []
    if late >= SHARE * total:
        elsewhere = max(late_sums, default=None)
        parts.append(f"{percent(late, total)} of its time it was not even sent: the load "
                     "generator was late" + (f", its CPU mostly in {elsewhere[2]}"
                                             if elsewhere else ""))
    if waited >= SHARE * total:
        parts.append(f"{percent(waited, total)} of its time it waited for the "
                     f"{count(request.ahead, 'request')} ahead of it")
    if own >= SHARE * total:
        parts.append(f"{percent(own, total)} it was served itself" if parts else
                     "nothing was ahead of it: its own service took all the time" if
                     own > (1 - SHARE) * total else
                     f"{percent(own, total)} of its time it was served itself")
    text = "; ".join(parts)
    if lost >= SHARE * busy:
        ticks, _, what = disturbers[0]
        text += (f"; of the server's time since it was idle last, {percent(lost, busy)} went "
                 f"elsewhere, the most ({percent(ticks, busy)}) to {what}")
    elif waited >= SHARE * total:
        text += (f"; the server had been at work without a pause for "
                 f"{(request.done - request.busy) / total:.1f} times its latency, undisturbed: "
                 "arrivals came in a burst")
    return text[:1].upper() + text[1:] + "."


def disturbs(kind, what, comm):
    """Whether that time of the server's CPU was not the server's work: interrupts, other programs,
    sleep. Its own system calls, exits and faults are its work."""
    if kind in ("interrupt", "idle"):
        return True
    return kind in ("program", "system call") and not what.startswith(THREADS.get(comm, comm))


def percent(part, whole):
    """A share for people."""
    return f"{100 * part / whole:.0f} %"


def count(number, word):
    """"1 request", "3 requests"."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"
