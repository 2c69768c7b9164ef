// SPDX-License-Identifier: MIT
/* Runs the code of a check and puts its end into words. */
#include "lib/probe.h"

#include <string.h>

struct bare *probe_guest;
struct bare_end probe_last;

static const char *const vectors[32] = {
	"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "9",   "#TS",
	"#NP", "#SS", "#GP", "#PF", "15",  "#MF", "#AC", "#MC", "#XM", "#VE", "#CP",
};

static const char *const reasons[] = {
#define REASON(name, nr, doc) [nr] = #name,
	DUNE_EXIT_LIST(REASON)
#undef REASON
};

void probe_init(void)
{
	probe_guest = bare_create();
}

const char *probe_words(const struct bare_end *end, bool with_offset)
{
	static char words[64];
	char *at = words, *stop = words + sizeof(words);

	if (end->error) {
		snprintf(words, sizeof(words), "errno %d", -end->error);
	} else if (end->reached_end) {
		snprintf(words, sizeof(words), "runs");
	} else if (end->vector == BARE_NONE) {
		bool known = end->reason < sizeof(reasons) / sizeof(*reasons);

		snprintf(words, sizeof(words), "exit %s", known ? reasons[end->reason] : "?");
	} else {
		if (end->vector < 32 && vectors[end->vector])
			at += snprintf(at, stop - at, "%s", vectors[end->vector]);
		else
			at += snprintf(at, stop - at, "vector %d", end->vector);
		if (bare_has_error_code(end->vector))
			at += snprintf(at, stop - at, end->error_code ? "(%#x)" : "(0)",
				       end->error_code);
		if (with_offset)
			snprintf(at, stop - at, "@%d",
				 (int)(end->rip - bare_at(probe_guest, BARE_CODE)));
	}
	return words;
}

bool probe_is(const struct bare_end *end, const char *expected)
{
	const char *words = probe_words(end, strchr(expected, '@'));
	size_t length = strlen(words);
	const char *at;

	for (at = expected; at; at = strchr(at, '|'), at += !!at)
		if (!strncmp(at, words, length) && (!at[length] || at[length] == '|'))
			return true;
	printf("# %s instead of %s: rip %#lx, cs %#lx, rflags %#lx, rsp %#lx, cr2 %#lx, hw %#llx\n",
	       words, expected, end->rip, end->cs, end->rflags, end->rsp, end->cr2,
	       probe_guest->run->hw_reason);
	return false;
}

bool probe_code(int ring, const char *expected, const void *code, size_t size)
{
	bare_load(probe_guest, ring, code, size);
	probe_last = bare_run(probe_guest);
	return probe_is(&probe_last, expected);
}
