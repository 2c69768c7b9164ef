# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of scripts/dunelab's commands and options: . scripts/dunelab-completion.bash
#
# Asks the program itself, so that nothing here can be out of date.
_dunelab() {
	local word=${COMP_WORDS[COMP_CWORD]} program=${COMP_WORDS[0]}
	mapfile -t COMPREPLY < <("$program" complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
	# Everything else is a path.
	[ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$word")
}
complete -o filenames -F _dunelab dunelab
