#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=all
# Transactions, both journals, and one that is killed in the middle and rolled back.
sql() { sqlite3 -batch base "$@"; }
for mode in delete wal; do
	rm -f base*
	sql "pragma journal_mode=$mode; create table t (n integer primary key, text, h);
	     create index i on t (h);"
	sql "with recursive c(n) as (select 1 union all select n+1 from c where n < 2000)
	     insert into t select n, hex(n * n), n * 7919 % 1009 from c;
	     select count(*), sum(h), max(text) from t;"
	sql "select h, count(*) from t group by h having count(*) > 1 order by 2 desc, 1 limit 3;
	     select group_concat(text, '-') from (select text from t order by h, n limit 5);"
	# More than the cache holds: changed pages are in the file before the end.
	mkfifo in
	sqlite3 -batch base <in &
	exec 3>in
	echo "pragma cache_size=10; begin; update t set h = -h, text = text || 'changed and longer';
.shell touch begun" >&3
	while [ ! -e begun ]; do sleep 0.1; done
	kill -9 $!
	wait $!
	echo "killed $?"
	exec 3>&-
	rm begun in
	sql "pragma integrity_check; select count(*), sum(h), max(text) from t;"
	echo "status $?"
done
sql "select nothing from nowhere" 2>&1; echo $?
sql "vacuum; pragma integrity_check"; sql .dump | md5sum
