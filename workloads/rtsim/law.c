// SPDX-License-Identifier: MIT
/* Reading laws of service times from text, and drawing from them. */
#include "rtsim/law.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dist.h"
#include "lib/fmath.h"

const struct law_name law_named[] = {
	{ "w1", "fixed:10", "constant" },
	{ "w2", "exp:10", "exponential" },
	{ "w3", "mix:0.9*5,0.1*55", "bimodal-1 of ZygOS" },
	{ "w4", "mix:0.999*0.5,0.001*500.5", "bimodal-2 of ZygOS" },
	{ "w5", "mix:0.995*0.5,0.005*500", "extreme bimodal of Shinjuku and Persephone" },
	{ "w6", "mix:0.5*1,0.5*100", "high bimodal of Persephone" },
	{ "w7", "mix:0.5*1,0.5*10", "low bimodal of Persephone" },
	{ "w8", "mix:0.995*4,0.005*10000", "dispersed, of ghOSt and Skyloft" },
	{ "w9", "mix:0.995*10,0.005*10000", "RocksDB of ghOSt" },
	{ "w10", "lognormal:10:20", "lognormal" },
	{ "w11", "mix:0.44*5.7,0.04*6,0.44*20,0.04*88,0.04*100", "TPC-C of Persephone" },
	{ "w12", "mix:0.5*1.5,0.5*635", "RocksDB of Persephone: GET and SCAN" },
	{ 0 },
};

/* Sizes in microseconds: from a nanosecond to a hundred seconds. */
static const char *size_read(const char **text, double *ns)
{
	char *end;

	*ns = strtod(*text, &end) * 1e3;
	if (end == *text)
		return "expected a size in microseconds";
	if (!(*ns >= 1.0 && *ns <= 1e11))
		return "a size is from 0.001 to 1e8 microseconds";
	*text = end;
	return NULL;
}

static const char *mix_read(struct law *law, const char *text)
{
	double sum = 0.0;
	const char *wrong;
	char *end;

	law->kind = LAW_MIX;
	law->classes = 0;
	law->mean_ns = 0.0;
	for (;;) {
		uint32_t i = law->classes++;

		if (i == LAW_CLASSES)
			return "a mixture has at most 8 classes";
		law->probability[i] = strtod(text, &end);
		if (end == text || !(law->probability[i] > 0.0) || *end != '*')
			return "expected PROBABILITY*SIZE,PROBABILITY*SIZE...";
		text = end + 1;
		wrong = size_read(&text, &law->size_ns[i]);
		if (wrong)
			return wrong;
		sum += law->probability[i];
		law->mean_ns += law->probability[i] * law->size_ns[i];
		if (!*text)
			break;
		if (*text++ != ',')
			return "expected PROBABILITY*SIZE,PROBABILITY*SIZE...";
	}
	if (law->classes < 2)
		return "a mixture has at least 2 classes; use fixed:SIZE";
	return fabs(sum - 1.0) < 1e-9 ? NULL : "the probabilities do not add up to 1";
}

static const char *lognormal_read(struct law *law, const char **text)
{
	double deviation;
	const char *wrong;

	if (*(*text)++ != ':')
		return "expected lognormal:MEAN:DEVIATION";
	wrong = size_read(text, &deviation);
	if (wrong)
		return wrong;
	law->sigma = fmath_log(1.0 + deviation * deviation / (law->mean_ns * law->mean_ns));
	law->mu = fmath_log(law->mean_ns) - law->sigma / 2.0;
	law->sigma = sqrt(law->sigma);
	return NULL;
}

const char *law_parse(struct law *law, const char *text)
{
	static const char *const kinds[] = { "fixed:", "exp:", "lognormal:", "mix:" };
	const char *wrong;
	size_t i;

	*law = (struct law){ .classes = 1, .probability = { 1.0 } };
	for (i = 0; law_named[i].name; i++)
		if (!strcmp(text, law_named[i].name))
			text = law_named[i].text;
	for (i = 0; i < 4 && strncmp(text, kinds[i], strlen(kinds[i])); i++)
		;
	if (i == 4)
		return "expected fixed:S, exp:S, lognormal:S:D, mix:P*S,P*S... or w1 to w12";
	law->kind = (enum law_kind)i;
	text += strlen(kinds[i]);
	if (law->kind == LAW_MIX)
		return mix_read(law, text);
	wrong = size_read(&text, &law->mean_ns);
	law->size_ns[0] = law->mean_ns;
	if (!wrong && law->kind == LAW_LOGNORMAL)
		wrong = lognormal_read(law, &text);
	if (!wrong && *text)
		wrong = "there is something behind the size";
	return wrong;
}

void law_stretch(struct law *law, double factor)
{
	uint32_t i;

	for (i = 0; i < law->classes; i++)
		law->size_ns[i] *= factor;
	law->mean_ns *= factor;
	law->mu += fmath_log(factor);
}

/* A normal number as a sum of uniforms would have no tail: polar method instead. */
static double normal_draw(struct rng *rng)
{
	double x, y, s;

	do {
		x = 2.0 * rng_unit(rng) - 1.0;
		y = 2.0 * rng_unit(rng) - 1.0;
		s = x * x + y * y;
	} while (s >= 1.0 || s == 0.0);
	return x * sqrt(-2.0 * fmath_log(s) / s);
}

uint64_t law_draw(const struct law *law, struct rng *rng, uint32_t *class)
{
	double size = law->size_ns[0], u;

	*class = 0;
	switch (law->kind) {
	case LAW_FIXED:
		break;
	case LAW_EXPONENTIAL:
		size = dist_exponential(rng_unit(rng), law->mean_ns);
		break;
	case LAW_LOGNORMAL:
		size = fmath_exp(law->mu + law->sigma * normal_draw(rng));
		break;
	case LAW_MIX:
		u = rng_unit(rng) - law->probability[0];
		while (u > 0.0 && *class + 1 < law->classes)
			u -= law->probability[++*class];
		size = law->size_ns[*class];
		break;
	}
	return size < 1.0 ? 1 : (uint64_t)(size + 0.5);
}

double law_interruptions(const struct law *law, double quantum_ns)
{
	struct law copy = *law;
	struct rng rng;
	double sum = 0.0;
	uint32_t class, i;

	switch (law->kind) {
	case LAW_EXPONENTIAL:
		return 1.0 / (1.0 / fmath_exp(-quantum_ns / law->mean_ns) - 1.0);
	case LAW_LOGNORMAL:
		/* No closed form: the mean of a fixed sample. */
		rng_init(&rng, 1, 1);
		for (i = 0; i < 100000; i++)
			sum += ceil((double)law_draw(&copy, &rng, &class) / quantum_ns) - 1.0;
		return sum / i;
	default:
		for (i = 0; i < law->classes; i++)
			sum += law->probability[i] * (ceil(law->size_ns[i] / quantum_ns) - 1.0);
		return sum;
	}
}
