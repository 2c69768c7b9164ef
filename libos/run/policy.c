// SPDX-License-Identifier: MIT
/* Reads a policy and answers questions about it. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

/*
 * Of what will be made later, there are a directory and names: the path as it will
 * be. NULL: errno says why not.
 */
static char *path_real(char *value)
{
	char *real = realpath(value, NULL), *name = strrchr(value, '/'), *parent, *whole;
	struct stat status;

	if (real || errno != ENOENT || !lstat(value, &status)) /* a link to nothing */
		return real;
	*name = 0;
	parent = path_real(name > value ? value : "/");
	*name = '/';
	if (!parent)
		return NULL;
	if (!name[1] || !strcmp(name, "/.") || !strcmp(name, "/.."))
		errno = ENOENT;
	else if (asprintf(&whole, "%s%s", parent[1] ? parent : "", name) >= 0)
		real = whole;
	free(parent);
	return real;
}

static const char *path_rule(enum policy_right right, char *value)
{
	const char *wrong = NULL;
	unsigned int length;
	char *path, *end;

	if (value[0] != '/')
		return "a path must be absolute";
	/* It would be taken for a part of the path, and the line for nothing. */
	if (strstr(value, " #") || strstr(value, "\t#"))
		return "a comment wants a line of its own";
	for (end = value + strlen(value); end > value + 1 && end[-1] == '/'; end--)
		end[-1] = 0;
	path = path_real(value);
	if (!path)
		return strerror(errno);
	length = (unsigned int)strlen(path);
	if (policy.n_paths == RULES_MAX || policy.used + length > TEXT_MAX) {
		wrong = "too many paths";
	} else {
		policy.paths[policy.n_paths].right = right;
		policy.paths[policy.n_paths].path = policy.used;
		/* The root is everything's beginning. */
		policy.paths[policy.n_paths++].length = length > 1 ? length : 0;
		memcpy(policy.text + policy.used, path, length);
		policy.used += length;
	}
	free(path);
	return wrong;
}

static const char *address_rule(bool bind, char *value)
{
	char *colon = strrchr(value, ':');
	struct in_addr address;
	unsigned long port;

	if (!colon)
		return "want IPV4:PORT";
	*colon++ = 0;
	port = strtoul(colon, NULL, 10);
	if (inet_pton(AF_INET, value, &address) != 1 || !*colon ||
	    colon[strspn(colon, "0123456789")] || port > 65535)
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

/* Each line whole: what does not fit in a buffer would be another line's beginning. */
static const char *lines(FILE *stream, int *line)
{
	char text[PATH_MAX + 16];
	const char *wrong = NULL;

	while (!wrong && fgets(text, sizeof(text), stream)) {
		size_t n = strlen(text);

		++*line;
		if ((!n || text[n - 1] != '\n') && !feof(stream))
			return "too long, or has a zero in it";
		text[strcspn(text, "\n")] = 0;
		wrong = strchr(text, '\r') ? "ends with a carriage return" : rule(text);
	}
	return wrong;
}

const char *policy_load(const char *file, int *line)
{
	char *real = realpath(file, NULL);
	FILE *stream = real ? fopen(real, "re") : NULL;
	const char *wrong;

	*line = 0;
	if (!stream) {
		wrong = strerror(errno);
		free(real);
		return wrong;
	}
	errno = 0;
	wrong = lines(stream, line);
	if (!wrong) {
		*line = 0;
		if (ferror(stream)) /* a directory, too, can be opened */
			wrong = strerror(errno);
		/* It is read again by each program that is executed. */
		else if (policy_allows(POLICY_WRITE, real))
			wrong = "lets the program write to the policy itself";
	}
	fclose(stream);
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
