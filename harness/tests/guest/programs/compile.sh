#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=all
# The compiler named first makes a program, which runs; then it finds an error and says where.
compiler=$1; shift
"$compiler" "$@" -o compiled /programs/compiled.c; echo "$?"
./compiled argument; echo "$?"
"$compiler" -c -o object.o /programs/compiled.c && "$compiler" "$@" -o linked object.o && ./linked; echo "$?"
"$compiler" -E /programs/compiled.c | grep -c on_signal
printf '#include <stdio.h>\nint main(void)\n{\n\treturn nothing;\n}\n' >bad.c
"$compiler" -o bad bad.c; echo "$?"
