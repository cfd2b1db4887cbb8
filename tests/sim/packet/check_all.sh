#!/bin/sh
# check_all.sh PACKET_CHECK DIR: runs every scenario folder below DIR (one that has config.txt and fct.txt) and reports how many are equal
# to the original's results. PACKET_CHECK is the program built beside the tests, e.g. build/release/tests/packet_check.
set -eu
check=$1
find "$2" -name 'fct.txt*' ! -name '*m3*' -exec dirname {} \; | sort -u | xargs "$check"
