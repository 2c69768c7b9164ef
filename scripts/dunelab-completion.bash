# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of scripts/dunelab's commands and options: . scripts/dunelab-completion.bash
#
# Asks the program itself, so that nothing here can be out of date.
_dunelab() {
	local word=${COMP_WORDS[COMP_CWORD]} program=${COMP_WORDS[0]} words
	if [ "$COMP_CWORD" = 1 ]; then
		words=$("$program" help 2>/dev/null | sed -n 's/^  \([a-z-]*\)  .*/\1/p')
	elif [[ $word == -* ]]; then
		words=$("$program" "${COMP_WORDS[1]}" --help 2>/dev/null | sed -nE 's/^  (-., )?(--[a-z-]+).*/\2/p')
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
	# Everything else is a path.
	[ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$word")
}
complete -o filenames -F _dunelab dunelab
