/* SPDX-License-Identifier: MIT */
/*
 * Laws of service times: constant, exponential, lognormal, or a mixture of
 * classes of constant size.
 *
 * Text                      law
 * fixed:S                   always S
 * exp:S                     exponential of mean S
 * lognormal:S:D             lognormal of mean S and standard deviation D
 * mix:P*S,P*S...            class i has size S with probability P; 2 to 8 classes
 * w1 w2 ... w12             by name, see law_named
 *
 * Sizes are in microseconds in the text, in nanoseconds in the program. A size
 * is rounded to whole nanoseconds and is at least one.
 */
#ifndef RTSIM_LAW_H
#define RTSIM_LAW_H

#include <stddef.h>
#include <stdint.h>

#include "lib/rng.h"

#define LAW_CLASSES 8

enum law_kind { LAW_FIXED, LAW_EXPONENTIAL, LAW_LOGNORMAL, LAW_MIX };

struct law {
	enum law_kind kind;
	uint32_t classes;
	double probability[LAW_CLASSES];
	double size_ns[LAW_CLASSES];	/* of each class: its mean */
	double mu, sigma;		/* of a lognormal's logarithm */
	double mean_ns;
};

struct law_name {
	const char *name, *text, *what;
};

/* Laws with a name of their own, ended by an entry without one. */
extern const struct law_name law_named[];

/* NULL, or what is wrong with the text. */
const char *law_parse(struct law *law, const char *text);

/* Every size times factor, which is positive: the same law on a slower or faster machine. */
void law_stretch(struct law *law, double factor);

/* The next size in nanoseconds, and its class. */
uint64_t law_draw(const struct law *law, struct rng *rng, uint32_t *class);

/* E[ceil(S / quantum)] - 1: how often a request of this law is interrupted at full load. */
double law_interruptions(const struct law *law, double quantum_ns);

#endif
