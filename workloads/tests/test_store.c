// SPDX-License-Identifier: MIT
/* The store's rules: sizes, eviction by last use, expiry, CAS, arithmetic, growth. */
#include <pthread.h>
#include <stdlib.h>

#include "kv/server/item.h"
#include "kv/server/store.h"
#include "lib/rng.h"
#include "tests/check.h"

#define MIB (1ull << 20)

static struct store *store;

static enum store_result put_at(uint32_t now, enum store_mode mode, const char *name,
				const char *data, size_t len, uint32_t exptime, uint64_t cas)
{
	struct store_key key = store_key(name, strlen(name));
	struct store_value value = { .data = data, .len = len, .flags = 7, .exptime = exptime,
				     .cas = cas };

	return store_put(store, now, mode, &key, &value);
}

static enum store_result put(const char *name, const char *text)
{
	return put_at(10, STORE_SET, name, text, strlen(text), 0, 0);
}

/* The value as text, or NULL; *cas when wanted. */
static const char *get_at(uint32_t now, const char *name, uint64_t *cas)
{
	static char text[2 * MIB];
	struct store_key key = store_key(name, strlen(name));
	struct store_view view;

	if (!store_get(store, now, &key, NULL, &view))
		return NULL;
	store_view_copy(&view, text);
	text[view.value_len] = '\0';
	if (cas)
		*cas = view.cas;
	store_view_end(&view);
	return text;
}

#define check_value(name, want) \
	check(get_at(10, name, NULL) && !strcmp(get_at(10, name, NULL), want), \
	      "%s holds %s", name, get_at(10, name, NULL))
#define check_absent_at(now, name) check(!get_at(now, name, NULL), "%s still there", name)

static void begin(size_t mib)
{
	store = store_create(mib * MIB, false);
	check(store, "created");
}

static void end(void)
{
	store_destroy(store);
}

static void modes(void)
{
	uint64_t cas = 0, later = 0;

	begin(8);
	check(put_at(10, STORE_REPLACE, "a", "x", 1, 0, 0) == STORE_NOT_STORED, "replace nothing");
	check(put_at(10, STORE_APPEND, "a", "x", 1, 0, 0) == STORE_NOT_STORED, "append to nothing");
	check(put_at(10, STORE_CAS, "a", "x", 1, 0, 1) == STORE_NOT_FOUND, "cas on nothing");
	check(put_at(10, STORE_ADD, "a", "one", 3, 0, 0) == STORE_OK, "add");
	check(put_at(10, STORE_ADD, "a", "two", 3, 0, 0) == STORE_NOT_STORED, "add again");
	check_value("a", "one");
	check(put_at(10, STORE_REPLACE, "a", "three", 5, 0, 0) == STORE_OK, "replace");
	check(put_at(10, STORE_APPEND, "a", "++", 2, 0, 0) == STORE_OK, "append");
	check(put_at(10, STORE_PREPEND, "a", "--", 2, 0, 0) == STORE_OK, "prepend");
	check_value("a", "--three++");
	get_at(10, "a", &cas);
	check(put_at(10, STORE_CAS, "a", "v", 1, 0, cas + 1) == STORE_EXISTS, "wrong unique");
	check(put_at(10, STORE_CAS, "a", "v", 1, 0, cas) == STORE_OK, "right unique");
	check(put_at(10, STORE_CAS, "a", "w", 1, 0, cas) == STORE_EXISTS, "old unique");
	get_at(10, "a", &later);
	check(later != cas, "every change has its unique");
	check_value("a", "v");
	end();
}

static void every_change_gives_a_new_unique(void)
{
	struct store_key key = store_key("n", 1);
	uint64_t before = 0, after = 0, number;

	begin(8);
	put("n", "10");
	get_at(10, "n", &before);
	store_arith(store, 10, &key, false, 1, &number);
	get_at(10, "n", &after);
	check(after > before, "incr");
	put_at(10, STORE_APPEND, "n", "5", 1, 0, 0);
	get_at(10, "n", &before);
	check(before > after, "append");
	store_touch(store, 10, &key, 100);
	get_at(10, "n", &after);
	check(after == before, "touch leaves it");
	end();
}

static void values_of_all_sizes(void)
{
	static char data[MIB + 1];
	static const size_t key_lens[] = { 1, 23, 24, 25, 84, 85, 250 };
	size_t len;
	unsigned int i;
	char name[251];

	for (len = 0; len < sizeof(data); len++)
		data[len] = (char)('!' + len % 89);
	begin(8);
	for (i = 0; i < sizeof(key_lens) / sizeof(key_lens[0]); i++) {
		memset(name, 'a' + (int)i, key_lens[i]);
		name[key_lens[i]] = '\0';
		for (len = 0; len < 400; len++) {
			const char *got;

			check(put_at(10, STORE_SET, name, data, len, 0, 0) == STORE_OK, "%zu", len);
			got = get_at(10, name, NULL);
			check(got && strlen(got) == len && !memcmp(got, data, len), "key %zu, %zu",
			      key_lens[i], len);
		}
	}
	len = ITEM_BYTES_MAX - sizeof(struct item) - 1;
	check(put_at(10, STORE_SET, "k", data, len, 0, 0) == STORE_OK, "the largest fits");
	check(!memcmp(get_at(10, "k", NULL), data, len), "and comes back");
	check(put_at(10, STORE_SET, "k", data, len + 1, 0, 0) == STORE_TOO_LARGE, "one more not");
	check(put_at(10, STORE_APPEND, "k", "x", 1, 0, 0) == STORE_TOO_LARGE, "nor by append");
	check(!memcmp(get_at(10, "k", NULL), data, len), "which changes nothing");
	end();
}

static void the_smallest_store_takes_the_largest_item(void)
{
	static char data[MIB];
	size_t len = ITEM_BYTES_MAX - sizeof(struct item) - 4;
	struct store_stats stats;
	char name[16];
	int i;

	begin(2);
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "k%d", i);
		check(put_at(10, STORE_SET, name, data, len, 0, 0) == STORE_OK, "%d", i);
		check(get_at(10, name, NULL), "%d", i);
	}
	store_stats(store, &stats);
	check(stats.bytes <= stats.limit, "%llu", (unsigned long long)stats.bytes);
	check(stats.evictions >= 18, "%llu", (unsigned long long)stats.evictions);
	end();
}

static void the_least_recently_used_goes_first(void)
{
	struct store_stats stats;
	char name[16];
	int i, n = 0;

	begin(2);	/* one shard: the order is total */
	do {
		snprintf(name, sizeof(name), "%d", n++);
		put(name, "v");
		store_stats(store, &stats);
	} while (!stats.evictions);
	check_absent_at(10, "0");
	/* Use 1, then let three more in: 2, 3 and 4 must go, 1 stay. */
	check(get_at(10, "1", NULL), "still there");
	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%d", n++);
		put(name, "v");
	}
	check_absent_at(10, "2");
	check_absent_at(10, "3");
	check_absent_at(10, "4");
	check_value("1", "v");
	check_value("5", "v");
	end();
}

static void a_long_value_evicts_the_oldest_only(void)
{
	static char data[64 << 10];
	struct store_stats stats;
	char name[16];
	int i, n = 0, gone = 0, last_gone = -1;

	begin(2);
	do {
		snprintf(name, sizeof(name), "%d", n++);
		put(name, "v");
		store_stats(store, &stats);
	} while (!stats.evictions);
	put_at(10, STORE_SET, "big", data, sizeof(data), 0, 0);
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%d", i);
		if (!get_at(10, name, NULL)) {
			gone++;
			last_gone = i;
		}
	}
	check(gone == last_gone + 1, "%d gone, the youngest of them is %d", gone, last_gone);
	check(gone < 1200, "%d", gone);
	end();
}

static void expiry(void)
{
	struct store_key key = store_key("b", 1);
	struct store_stats stats;

	begin(8);
	put_at(10, STORE_SET, "a", "x", 1, 15, 0);
	put_at(10, STORE_SET, "b", "x", 1, 15, 0);
	check(get_at(14, "a", NULL), "alive one second before");
	check_absent_at(15, "a");
	check(store_touch(store, 14, &key, 30) == STORE_OK, "touched in time");
	check(get_at(29, "b", NULL), "lives longer");
	check_absent_at(30, "b");
	check(store_touch(store, 31, &key, 0) == STORE_NOT_FOUND, "too late");
	check(put_at(31, STORE_ADD, "b", "y", 1, 1, 0) == STORE_OK, "an expired item is no item");
	check_absent_at(31, "b");
	store_stats(store, &stats);
	check(stats.items == 0, "%llu items left", (unsigned long long)stats.items);
	end();
}

static void flush(void)
{
	begin(8);
	put("a", "1");
	store_flush(store, 10, 0);
	check_absent_at(10, "a");
	/* In the very second of the flush: stored after it, so it stays. */
	put("a", "2");
	check_value("a", "2");
	store_flush(store, 10, 20);
	check_value("a", "2");
	put_at(19, STORE_SET, "b", "3", 1, 0, 0);
	check(get_at(19, "b", NULL), "not yet");
	check_absent_at(20, "a");
	check_absent_at(20, "b");
	put_at(20, STORE_SET, "b", "4", 1, 0, 0);
	check(get_at(21, "b", NULL), "after the flush");
	end();
}

static void arithmetic(void)
{
	struct store_key n = store_key("n", 1), none = store_key("none", 4);
	static const char *const bad[] = { "", "x", "-1", "1x", "123456789012345678901",
					   "18446744073709551616", " 5" };
	uint64_t number;
	unsigned int i;

	begin(8);
	check(store_arith(store, 10, &none, false, 1, &number) == STORE_NOT_FOUND, "nothing");
	put("n", "10");
	check(store_arith(store, 10, &n, true, 1, &number) == STORE_OK && number == 9, "decr");
	check_value("n", "9 ");
	check(store_arith(store, 10, &n, false, 91, &number) == STORE_OK && number == 100, "incr");
	check_value("n", "100");
	check(store_arith(store, 10, &n, true, 101, &number) == STORE_OK && number == 0, "floor");
	put("n", "18446744073709551615");
	check(store_arith(store, 10, &n, false, 3, &number) == STORE_OK && number == 2, "wraps");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put("n", bad[i]);
		check(store_arith(store, 10, &n, false, 1, &number) == STORE_NOT_NUMBER, "\"%s\"",
		      bad[i]);
		check_value("n", bad[i]);
	}
	put_at(10, STORE_SET, "n", "5", 1, 50, 0);
	store_arith(store, 10, &n, false, 5, &number);
	check_value("n", "10");
	check_absent_at(50, "n");
	end();
}

static void deleting(void)
{
	struct store_key key = store_key("a", 1);

	begin(8);
	check(store_delete(store, 10, &key) == STORE_NOT_FOUND, "nothing");
	put("a", "x");
	check(store_delete(store, 10, &key) == STORE_OK, "once");
	check(store_delete(store, 10, &key) == STORE_NOT_FOUND, "only once");
	end();
}

static void a_million_small_items_fit_66_mib(void)
{
	struct store_stats stats;
	char name[32];
	int i;

	begin(66);
	for (i = 0; i < 1000000; i++) {
		struct store_key key;
		struct store_value value = { .data = "ab", .len = 2 };

		snprintf(name, sizeof(name), "%020d", i);
		key = store_key(name, 20);
		store_put(store, 10, STORE_SET, &key, &value);
	}
	store_stats(store, &stats);
	check(stats.items == 1000000 && !stats.evictions, "%llu items, %llu evicted",
	      (unsigned long long)stats.items, (unsigned long long)stats.evictions);
	check(stats.bytes / stats.items <= 72, "%llu bytes an item",
	      (unsigned long long)(stats.bytes / stats.items));
	for (i = 0; i < 1000000; i += 997) {
		snprintf(name, sizeof(name), "%020d", i);
		check(get_at(10, name, NULL), "%s", name);
	}
	end();
}

/* Against a plain array, with every operation, under memory pressure. */
static void random_operations_against_a_model(void)
{
	enum { KEYS = 300 };
	static char model[KEYS][3000], data[3000];
	static int model_len[KEYS];
	struct store_stats stats;
	struct rng rng;
	int i, missing = 0;

	rng_init(&rng, 1, 1);
	for (i = 0; i < KEYS; i++)
		model_len[i] = -1;
	begin(2);
	for (i = 0; i < 200000; i++) {
		int k = (int)rng_below(&rng, KEYS), len = (int)rng_below(&rng, sizeof(data));
		struct store_key key;
		struct store_value value = { .data = data, .len = (size_t)len };
		const char *got;
		char name[32];

		snprintf(name, sizeof(name), "key-%0*d", k % 20, k);
		key = store_key(name, strlen(name));
		switch (rng_below(&rng, 4)) {
		case 0:
			memset(data, '!' + (int)rng_below(&rng, 90), (size_t)len);
			check(store_put(store, 10, STORE_SET, &key, &value) == STORE_OK, "set");
			memcpy(model[k], data, (size_t)len);
			model_len[k] = len;
			break;
		case 1:
			store_delete(store, 10, &key);
			model_len[k] = -1;
			break;
		default:
			got = get_at(10, name, NULL);
			if (!got && model_len[k] >= 0)
				missing++;	/* evicted: allowed */
			if (got)
				check(model_len[k] == (int)strlen(got) &&
				      !memcmp(got, model[k], strlen(got)),
				      "%s at step %d", name, i);
			if (!got)
				model_len[k] = -1;
		}
	}
	store_stats(store, &stats);
	check(stats.bytes <= stats.limit, "within the limit");
	check(missing == 0 || stats.evictions > 0, "%d missing without eviction", missing);
	end();
}

struct stress {
	pthread_t thread;
	int number;
	int wrong;
};

/* Every value repeats its key: a reader can tell a torn or foreign one. */
static void *stress_run(void *argument)
{
	struct stress *stress = argument;
	struct rng rng;
	int i;

	rng_init(&rng, 1, (uint64_t)stress->number);
	for (i = 0; i < 60000; i++) {
		char name[32], data[320];
		int k = (int)rng_below(&rng, 40000), n = snprintf(name, sizeof(name), "%09d", k);
		struct store_key key = store_key(name, (size_t)n);
		struct store_value value = { .data = data, .len = (size_t)(n * (1 + k % 30)) };
		struct store_view view;
		size_t j;

		for (j = 0; j < value.len; j++)
			data[j] = name[j % (size_t)n];
		if (i % 3 == 0) {
			store_put(store, 10, STORE_SET, &key, &value);
			continue;
		}
		if (!store_get(store, 10, &key, NULL, &view))
			continue;
		if (view.value_len == value.len) {
			char got[320];

			store_view_copy(&view, got);
			stress->wrong += memcmp(got, data, value.len) != 0;
		} else {
			stress->wrong++;
		}
		store_view_end(&view);
	}
	return NULL;
}

static void growing_and_evicting_under_load(void)
{
	struct stress stress[4];
	struct store_stats stats;
	int i;

	begin(4);
	for (i = 0; i < 4; i++) {
		stress[i] = (struct stress){ .number = i };
		pthread_create(&stress[i].thread, NULL, stress_run, &stress[i]);
	}
	for (i = 0; i < 4; i++) {
		pthread_join(stress[i].thread, NULL);
		check(!stress[i].wrong, "thread %d saw %d wrong values", i, stress[i].wrong);
	}
	store_stats(store, &stats);
	check(stats.buckets >= 4096, "grew to %llu buckets", (unsigned long long)stats.buckets);
	check(stats.evictions > 1000, "%llu evictions", (unsigned long long)stats.evictions);
	end();
}

static void too_small_a_limit_is_refused(void)
{
	check(!store_create(STORE_MIN_BYTES - 1, false), "refused");
}

static const struct test_case cases[] = {
	{ "store: set, add, replace, append, prepend, cas", modes },
	{ "store: every change gives a new unique", every_change_gives_a_new_unique },
	{ "store: keys and values of all sizes", values_of_all_sizes },
	{ "store: 2 MiB take the largest item", the_smallest_store_takes_the_largest_item },
	{ "store: the least recently used goes first", the_least_recently_used_goes_first },
	{ "store: a long value evicts the oldest only", a_long_value_evicts_the_oldest_only },
	{ "store: expiry and touch", expiry },
	{ "store: flush, at once and later", flush },
	{ "store: arithmetic", arithmetic },
	{ "store: delete", deleting },
	{ "store: a million small items fit 66 MiB", a_million_small_items_fit_66_mib },
	{ "store: random operations against a model", random_operations_against_a_model },
	{ "store: grows and evicts under four threads", growing_and_evicting_under_load },
	{ "store: too small a limit is refused", too_small_a_limit_is_refused },
};
TEST_MAIN(cases)
