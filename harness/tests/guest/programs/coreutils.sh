#!/bin/dash
# SPDX-License-Identifier: MIT
# shellcheck disable=all
# A tour of coreutils from a shell that has none of them built in.
seq 1 3000 >n; wc n; sort -rn n | head -3; sort -S 1M --parallel=2 -R n | sort -n | cmp - n; echo $?
shuf -n 10 n | wc -l; tac n | head -1; nl n | tail -1; : >end; tail -f n --pid=$$ -n 1 >end &
until grep . end; do sleep 0.1; done; kill $!
wait $!; echo $?
cut -c 1-2 n | uniq -c | sort -rn | head -3; tr 0-9 a-j <n | fold -w 20 | md5sum; rev </dev/null
for sum in md5sum sha1sum sha224sum sha256sum sha384sum sha512sum b2sum cksum sum; do $sum n; done
split -l 500 n part.; ls part.*; cat part.* | cmp - n; csplit -s n 1000 2000; wc -l xx*; paste xx00 xx01 | head -2
join n n | wc -l; comm -12 n n | wc -l; expr 6 \* 7; factor 1234567890123456789 360; numfmt --to=iec 123456789
env printf '%s %05d %x %q\n' a 42 255 'b c'; echo -n x | base64; echo aGVsbG8= | base64 -d; echo; base32 -w 0 <n | md5sum
mkdir -p a/b/c; touch -d @0 a/b/c/f a/b/c a/b; cp -a a z; ls -lR --time-style=+%s z | cut -d' ' -f1,6-
ln -s f a/b/c/l; readlink -f a/b/c/l | tail -c 8
stat -c '%n %s %a %F' a a/b/c/f a/b/c/l; chmod 741 a/b/c/f; stat -c %a a/b/c/f; install -m 600 n i; stat -c %a i
mv z y; rm -r y; test -e y; echo $?; mktemp -u XXXX | wc -c; realpath --relative-to=a a/b/c; dirname a/b/c; basename a/b/c
truncate -s 1M t; du --apparent-size -k t; dd if=t of=u bs=64k count=3 status=none; stat -c %s u; shred -u u; test -e u; echo $?
date -u -d @86400 +%F; date -u -d '2020-02-29 +1 year' +%F; id -un; env -i A=b env; nice -n 5 nice; nohup true; echo $?
timeout 0.2 sleep 9; echo $?; timeout -s KILL 0.2 sleep 9; echo $?
timeout 600 sh -c 'exit 3'; echo $?
env --block-signal=USR1 sh -c 'kill -USR1 $$; echo blocked'; tee c1 c2 <n | cmp - n; cmp c1 c2
yes | head -n 100000 | wc; mkfifo p; cat p & echo through >p; wait; tsort <<END
a b
b c
END
od -A x -t x1z -N 20 n; pr -l 20 n | head -5 | wc -l; ptx -w 40 n | tail -1; fmt -w 30 n | tail -1
expand -t 4 n | unexpand | cmp - n
test 1 -lt 2 && [ -d a ] && pathchk a/b; arch; nproc; sync; false; echo $?
