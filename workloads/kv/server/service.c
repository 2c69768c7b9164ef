// SPDX-License-Identifier: MIT
/* The server's clock: seconds since the start. */
#include "kv/server/service.h"

#include "lib/clock.h"

#define THIRTY_DAYS (30 * 24 * 3600)

void service_start_clock(struct service *service)
{
	service->start_ns = clock_coarse_ns();
	service->start_real = (int64_t)time(NULL) - SERVICE_FIRST_SECOND;
}

uint32_t service_now(const struct service *service)
{
	return (uint32_t)((clock_coarse_ns() - service->start_ns) / 1000000000u) +
	       SERVICE_FIRST_SECOND;
}

uint32_t service_exptime(const struct service *service, uint32_t now, int64_t exptime)
{
	if (exptime == 0)
		return 0;
	if (exptime < 0)
		return 1;
	if (exptime > THIRTY_DAYS) {
		if (exptime <= service->start_real)
			return 1;
		exptime -= service->start_real;
		return exptime > UINT32_MAX ? UINT32_MAX : (uint32_t)exptime;
	}
	return now + (uint32_t)exptime;
}
