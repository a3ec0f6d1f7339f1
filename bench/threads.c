/* Pretended guests for bench/cycle.py: a process each, with a thread for each vCPU.
 *
 *     threads GUESTS THREADS BUSY TICK
 *
 * Prints a line of thread ids for each guest, then lives until its standard input ends; so it never outlives
 * the benchmark. Threads of idle guests wake up every TICK ms, as idle systems do, and do nothing; those of one guest in
 * twenty never do. In the first BUSY guests, thread 0 works in turns. All of those are bound to one CPU and want
 * 40 % of it together: they really have to wait for each other, and the other CPUs are left alone.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define PERIOD_NS 50000000L

static int guests, threads, busy;
static long tick_ns;
static volatile pid_t *tids;

static void rest(long ns)
{
    struct timespec t = {ns / 1000000000L, ns % 1000000000L};
    nanosleep(&t, NULL);
}

static long cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void *vcpu(void *argument)
{
    long place = (long)argument, work = PERIOD_NS * 4 / 10 / (busy ? busy : 1);
    unsigned seed = place;
    tids[place] = gettid();
    if (place % threads || place / threads >= busy) {
        while (place / threads % 20 == 19)
            pause();
        rest(place * 1999993 % tick_ns);    /* spread evenly: they are not to wait for each other */
        for (;;)
            rest(tick_ns);
    }
    cpu_set_t all, one;
    sched_getaffinity(0, sizeof all, &all);
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &all)) {
            CPU_SET(cpu, &one);
            break;
        }
    sched_setaffinity(0, sizeof one, &one);
    for (;;) {
        long end = cpu_ns() + work;
        while (cpu_ns() < end)
            ;
        rest(PERIOD_NS - work - 5000000L + rand_r(&seed) % 10000000L);
    }
}

static void guest(long number, pid_t parent)
{
    pthread_attr_t attr;
    pthread_t thread;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 65536);
    for (long i = 1; i < threads; i++)
        if (pthread_create(&thread, &attr, vcpu, (void *)(number * threads + i)))
            _exit(1);
    vcpu((void *)(number * threads));
}

int main(int argc, char **argv)
{
    char byte;
    pid_t parent = getpid();
    if (argc != 5)
        return 2;
    guests = atoi(argv[1]), threads = atoi(argv[2]), busy = atoi(argv[3]), tick_ns = atol(argv[4]) * 1000000L;
    tids = mmap(NULL, sizeof *tids * guests * threads, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tids == MAP_FAILED)
        return 1;
    signal(SIGCHLD, SIG_IGN);
    for (long i = 0; i < guests; i++) {
        pid_t child = fork();
        if (child < 0) {
            perror("fork");
            return 1;
        }
        if (!child)
            guest(i, parent);
    }
    for (long i = 0; i < (long)guests * threads; i++)
        while (!tids[i])
            rest(1000000L);
    for (int i = 0; i < guests; i++)
        for (int j = 0; j < threads; j++)
            printf("%d%c", tids[i * threads + j], j == threads - 1 ? '\n' : ' ');
    fflush(stdout);
    while (read(0, &byte, 1) > 0)
        ;
    return 0;
}
