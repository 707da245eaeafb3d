#!/bin/sh
# Stands in for asnode in the tests of xtask: says where it would listen, ends with its input.
while [ "$1" != --ready-file ]; do
    echo "argument $1"
    shift
done
echo 127.0.0.1:3456 >"$2"
cat >/dev/null
