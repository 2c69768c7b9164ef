// SPDX-License-Identifier: MIT
/* expat on the collector's memory: a document becomes a tree, again and again. */
#include <expat.h>
#include <gc/gc.h>
#include <stdio.h>
#include <string.h>

#include "apps/gc/gc_app.h"
#include "lib/fnv.h"
#include "lib/rng.h"

#define DOCUMENT_MAX (256u << 10)

struct node {
	struct node *parent, *first, *last, *next;
	char *name, *text;
};

static char *document(unsigned int elements, size_t *size)
{
	char *text = GC_MALLOC_ATOMIC(DOCUMENT_MAX), *at = text;
	struct rng rng;
	unsigned int i, depth = 1, open[16] = { 0 };

	program_expect(text, "memory");
	rng_init(&rng, 1, 5);
	at += sprintf(at, "<?xml version=\"1.0\"?>\n<e0>");
	for (i = 1; i < elements && at < text + DOCUMENT_MAX - 4096; i++) {
		while (depth > 1 && (depth == 15 || rng_below(&rng, 3) == 0))
			at += sprintf(at, "</e%u>\n", open[--depth]);
		open[depth] = (unsigned int)rng_below(&rng, 20);
		at += sprintf(at, "<e%u a=\"%u\" name=\"n%u\">some text %u", open[depth], i,
			      open[depth], i * 7);
		depth++;
	}
	while (depth > 1)
		at += sprintf(at, "</e%u>", open[--depth]);
	at += sprintf(at, "</e0>\n");
	*size = (size_t)(at - text);
	return text;
}

static char *join(const char *a, const char *b, int n)
{
	size_t length = a ? strlen(a) : 0;
	char *text = GC_MALLOC_ATOMIC(length + (size_t)n + 1);

	program_expect(text, "memory");
	if (a)
		memcpy(text, a, length);
	memcpy(text + length, b, (size_t)n);
	text[length + (size_t)n] = 0;
	return text;
}

static void XMLCALL on_start(void *data, const char *name, const char **attributes)
{
	struct node **at = data, *node = GC_MALLOC(sizeof(*node));

	program_expect(node, "memory");
	node->name = join(NULL, name, (int)strlen(name));
	for (; *attributes; attributes++)
		node->name = join(node->name, *attributes, (int)strlen(*attributes));
	node->parent = *at;
	if ((*at)->last)
		(*at)->last->next = node;
	else
		(*at)->first = node;
	(*at)->last = node;
	*at = node;
}

static void XMLCALL on_end(void *data, const char *name)
{
	struct node **at = data;

	program_expect(!strncmp((*at)->name, name, strlen(name)), "the element is the open one");
	*at = (*at)->parent;
}

static void XMLCALL on_text(void *data, const char *text, int n)
{
	struct node **at = data;

	(*at)->text = join((*at)->text, text, n);
}

static uint64_t digest(const struct node *node, uint64_t h)
{
	const char *c;

	for (; node; node = node->next) {
		for (c = node->name; *c; c++)
			h = fnv64_feed(h, (unsigned char)*c, 1);
		for (c = node->text; c && *c; c++)
			h = fnv64_feed(h, (unsigned char)*c, 1);
		h = digest(node->first, h);
	}
	return h;
}

uint64_t program_xml(unsigned int size)
{
	static const XML_Memory_Handling_Suite memory = { GC_malloc, GC_realloc, GC_free };
	uint64_t sum = 0;
	unsigned int i;
	size_t length;
	char *text = document(2500, &length);

	for (i = 0; i < 8 * size; i++) {
		XML_Parser parser = XML_ParserCreate_MM(NULL, &memory, NULL);
		struct node *root = GC_MALLOC(sizeof(*root)), *at = root;

		program_expect(parser && root, "memory");
		XML_SetHashSalt(parser, 1);
		XML_SetUserData(parser, &at);
		XML_SetElementHandler(parser, on_start, on_end);
		XML_SetCharacterDataHandler(parser, on_text);
		program_expect(XML_Parse(parser, text, (int)length, 1) == XML_STATUS_OK &&
				       at == root, "the document is well-formed");
		XML_ParserFree(parser);
		sum = digest(root->first, sum);
	}
	return sum;
}
