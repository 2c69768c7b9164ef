#!/bin/dash
# SPDX-License-Identifier: MIT
# shellcheck disable=all
# Jobs, traps, pipelines, here-documents and arithmetic of dash.
i=0; while [ $i -lt 50 ]; do (exit $((i % 5))); s="$s$?"; i=$((i + 1)); done; echo "$s"
f() { local x=$1; [ "$x" -le 1 ] && echo 1 || echo $((x * $(f $((x - 1))))); }; f 10
for n in 1 2 3; do sh -c "exit $n" & p="$p $!"; done; for q in $p; do wait "$q"; echo $?; done
trap 'echo term' TERM; kill -TERM $$; trap - TERM; trap 'echo exit' EXIT
(trap 'echo sub; exit 3' INT; kill -INT $(sh -c 'echo $PPID'); sleep 1); echo $?
cat <<END | tr a-z A-Z
here $((1 << 20)) $(echo inner | rev)
END
sleep 20 & sleep 0.1; kill -STOP $!; kill -CONT $!; kill $!; wait $!; echo $?
set -e; false || echo survived; case abc in a*c) echo match;; esac; IFS=:; set -- a:b:c; for w in $*; do echo "$w"; done
umask 027; : >file; ls -l file | cut -c 1-10; exec 5>five; echo to five >&5; exec 5>&-; cat five
(ulimit -n 40; ulimit -n); (ulimit -c 0; kill -SEGV $(sh -c 'echo $PPID')) || echo $?; readonly r=1; (r=2) 2>&1 || echo $?
exec sh -c 'echo end; exit 12'
