// SPDX-License-Identifier: MIT
/* Reads a policy and answers questions about it. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"

#define RULES_MAX 64
#define TEXT_MAX 8192

/* In the loader's image, which ring 3 can neither read nor write; its heap is not kept from it. */
static struct {
	struct {
		enum policy_right right;
		unsigned int length, path; /* path: where in text */
	} paths[RULES_MAX];
	char text[TEXT_MAX];
	unsigned int used;
	struct {
		bool bind;
		uint32_t address;
		uint16_t port;
	} addresses[RULES_MAX];
	unsigned int n_paths, n_addresses;
	bool flags[POLICY_SOCKETS + 1];
} policy;

static const char *path_rule(enum policy_right right, const char *value)
{
	char *real = realpath(value, NULL);
	/* Of what will be made later there is only the name. */
	const char *path = real ? real : value;
	unsigned int length = (unsigned int)strlen(path);
	const char *wrong = NULL;

	if (value[0] != '/') {
		wrong = "a path must be absolute";
	} else if (policy.n_paths == RULES_MAX || policy.used + length > TEXT_MAX) {
		wrong = "too many paths";
	} else {
		policy.paths[policy.n_paths].right = right;
		policy.paths[policy.n_paths].path = policy.used;
		/* The root is everything's beginning. */
		policy.paths[policy.n_paths++].length = length > 1 ? length : 0;
		memcpy(policy.text + policy.used, path, length);
		policy.used += length;
	}
	free(real);
	return wrong;
}

static const char *address_rule(bool bind, char *value)
{
	char *colon = strrchr(value, ':'), *end;
	struct in_addr address;
	unsigned long port;

	if (!colon)
		return "want IPV4:PORT";
	*colon = 0;
	port = strtoul(colon + 1, &end, 10);
	if (!inet_aton(value, &address) || end == colon + 1 || *end || port > 65535)
		return "want IPV4:PORT";
	if (policy.n_addresses == RULES_MAX)
		return "too many addresses";
	policy.addresses[policy.n_addresses].bind = bind;
	policy.addresses[policy.n_addresses].address = address.s_addr;
	policy.addresses[policy.n_addresses++].port = htons((uint16_t)port);
	policy.flags[POLICY_SOCKETS] = true;
	return NULL;
}

static const char *rule(char *text)
{
	char *word = strtok(text, " \t"), *value = strtok(NULL, ""), *end;

	if (!word || *word == '#')
		return NULL;
	if (value) {
		value += strspn(value, " \t");
		for (end = value + strlen(value); end > value && strchr(" \t", end[-1]); end--)
			end[-1] = 0;
	}
	if (!strcmp(word, "processes") || !strcmp(word, "tell")) {
		policy.flags[*word == 't' ? POLICY_TELL : POLICY_PROCESSES] = true;
		return value && *value ? "this word stands alone" : NULL;
	}
	if (!value || !*value)
		return "want a word and a value";
	if (!strcmp(word, "read"))
		return path_rule(POLICY_READ, value);
	if (!strcmp(word, "write"))
		return path_rule(POLICY_WRITE, value);
	if (!strcmp(word, "exec"))
		return path_rule(POLICY_EXEC, value);
	if (!strcmp(word, "bind") || !strcmp(word, "connect"))
		return address_rule(*word == 'b', value);
	return "no such word";
}

const char *policy_load(const char *file, int *line)
{
	char text[PATH_MAX + 16], *real = realpath(file, NULL);
	FILE *stream = real ? fopen(real, "re") : NULL;
	const char *wrong = NULL;

	*line = 0;
	if (!stream)
		return strerror(errno);
	while (!wrong && fgets(text, sizeof(text), stream)) {
		++*line;
		text[strcspn(text, "\n")] = 0;
		wrong = rule(text);
	}
	fclose(stream);
	if (!wrong) {
		*line = 0;
		/* It is read again by each program that is executed. */
		if (policy_allows(POLICY_WRITE, real))
			wrong = "lets the program write to the policy itself";
	}
	free(real);
	return wrong;
}

static bool below(unsigned int i, const char *path)
{
	const char *prefix = policy.text + policy.paths[i].path;
	unsigned int n;

	for (n = 0; n < policy.paths[i].length; n++)
		if (path[n] != prefix[n])
			return false;
	return !path[n] || path[n] == '/';
}

bool policy_allows(enum policy_right right, const char *path)
{
	unsigned int i;

	for (i = 0; i < policy.n_paths; i++) {
		enum policy_right has = policy.paths[i].right;

		if ((has == right || right == POLICY_LOOK ||
		     (has == POLICY_WRITE && right == POLICY_READ)) && below(i, path))
			return true;
	}
	return false;
}

bool policy_address(bool bind, uint32_t address, uint16_t port)
{
	unsigned int i;

	for (i = 0; i < policy.n_addresses; i++)
		if (policy.addresses[i].bind == bind && policy.addresses[i].address == address &&
		    policy.addresses[i].port == port)
			return true;
	return false;
}

bool policy_has(enum policy_flag flag)
{
	return policy.flags[flag];
}
