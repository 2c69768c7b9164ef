/* SPDX-License-Identifier: MIT */
/* Words of a command line, separated by spaces. */
#ifndef SERVER_TOKEN_H
#define SERVER_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct token {
	const char *text;
	size_t len;
};

/* More words than any command takes: one more proves that there are too many. */
#define TOKENS_MAX 9

static inline bool token_is(struct token token, const char *word)
{
	return token.len == strlen(word) && !memcmp(token.text, word, token.len);
}

/* The word after any spaces at *at, which moves behind it; length 0 at the end. */
static inline struct token token_next(const char **at, const char *end)
{
	struct token token;

	while (*at < end && **at == ' ')
		(*at)++;
	token.text = *at;
	while (*at < end && **at != ' ')
		(*at)++;
	token.len = (size_t)(*at - token.text);
	return token;
}

/* Returns the number of words, at most TOKENS_MAX. */
static inline int token_split(const char *line, size_t len, struct token *token)
{
	const char *end = line + len;
	int n = 0;

	while (n < TOKENS_MAX) {
		token[n] = token_next(&line, end);
		if (!token[n].len)
			break;
		n++;
	}
	return n;
}

#endif
