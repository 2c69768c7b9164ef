// SPDX-License-Identifier: MIT
/* Counting requests into histograms as they finish. */
#include "rtsim/measure.h"

#include "lib/fnv.h"

void measure_start(struct measure *measure, uint64_t warmup)
{
	int i;

	measure->warmup = warmup;
	measure->missed = 0;
	hist_reset(&measure->sojourn);
	hist_reset(&measure->slowdown);
	for (i = 0; i < LAW_CLASSES; i++)
		hist_reset(&measure->class[i]);
}

void measure_done(void *arg, const struct sim_job *job, uint64_t now)
{
	struct measure *measure = arg;
	uint64_t time = now - job->arrival;

	if (job->number < measure->warmup)
		return;
	hist_record(&measure->sojourn, time);
	hist_record(&measure->class[job->task.class], time);
	hist_record(&measure->slowdown, (uint64_t)((double)time * MEASURE_SLOWDOWN /
						   (double)job->size));
	measure->missed += now > job->task.deadline;
}

double measure_percentile(const struct hist *hist, double p)
{
	if ((double)hist->n * (1.0 - p) < 9.999)
		return 0.0;
	return (double)hist_percentile(hist, (uint64_t)(p * 1e6 + 0.5), 1000000);
}

uint64_t measure_digest(const struct measure *measure)
{
	uint64_t hash = FNV64_START;
	unsigned int i;

	for (i = 0; i < HIST_SLOTS; i++)
		if (measure->sojourn.count[i])
			hash = fnv64_feed(fnv64_feed(hash, i, 4), measure->sojourn.count[i], 8);
	return hash;
}
