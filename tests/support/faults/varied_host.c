/* Preloaded library: shifts the clock by SHIFT seconds, and makes readdir() return names
 * in an order derived from them and ORDER, unlike that of any file system. */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

struct listing {
	DIR *folder;
	struct dirent64 **entries;
	size_t count, next;
	struct listing *other;
};

int
clock_gettime(clockid_t clock, struct timespec *moment)
{
	int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
	int status = real(clock, moment);

	if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		moment->tv_sec += SHIFT;
	return status;
}

int
gettimeofday(struct timeval *restrict moment, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	moment->tv_sec = now.tv_sec;
	moment->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *moment)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (moment != NULL)
		*moment = now.tv_sec;
	return now.tv_sec;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct listing *listings;

static uint64_t
rank(const char *name)
{
	uint64_t value = 14695981039346656037u ^ (ORDER * 0x9E3779B97F4A7C15u);

	for (; *name != '\0'; name++)
		value = (value ^ (unsigned char)*name) * 1099511628211u;
	return value ^ value >> 29;
}

static int
compare(const void *one, const void *other)
{
	uint64_t first = rank((*(struct dirent64 *const *)one)->d_name);
	uint64_t second = rank((*(struct dirent64 *const *)other)->d_name);

	return (first > second) - (first < second);
}

static struct listing *
read_all(DIR *folder)
{
	struct dirent64 *(*next)(DIR *) = dlsym(RTLD_NEXT, "readdir64");
	struct listing *all = calloc(1, sizeof *all);
	struct dirent64 *entry;

	all->folder = folder;
	while ((entry = next(folder)) != NULL) {
		all->entries = realloc(all->entries, (all->count + 1) * sizeof entry);
		all->entries[all->count] = malloc(entry->d_reclen);
		memcpy(all->entries[all->count++], entry, entry->d_reclen);
	}
	qsort(all->entries, all->count, sizeof *all->entries, compare);
	all->other = listings;
	return listings = all;
}

static void
forget(DIR *folder)
{
	struct listing **at, *gone;

	pthread_mutex_lock(&lock);
	for (at = &listings; *at != NULL && (*at)->folder != folder; )
		at = &(*at)->other;
	if ((gone = *at) != NULL) {
		*at = gone->other;
		while (gone->count > 0)
			free(gone->entries[--gone->count]);
		free(gone->entries);
		free(gone);
	}
	pthread_mutex_unlock(&lock);
}

struct dirent64 *
readdir64(DIR *folder)
{
	struct listing *all;
	struct dirent64 *entry;

	pthread_mutex_lock(&lock);
	for (all = listings; all != NULL && all->folder != folder; )
		all = all->other;
	if (all == NULL)
		all = read_all(folder);
	entry = all->next < all->count ? all->entries[all->next++] : NULL;
	pthread_mutex_unlock(&lock);
	return entry;
}

struct dirent *
readdir(DIR *folder)
{
	/* the same layout where long has 64 bits */
	return (struct dirent *)readdir64(folder);
}

void
rewinddir(DIR *folder)
{
	void (*rewind)(DIR *) = dlsym(RTLD_NEXT, "rewinddir");

	forget(folder);
	rewind(folder);
}

int
closedir(DIR *folder)
{
	int (*close)(DIR *) = dlsym(RTLD_NEXT, "closedir");

	forget(folder);
	return close(folder);
}
