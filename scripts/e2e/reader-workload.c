/*
 * Frees page tables while other threads walk them: what the readers of page tables meet on a busy machine, made to happen
 * often. Every kind is a way in which a table is unlinked; the readers beside it are pagemap (page-table walk), mincore,
 * process_vm_readv (follow_page) and GUP-fast (vmsplice, futex).
 *
 * usage: reader-workload KIND [ROUNDS]
 * KIND: reclaim, collapse, shmem, hugetlb, mremap, pageout, pfnmap, munmap; without arguments it lists them.
 * Readers are called rd-*, the others wk-*: `pttrace record --comm 'rd-*,wk-*'` keeps to them.
 * gcc -O2 -static -pthread reader-workload.c -o reader-workload
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define PAGE 4096UL
#define TABLE (2UL << 20) /* bytes that one PTE table maps */
#define WHERE ((char *)0x100000000000UL)
#define ELSEWHERE ((char *)0x110000000000UL)

static int cpus;
static atomic_int stop;
/* What the readers read; NULL: nothing now. */
static char *_Atomic range;
static size_t range_size;
static pid_t owner;

static void called(const char *name, int cpu)
{
	cpu_set_t set;

	prctl(PR_SET_NAME, name);
	CPU_ZERO(&set);
	CPU_SET(cpu % cpus, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static char *map(char *at, size_t size, int flags, int fd)
{
	char *p = mmap(at, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED | MAP_NORESERVE, fd, 0);

	if (p == MAP_FAILED)
		fail("mmap");
	return p;
}

static char *map_small_pages(char *at, size_t size)
{
	char *p = map(at, size, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	madvise(p, size, MADV_NOHUGEPAGE);
	return p;
}

static void touch(char *p, size_t size, size_t step)
{
	for (size_t at = 0; at < size; at += step)
		((volatile char *)p)[at] = 1;
}

/* A place in the range, another one every time; NULL: none now, or the end. */
static char *somewhere(unsigned *seed, size_t grain)
{
	char *p = range;

	if (!p) {
		sched_yield();
		return NULL;
	}
	*seed = *seed * 1103515245 + 12345;
	return p + (*seed >> 4) % (range_size / grain) * grain;
}

static void *read_pagemap(void *cpu)
{
	uint64_t entries[512];
	unsigned seed = 7;
	char path[64], *at;
	int fd;

	called("rd-pagemap", (int)(long)cpu);
	snprintf(path, sizeof(path), "/proc/%d/pagemap", owner);
	fd = open(path, O_RDONLY);
	while (!stop)
		if ((at = somewhere(&seed, TABLE)) && pread(fd, entries, sizeof(entries), (uintptr_t)at / PAGE * 8) < 0)
			sched_yield();
	close(fd);
	return NULL;
}

static void *read_mincore(void *cpu)
{
	unsigned char resident[TABLE / PAGE];
	unsigned seed = 9;
	char *at;

	called("rd-mincore", (int)(long)cpu);
	while (!stop)
		if ((at = somewhere(&seed, TABLE)))
			mincore(at, TABLE, resident);
	return NULL;
}

static void *read_remote(void *cpu)
{
	char buffer[64], *at;
	unsigned seed = 11;

	called("rd-vmreadv", (int)(long)cpu);
	while (!stop) {
		if (!(at = somewhere(&seed, PAGE)))
			continue;
		struct iovec here = { buffer, sizeof(buffer) }, there = { at, sizeof(buffer) };

		process_vm_readv(owner, &here, 1, &there, 1, 0);
	}
	return NULL;
}

static void *read_gup(void *cpu)
{
	static char drained[1 << 16];
	unsigned seed = 13;
	int ends[2];
	char *at;

	called("rd-gupfast", (int)(long)cpu);
	if (pipe2(ends, O_NONBLOCK))
		fail("pipe");
	while (!stop) {
		if (!(at = somewhere(&seed, PAGE)))
			continue;
		/* A shared futex is looked up by its page. */
		syscall(SYS_futex, at, 1 /* FUTEX_WAKE */, 1, NULL, NULL, 0);
		struct iovec page = { at, PAGE };

		if ((seed >> 20) % 4 == 0 && vmsplice(ends[1], &page, 1, SPLICE_F_NONBLOCK) > 0)
			while (read(ends[0], drained, sizeof(drained)) > 0)
				;
	}
	return NULL;
}

/* Keeps a CPU in this address space, so that flushes must interrupt it. */
static void *spin(void *cpu)
{
	called("rd-spin", (int)(long)cpu);
	for (volatile unsigned long n = 0; !stop; n++)
		;
	return NULL;
}

static pthread_t threads[16];
static int started;

static void reader(void *(*body)(void *), int cpu)
{
	if (pthread_create(&threads[started++], NULL, body, (void *)(long)cpu))
		fail("pthread_create");
}

static void readers_end(void)
{
	stop = 1;
	while (started > 0)
		pthread_join(threads[--started], NULL);
}

static void look_at(char *p, size_t size)
{
	range = NULL;
	range_size = size;
	range = p;
}

/* A child that shares memory and runs `body` until it is killed. */
static pid_t child(void (*body)(char *, size_t), char *p, size_t size)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			body(p, size);
	}
	return pid;
}

static void child_ends(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* MADV_DONTNEED empties whole tables, which are freed then and there (CONFIG_PT_RECLAIM). */
static void reclaim(int rounds)
{
	size_t size = 4 * TABLE;
	char *p = map_small_pages(WHERE, size);

	look_at(p, size);
	reader(read_pagemap, 1);
	reader(read_mincore, 2);
	reader(read_gup, 3);
	reader(read_remote, 3);
	for (int i = 0; i < rounds; i++) {
		touch(p, size, 16 * PAGE);
		madvise(p, size, MADV_DONTNEED);
		if (i % 5 == 4) {
			touch(p, size, 16 * PAGE);
			madvise(p, size / 2, MADV_FREE);
		}
	}
	readers_end();
	munmap(p, size);
}

/* Small pages become a huge one, which is split again. */
static void collapse(int rounds)
{
	size_t size = 4 * TABLE;
	char *p = map(WHERE, size, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int done = 0;

	look_at(p, size);
	reader(read_pagemap, 1);
	reader(read_mincore, 2);
	/* No GUP: a page that is pinned cannot be moved. */
	reader(read_remote, 3);
	for (int i = 0; i < rounds; i++) {
		madvise(p, size, MADV_NOHUGEPAGE);
		touch(p, size, 16 * PAGE);
		madvise(p, size, MADV_HUGEPAGE);
		for (size_t at = 0; at < size; at += TABLE)
			done += madvise(p + at, TABLE, MADV_COLLAPSE) == 0;
		mprotect(p + TABLE / 2, PAGE, PROT_READ);
		mprotect(p + TABLE / 2, PAGE, PROT_READ | PROT_WRITE);
		madvise(p + TABLE + TABLE / 2, 2 * PAGE, MADV_DONTNEED);
		madvise(p, size, MADV_DONTNEED);
	}
	readers_end();
	munmap(p, size);
	printf("%d huge pages made\n", done);
}

static void share(char *p, size_t size)
{
	called("wk-sharer", 1);
	for (volatile char sum = 0;; usleep(100))
		for (size_t at = 0; at < size; at += 16 * PAGE)
			sum += p[at];
}

/* Shared memory becomes a huge page: the tables of every process that maps it are retracted. */
static void shmem(int rounds)
{
	size_t size = 2 * TABLE;
	int fd = memfd_create("shmem", 0), done = 0;
	char *p;
	pid_t sharer;

	if (fd < 0 || ftruncate(fd, size))
		fail("memfd_create");
	p = map(WHERE, size, MAP_SHARED, fd);
	touch(p, size, PAGE);
	sharer = child(share, p, size);
	look_at(p, size);
	reader(read_pagemap, 1);
	reader(read_mincore, 2);
	reader(read_gup, 3);
	for (int i = 0; i < rounds; i++) {
		touch(p, size, PAGE);
		for (size_t at = 0; at < size; at += TABLE)
			done += madvise(p + at, TABLE, MADV_COLLAPSE) == 0;
		madvise(p, TABLE, MADV_REMOVE);
		fallocate(fd, 3 /* punch a hole, keep the size */, TABLE + 2 * PAGE, PAGE);
		usleep(2000);
	}
	readers_end();
	child_ends(sharer);
	munmap(p, size);
	printf("%d huge pages made\n", done);
}

static void share_huge(char *p, size_t size)
{
	called("wk-sharer", 1);
	for (volatile char sum = 0;; usleep(100))
		for (size_t at = 0; at < size; at += size / 2)
			sum += p[at];
}

/* Two processes share the PMD table of a GiB of huge pages, and part again. */
static void hugetlb(int rounds)
{
	size_t gib = 1UL << 30;
	int fd;
	char *p;
	pid_t sharer;
	FILE *pages = fopen("/proc/sys/vm/nr_hugepages", "w");

	if (!pages || fprintf(pages, "8\n") < 0 || fclose(pages))
		fail("nr_hugepages");
	fd = memfd_create("hugetlb", MFD_HUGETLB);
	if (fd < 0 || ftruncate(fd, 2 * gib))
		fail("memfd_create");
	p = map(WHERE, 2 * gib, MAP_SHARED, fd);
	p[0] = p[TABLE] = p[gib] = 1;
	sharer = child(share_huge, p, 2 * gib);
	look_at(p, 2 * TABLE);
	reader(read_pagemap, 1);
	reader(read_gup, 2);
	reader(spin, 3);
	for (int i = 0; i < rounds; i++) {
		p[0] = p[TABLE] = 1;
		if (i % 3 == 0) {
			mprotect(p, TABLE, PROT_READ);
			mprotect(p, TABLE, PROT_READ | PROT_WRITE);
		} else {
			munmap(p, i % 3 == 1 ? gib : 2 * gib);
			map(p, 2 * gib, MAP_SHARED, fd);
		}
		usleep(500);
	}
	readers_end();
	child_ends(sharer);
	munmap(p, 2 * gib);
}

/* Mappings move, with their tables or entry by entry, and shrink and grow. */
static void move(int rounds)
{
	size_t size = 8 * TABLE;
	char *p, *q;

	reader(spin, 1);
	reader(read_pagemap, 2);
	reader(read_mincore, 3);
	for (int i = 0; i < rounds; i++) {
		p = map_small_pages(WHERE, size);
		touch(p, size, i % 2 ? TABLE : 16 * PAGE);
		look_at(p, size);
		/* Every third target is off by a page: entries move one by one. */
		q = mremap(p, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, ELSEWHERE + (i % 3 == 2 ? PAGE : 0));
		if (q == MAP_FAILED)
			fail("mremap");
		look_at(q, size / 4);
		mremap(q, size, size / 4, 0);
		q = mremap(q, size / 4, size, MREMAP_MAYMOVE);
		if (q == MAP_FAILED)
			fail("mremap");
		look_at(q, size);
		touch(q, size, TABLE);
		look_at(NULL, size);
		munmap(q, size);
	}
	readers_end();
}

static void be_paged_out(char *p, size_t size)
{
	called("wk-victim", 1);
	touch(p, size, 4 * PAGE);
	madvise(p, size / 2, MADV_DONTNEED);
	usleep(3000);
}

/* Pages of another process are reclaimed while it empties its tables and others read them. */
static void pageout(int rounds)
{
	size_t size = 4 * TABLE;
	char *p = map_small_pages(WHERE, size);
	pid_t victim = child(be_paged_out, p, size);
	int pidfd = syscall(434 /* pidfd_open */, victim, 0);

	owner = victim;
	look_at(p, size);
	reader(read_remote, 2);
	reader(read_pagemap, 3);
	for (int i = 0; i < rounds; i++) {
		struct iovec all = { p, size };

		touch(p, size, 4 * PAGE);
		syscall(440 /* process_madvise */, pidfd, &all, 1, i % 2 ? MADV_PAGEOUT : 20 /* MADV_COLD */, 0);
		madvise(p, size, MADV_PAGEOUT);
		usleep(2000);
	}
	child_ends(victim);
	readers_end();
	munmap(p, size);
}

/* A mapping of device memory goes: its entries name pages without a struct page. */
static void pfnmap(int rounds)
{
	int fd = open("/dev/mem", O_RDWR);

	if (fd < 0)
		fail("/dev/mem");
	reader(spin, 1);
	reader(spin, 2);
	for (int i = 0; i < rounds; i++) {
		char *p = mmap(WHERE, 16 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0xf0000);
		volatile char sum = 0;

		if (p == MAP_FAILED)
			fail("mmap of /dev/mem");
		for (int k = 0; k < 16; k++)
			sum += p[k * PAGE];
		munmap(p, 16 * PAGE);
	}
	readers_end();
}

/* Whole regions go while another process reads them. */
static void unmap(int rounds)
{
	size_t size = 8 * TABLE;

	look_at(WHERE, size);
	reader(read_remote, 1);
	reader(read_pagemap, 2);
	reader(read_gup, 3);
	for (int i = 0; i < rounds; i++) {
		char *p = map_small_pages(WHERE, size);

		touch(p, size, 16 * PAGE);
		usleep(200);
		munmap(p, size);
	}
	readers_end();
}

static const struct {
	const char *name;
	void (*run)(int);
} kinds[] = {
	{ "reclaim", reclaim }, { "collapse", collapse }, { "shmem", shmem },	{ "hugetlb", hugetlb },
	{ "mremap", move },	{ "pageout", pageout },	  { "pfnmap", pfnmap }, { "munmap", unmap },
};

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 10;

	cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	owner = getpid();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (argc > 1 && strcmp(argv[1], kinds[i].name) == 0) {
			char name[16];

			snprintf(name, sizeof(name), "wk-%s", argv[1]);
			called(name, 0);
			kinds[i].run(rounds);
			printf("%s: %d rounds\n", argv[1], rounds);
			return 0;
		}
		if (argc < 2)
			puts(kinds[i].name);
	}
	if (argc > 1)
		fprintf(stderr, "no such kind: %s\n", argv[1]);
	return 2;
}
