// SPDX-License-Identifier: MIT
/* The guest's memory, and its measurements seen from the host. */
#include "micro/guest.h"

#include <string.h>

#include "micro/area.h"

/* The guest's own memory lies behind what it touches. */
#define GUEST_OFFSET (AREA_MAX - (1ul << 20))

#define PRESENT_WRITE 0x3ull
#define LARGE 0x80ull
#define VECTOR_PAGE_FAULT 14

static void idt_gate(uint64_t gate[2], uint64_t handler)
{
	gate[0] = (handler & 0xffff) | GUEST_CS << 16 | 0x8eull << 40 |
		  (handler >> 16 & 0xffff) << 48;
	gate[1] = handler >> 32;
}

struct guest *guest_make(void)
{
	struct guest *guest = (void *)area_map(GUEST_OFFSET, sizeof(*guest));

	memset(guest, 0, sizeof(*guest));
	guest->tables[0][0] = (uint64_t)guest->tables[1] | PRESENT_WRITE;
	guest->tables[1][0] = (uint64_t)guest->tables[2] | PRESENT_WRITE;
	for (uint64_t i = 0; i < 512; i++)
		guest->tables[2][i] = i << 21 | LARGE | PRESENT_WRITE;
	for (uint64_t i = 0; i < 512; i++)
		guest->tables[3][i] = (AREA_BASE + i * PAGE) | PRESENT_WRITE;
	idt_gate(&guest->idt[2 * VECTOR_PAGE_FAULT], (uint64_t)guest_page_fault);
	guest->gdt[GUEST_CS / 8] = 0x00af9b000000ffff;
	guest->gdt[GUEST_SS / 8] = 0x00cf93000000ffff;
	return guest;
}

void guest_free(struct guest *guest)
{
	area_unmap((char *)guest, sizeof(*guest));
}

static void job_run(struct guest *guest, job_run_fn run, enum job_kind kind, char *area,
		    const struct series *s, uint64_t *ticks)
{
	guest->job = (struct job){
		.kind = kind,
		.batches = s->batches,
		.iterations = s->iterations,
		.area = area,
		.table = guest->tables[3],
	};
	run(guest);
	memcpy(ticks, guest->job.ticks, s->batches * sizeof(*ticks));
}

void guest_exit_series(const char *name, const struct plan *plan, struct guest *guest,
		       enum job_kind kind, job_run_fn run)
{
	struct series s = { plan->batches, plan->iterations, { 0 }, { 0 } };

	if (!series_wanted(plan, name))
		return;
	job_run(guest, run, JOB_NOTHING, NULL, &s, s.empty);
	job_run(guest, run, kind, NULL, &s, s.ticks);
	series_print(name, &s);
}

/* First touches of all pages of an area, less touches of pages that are there; then it goes. */
static void touch_series(const char *name, const struct plan *plan, struct guest *guest,
			 enum job_kind kind, unsigned int pages, char *area, size_t size,
			 bool present, job_run_fn run)
{
	struct series s = { plan->batches, pages, { 0 }, { 0 } };

	if (present)
		memset(area, 1, size);
	job_run(guest, run, kind, area, &s, s.ticks);
	job_run(guest, run, kind, area, &s, s.empty);
	series_print(name, &s);
	area_unmap(area, size);
}

void guest_fault_series(const char *name, const struct plan *plan, struct guest *guest,
			bool present, job_run_fn run)
{
	size_t size = area_bytes(plan);

	if (series_wanted(plan, name))
		touch_series(name, plan, guest, JOB_TOUCH, BATCH_PAGES, area_map(0, size), size,
			     present, run);
}

void guest_large_series(const char *name, const struct plan *plan, struct guest *guest,
			bool present, job_run_fn run)
{
	size_t size = area_large_bytes(plan);

	if (series_wanted(plan, name))
		touch_series(name, plan, guest, JOB_TOUCH_LARGE, BATCH_LARGE_PAGES,
			     area_map_large(size), size, present, run);
}

void guest_pte_series(const char *name, const struct plan *plan, struct guest *guest,
		      job_run_fn run)
{
	struct series s = { plan->batches, plan->iterations, { 0 }, { 0 } };
	uint64_t large = guest->tables[2][AREA_BASE >> 21];
	char *area;

	if (!series_wanted(plan, name))
		return;
	area = area_map(0, PAGE);
	*area = 1;
	guest->tables[2][AREA_BASE >> 21] = (uint64_t)guest->tables[3] | PRESENT_WRITE;
	job_run(guest, run, JOB_NOTHING, area, &s, s.empty);
	job_run(guest, run, JOB_PTE, area, &s, s.ticks);
	guest->tables[2][AREA_BASE >> 21] = large;
	series_print(name, &s);
	area_unmap(area, PAGE);
}
