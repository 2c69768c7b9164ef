#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=all
# stress-ng's stressors of some kinds, each a fixed number of times, verifying themselves.
export TMPDIR="$PWD"
for stressor in $*; do
	name=${stressor%=*}
	stress-ng --temp-path . --$name 2 --$name-ops ${stressor#*=} --verify --vm-bytes 8m --mmap-bytes 8m --mremap-bytes 4m \
		--timer-freq 1000 --timerfd-freq 1000 --timeout 600 --quiet --oomable; echo "$name $?"
done
