/* SPDX-License-Identifier: MIT */
/*
 * Continuous and discrete laws, each sampled by inverting its distribution
 * function at one uniform number u in (0, 1].
 *
 * Law                      sample
 * exponential(mean)        -mean * ln(u)
 * GPareto(loc, scale, k)   loc + scale * (u^-k - 1) / k
 * GEV(loc, scale, k)       loc + scale * (E^-k - 1) / k,  E = -ln(u) ~ Exp(1)
 * discrete                 the first value whose cumulated probability
 *                          exceeds 1 - u (u = 1 selects the first)
 *
 * The forms and the parameters used for the Facebook ETC laws are those of
 * Atikoglu et al., "Workload analysis of a large-scale key-value store"
 * (SIGMETRICS 2012), as coded in the load generator mutilate.
 */
#ifndef LIB_DIST_H
#define LIB_DIST_H

#include <stddef.h>

struct dist_point {
	double probability;
	double value;
};

double dist_exponential(double u, double mean);
double dist_gpareto(double u, double loc, double scale, double k);
double dist_gev(double u, double loc, double scale, double k);

/* Mean of GPareto(loc, scale, k), k < 1: loc + scale / (1 - k). */
double dist_gpareto_mean(double loc, double scale, double k);

/*
 * Look u up in a table of n points; returns 1 and the value, or 0 and, in
 * *rest, a fresh uniform number in (0, 1] when u falls into the probability
 * that the table leaves over.
 */
int dist_discrete(double u, const struct dist_point *table, size_t n,
		  double *value, double *rest);

#endif
