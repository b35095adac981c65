/*
 * Maps a region, touches one page in every 2 MiB of it, and unmaps it, again and again, while other threads of the
 * process keep running on the other CPUs: every munmap frees page tables and must interrupt those CPUs to flush
 * their TLBs. With RCU, callbacks follow.
 *
 * usage: munmap-workload [ROUNDS [TABLES [THREADS]]]
 * Static, no arguments needed: gcc -O2 -static -pthread munmap-workload.c -o munmap-workload
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define STEP (2UL << 20)
/* A part of the address space that nothing else uses: the PMD and PUD tables go with the region. */
#define WHERE ((void *)0x100000000000UL)

static atomic_int stop;

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void *spin(void *arg)
{
	volatile unsigned long n = 0;

	pin((int)(long)arg);
	while (!atomic_load_explicit(&stop, memory_order_relaxed))
		n++;
	return NULL;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 50;
	unsigned long tables = argc > 2 ? strtoul(argv[2], NULL, 0) : 16;
	int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	int threads = argc > 3 ? atoi(argv[3]) : cpus - 1;
	pthread_t *ids = calloc(threads > 0 ? threads : 1, sizeof(*ids));
	int i, r, freed = 0;

	pin(0);
	for (i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, spin, (void *)(long)(1 + i % (cpus > 1 ? cpus - 1 : 1)))) {
			perror("pthread_create");
			return 1;
		}
	for (r = 0; r < rounds; r++) {
		unsigned long size = tables * STEP, at;
		char *p = mmap(WHERE, size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (p == MAP_FAILED) {
			perror("mmap");
			return 1;
		}
		madvise(p, size, MADV_NOHUGEPAGE);
		for (at = 0; at < size; at += STEP)
			p[at] = 1;
		if (munmap(p, size)) {
			perror("munmap");
			return 1;
		}
		freed += (int)tables;
	}
	atomic_store(&stop, 1);
	for (i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	printf("%d munmaps, %d page tables and what is above them\n", rounds, freed);
	return 0;
}
