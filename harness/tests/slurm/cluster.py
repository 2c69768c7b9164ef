# SPDX-License-Identifier: MIT
"""A cluster of one node on loopback: a real slurmctld and a real slurmd, for the time of a test."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager

NEEDED = ("slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo")
START_S = 60

# Nothing of the host's own Slurm is used. Nobody but this machine can reach it, and it trusts
# whoever does: auth/none is in Debian's build. Processes are found by ancestry, not by cgroups.
_CONF = """\
ClusterName=dunelab-test
SlurmctldHost={host}(127.0.0.1)
SlurmctldAddr=127.0.0.1
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
CommunicationParameters=NoInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing():
    """The programs that are not there."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    return [name for name in NEEDED if not shutil.which(name, path=path)]


@contextmanager
def started(folder):
    """{variable: value} under which Slurm's commands speak to a cluster in a directory; it is gone
    afterwards, with all that ran in it. AssertionError, with its logs, if it does not start."""
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    conf, host = folder / "slurm.conf", socket.gethostname().partition(".")[0]
    conf.write_text(_CONF.format(host=host, ports=_free_ports(2), user=getpass.getuser(),
                                 folder=folder, cpus=len(os.sched_getaffinity(0))))
    variables = {"SLURM_CONF": str(conf), "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    environment, daemons = os.environ | variables, []
    try:
        for name in ("slurmctld", "slurmd"):
            with open(folder / f"{name}.out", "wb") as out:
                daemons.append(subprocess.Popen([shutil.which(name, path=variables["PATH"]), "-D"],
                                                env=environment, stdout=out, stderr=out))
        _wait(folder, daemons, environment)
        yield variables
    finally:
        subprocess.run(["scancel", "--full", "--user", getpass.getuser()], env=environment,
                       check=False, capture_output=True, timeout=30)
        for daemon in reversed(daemons):
            daemon.terminate()
            try:
                daemon.wait(30)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


def _wait(folder, daemons, environment):
    """Until the node takes jobs."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and all(daemon.poll() is None for daemon in daemons):
        done = subprocess.run(["sinfo", "--noheader", "--format", "%T"], env=environment,
                              capture_output=True, text=True, check=False)
        if done.stdout.strip() == "idle":
            return
        time.sleep(0.5)
    logs = "\n".join(f"{path.name}:\n{path.read_text('utf-8', 'replace')[-2000:]}"
                     for path in sorted(folder.glob("*.log")) + sorted(folder.glob("*.out")))
    raise AssertionError(f"Slurm did not start\n{logs}")


def _free_ports(count):
    """Ports of loopback that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [item.getsockname()[1] for item in sockets]
    for item in sockets:
        item.close()
    return ports
