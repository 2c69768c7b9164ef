# SPDX-License-Identifier: MIT
"""Tasks side by side, each after those that it needs."""

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

from dunelab.engine import supervise


def run(tasks, jobs, work):
    """Call work(task) for every task, up to `jobs` at once, in their order as far as their needs
    allow. A task has a `key`, and `needs`: keys of tasks that must have ended. What work() raises
    passes through, KeyboardInterrupt at once, with no emulator left.
    """
    waiting, running, ended = list(tasks), {}, set()
    pool = ThreadPoolExecutor(jobs)
    try:
        while waiting or running:
            for task in [t for t in waiting if ended.issuperset(t.needs)]:
                if len(running) < jobs:
                    waiting.remove(task)
                    running[pool.submit(work, task)] = task
            # A time limit, because a wait without one does not see Ctrl-C at once.
            for future in wait(running, timeout=0.2, return_when=FIRST_COMPLETED).done:
                ended.add(running.pop(future).key)
                future.result()
    except BaseException:
        supervise.cancel_all()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
