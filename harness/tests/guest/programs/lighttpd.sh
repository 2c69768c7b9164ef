#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=all
# Files, scripts and errors over HTTP to curl; $1 connections from wrk for $2 seconds; SIGTERM at the end.
mkdir root; seq 1 20000 >root/numbers; echo '<p>hello' >root/index.html; : >root/empty
printf '#!/bin/sh\necho "Content-Type: text/plain"; echo; echo "$REQUEST_METHOD $QUERY_STRING"; cat\n' >root/say.cgi
cat >conf <<END
server.document-root = "$PWD/root"
server.upload-dirs = ("$PWD")
server.port = 8088
server.bind = "127.0.0.1"
server.modules = ("mod_cgi", "mod_accesslog", "mod_redirect")
accesslog.filename = "$PWD/access"
server.errorlog = "$PWD/errors"
index-file.names = ("index.html")
cgi.assign = (".cgi" => "/bin/sh")
url.redirect = ("^/old" => "/numbers")
mimetype.assign = ("" => "text/plain")
END
lighttpd -D -f conf & server=$!
get() { curl -s -m 600 "$@"; }
until get -o /dev/null http://127.0.0.1:8088/; do sleep 0.1; done
get http://127.0.0.1:8088/; get http://127.0.0.1:8088/numbers | md5sum
get -r 100-119 http://127.0.0.1:8088/numbers; echo; get -I http://127.0.0.1:8088/empty | grep -E 'HTTP|Length' | tr -d '\r'
get -o /dev/null -w '%{http_code} %{size_download}\n' http://127.0.0.1:8088/nothing
get -L -w '%{url_effective}\n' -o /dev/null http://127.0.0.1:8088/old
get -d posted 'http://127.0.0.1:8088/say.cgi?a=b'; echo
for i in 1 2 3 4; do
	get http://127.0.0.1:8088/numbers -o out$i http://127.0.0.1:8088/say.cgi -o cgi$i & all="$all $!"
done
wait $all; md5sum out? cgi?
wrk --timeout 600s -t 2 -c "$1" -d "$2"s http://127.0.0.1:8088/numbers >report; echo "wrk $?"
grep -E 'Non-2xx|errors' report; grep -c requests report
kill -TERM $server; wait $server; echo "ended $?"
grep -c 'GET /numbers' access | sed 's/[0-9]*[1-9]/some/'; ! grep -v -e 'server started' -e 'server stopped' errors
