// SPDX-License-Identifier: MIT
/* Reading and writing the environment variable DUNE_RT. */
#include "config.h"

/* What is left of the text. */
struct cursor {
	const char *at;
};

static bool eat(struct cursor *c, char want)
{
	if (*c->at != want)
		return false;
	c->at++;
	return true;
}

static bool ends_value(char c)
{
	return !c || c == ',';
}

static const char *number(struct cursor *c, uint64_t max, uint64_t *value)
{
	uint64_t n = 0;

	if (*c->at < '0' || *c->at > '9')
		return "DUNE_RT: a value should be a decimal number and is not";
	for (; *c->at >= '0' && *c->at <= '9'; c->at++) {
		const uint64_t digit = (uint64_t)(*c->at - '0');

		if (n > (max - digit) / 10)
			return "DUNE_RT: a number is larger than anything it could mean";
		n = n * 10 + digit;
	}
	*value = n;
	return NULL;
}

static const char *cpus(struct cursor *c, struct rt_config *config)
{
	do {
		uint64_t first, last;
		const char *wrong = number(c, RT_CPUS_MAX - 1, &first);

		last = first;
		if (!wrong && eat(c, '-'))
			wrong = number(c, RT_CPUS_MAX - 1, &last);
		if (wrong)
			return wrong;
		if (last < first)
			return "DUNE_RT: a range of CPUs runs backwards";
		for (; first <= last; first++)
			rt_config_cpu_add(config, (uint32_t)first);
	} while (eat(c, '+'));
	return NULL;
}

static const char *policy(struct cursor *c, struct rt_config *config)
{
	size_t n;

	for (n = 0; !ends_value(c->at[n]); n++)
		if (n == RT_NAME_MAX - 1)
			return "DUNE_RT: no policy has so long a name";
	if (!n)
		return "DUNE_RT: policy= lacks its name";
	for (n = 0; !ends_value(*c->at); n++)
		config->policy[n] = *c->at++;
	return NULL;
}

static const char *quantum(struct cursor *c, struct rt_config *config)
{
	const char *wrong = number(c, RT_FOREVER / 4, &config->quantum);

	return wrong || config->quantum ? wrong : "DUNE_RT: a quantum of 0 is none: leave it out";
}

static const char *reserved(struct cursor *c, struct rt_config *config)
{
	do {
		uint64_t cores;
		const char *wrong = number(c, RT_CORES_MAX, &cores);

		if (wrong)
			return wrong;
		if (config->classes == RT_CLASSES_MAX)
			return "DUNE_RT: cores are reserved for more classes than there can be";
		config->reserved[config->classes++] = (uint32_t)cores;
	} while (eat(c, '+'));
	return NULL;
}

static const char *memory(struct cursor *c, struct rt_config *config)
{
	const char *wrong = number(c, (uint64_t)1 << 47, &config->memory);

	return wrong || config->memory ? wrong : "DUNE_RT: no memory is none: leave it out";
}

static const char *descriptor(struct cursor *c, int *fd)
{
	uint64_t value = 0;
	const char *wrong = number(c, INT32_MAX, &value);

	*fd = (int)value;
	return wrong;
}

static const char *memory_fd(struct cursor *c, struct rt_config *config)
{
	return descriptor(c, &config->memory_fd);
}

static const char *shared_fd(struct cursor *c, struct rt_config *config)
{
	return descriptor(c, &config->shared_fd);
}

static const struct {
	const char *name;
	const char *(*read)(struct cursor *c, struct rt_config *config);
} rt_keys[] = {
	{ "cpus", cpus },
	{ "policy", policy },
	{ "quantum", quantum },
	{ "reserved", reserved },
	{ "memory", memory },
	{ "memory_fd", memory_fd },
	{ "shared_fd", shared_fd },
};

#define KEYS (sizeof(rt_keys) / sizeof(rt_keys[0]))

/* Past NAME=; KEYS if it is none. */
static size_t key(struct cursor *c)
{
	size_t i, n;

	for (i = 0; i < KEYS; i++) {
		for (n = 0; rt_keys[i].name[n] && rt_keys[i].name[n] == c->at[n]; n++)
			;
		if (!rt_keys[i].name[n] && c->at[n] == '=') {
			c->at += n + 1;
			return i;
		}
	}
	return KEYS;
}

const char *rt_config_parse(struct rt_config *config, const char *text)
{
	struct cursor c = { .at = text };
	uint32_t seen = 0;

	rt_config_clear(config);
	if (!*text)
		return NULL;
	do {
		const size_t i = key(&c);
		const char *wrong;

		if (i == KEYS)
			return "DUNE_RT: a key is not known: want cpus=, policy=, quantum=, "
			       "reserved=, memory=, memory_fd= or shared_fd=";
		if (seen & 1u << i)
			return "DUNE_RT: a key is there twice";
		seen |= 1u << i;
		wrong = rt_keys[i].read(&c, config);
		if (wrong)
			return wrong;
		if (!ends_value(*c.at))
			return "DUNE_RT: there is something behind a value";
	} while (eat(&c, ','));
	if (config->memory && config->memory_fd < 0)
		return "DUNE_RT: memory= needs memory_fd=";
	if (!config->memory && config->memory_fd >= 0)
		return "DUNE_RT: memory_fd= needs memory=";
	return NULL;
}

/* Where the text goes; what does not fit is only counted. */
struct room {
	char *to;
	size_t size, used;
};

static void put(struct room *room, char c)
{
	if (room->used < room->size)
		room->to[room->used] = c;
	room->used++;
}

static void put_text(struct room *room, const char *text)
{
	while (*text)
		put(room, *text++);
}

static void put_number(struct room *room, uint64_t value)
{
	uint64_t power = 1;

	while (value / power >= 10)
		power *= 10;
	for (; power; power /= 10)
		put(room, (char)('0' + value / power % 10));
}

static void put_key(struct room *room, const char *name)
{
	if (room->used)
		put(room, ',');
	put_text(room, name);
	put(room, '=');
}

static void put_pair(struct room *room, const char *name, uint64_t value)
{
	put_key(room, name);
	put_number(room, value);
}

static void put_cpus(struct room *room, const struct rt_config *config)
{
	uint32_t cpu, last;
	bool any = false;

	for (cpu = 0; cpu < RT_CPUS_MAX; cpu = last + 1) {
		last = cpu;
		if (!rt_config_cpu(config, cpu))
			continue;
		while (rt_config_cpu(config, last + 1))
			last++;
		if (any)
			put(room, '+');
		else
			put_key(room, "cpus");
		any = true;
		put_number(room, cpu);
		if (last > cpu) {
			put(room, '-');
			put_number(room, last);
		}
	}
}

size_t rt_config_print(const struct rt_config *config, char *to, size_t size)
{
	struct room room = { .to = to, .size = size };
	uint32_t i;

	put_cpus(&room, config);
	if (config->policy[0]) {
		put_key(&room, "policy");
		put_text(&room, config->policy);
	}
	if (config->quantum)
		put_pair(&room, "quantum", config->quantum);
	for (i = 0; i < config->classes; i++) {
		if (i)
			put(&room, '+');
		else
			put_key(&room, "reserved");
		put_number(&room, config->reserved[i]);
	}
	if (config->memory)
		put_pair(&room, "memory", config->memory);
	if (config->memory_fd >= 0)
		put_pair(&room, "memory_fd", (uint64_t)config->memory_fd);
	if (config->shared_fd >= 0)
		put_pair(&room, "shared_fd", (uint64_t)config->shared_fd);
	put(&room, '\0');
	return room.used <= size ? room.used - 1 : 0;
}
