/* The init of the lab's Linux guests: loads modules, starts the guest agent if there is one, makes the load.
 *
 * The kernel hands unknown words of its command line to init as environment: load=..., lab_host=NAME, and
 *   lab_user=NAME         this user is logged in
 *   lab_address=A.B.C.D   the guest has this address (on its loopback, so it needs no network)
 *   lab_clock=SECONDS     its real-time clock is set ahead by so much
 *   lab_blocked=COMMANDS  its guest agent does not do these (with commas between), such as guest-exec
 *   lab_fill=DEVICE       when the load runs, DEVICE is written to from its beginning to its end
 *
 * load: terms joined by '+':
 *   spin               one busy thread pinned to each vCPU
 *   periodic:ON/OFF    ON ms of work, then OFF ms of sleep; periodic:ON/OFFxN with N threads
 *   requests:R/MS      R requests a second at random (Poisson), each MS ms of work on average (exponential), which
 *                      queue up while there is no CPU and are given up after 2 s; requests:R/MSxN with N threads
 *   busy:S,idle:S      all vCPUs busy for S seconds of wall clock, then idle for S seconds, and so on
 *   turns:ON/OFF,S     S seconds of wall clock like periodic:ON/OFF, then S seconds busy, and so on
 *   memory:MIB         fills MIB of memory and writes to all of it again every 20 s
 *   later:MIB,S        the same, but begins S seconds after it started, and grows to that in 20 s
 *   swing:MIB,ON,OFF   after OFF seconds grows to MIB of memory in 10 s and holds it; when ON seconds have passed since
 *                      it began to grow, frees it; and so on. swing:MIB,ON,OFF,FIRST,GROWTH: it first grows after FIRST
 *                      seconds, and each time in GROWTH seconds
 *   filled:MIB         fills MIB of memory and frees it at once: the host then holds it, and the guest has no use for it
 *   idle               nothing
 *
 * No two pages that they fill are equal, in no two guests, or the host would merge them (KSM) as it merges no real data.
 *
 * ON is an amount of work, not a span of time: the guest's clocks run on while the host starves its vCPU, so a loop
 * that looks at a clock would do the less, the more it is starved. The unit of work is calibrated at boot as the
 * number of loop rounds that the fastest of many short batches did in a millisecond; the fastest is one that nobody
 * interrupted. (The fastest but four, should a clock have jumped.)
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/rtc.h>
#include <math.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

enum kind { SPIN, PERIODIC, REQUESTS, PHASES, TURNS };

struct load {
    enum kind kind;
    int cpu;
    double on, off; /* seconds; of requests: each one's work, and the mean time between two */
    double turn;    /* seconds */
};

struct memory {
    long mib;
    double after; /* seconds; below 0: to be freed at once */
    double on, off, growth; /* seconds; on above 0: it comes and goes */
};

#define BATCHES 200

static double rounds_per_second;
static pthread_barrier_t started;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void rest(double seconds)
{
    struct timespec t = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        ;
}

/* One copy in the program, inside one page: QEMU translates each copy anew, and a loop that crosses a page is slower. */
__attribute__((noinline, noclone, aligned(64))) static void work(unsigned long rounds)
{
    while (rounds--)
        __asm__ volatile("" ::: "memory"); /* keeps the compiler from removing the loop */
}

static double seconds_of(unsigned long rounds)
{
    double begin = now();
    work(rounds);
    return now() - begin;
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* How long so many rounds take if nobody interrupts them: of `tries`, the fastest after the first `skip`. */
static double uninterrupted(unsigned long rounds, int tries, int skip)
{
    double took[BATCHES];

    for (int i = 0; i < tries; i++)
        took[i] = seconds_of(rounds);
    qsort(took, tries, sizeof *took, by_size);
    return took[skip];
}

/* Returns whether it can be believed; the console tells why not. */
static int calibrate(void)
{
    /* Far above the clock's grain, far below a slice of the host's scheduler. Of some tries, because one that was
     * interrupted seems to be long enough when it is a thousandth of that, and then reading the clock counts as work. */
    const double enough = 0.00025;
    unsigned long rounds = 1000;
    double first, best;

    while ((first = uninterrupted(rounds, 10, 0)) < enough)
        rounds *= 2;
    best = uninterrupted(rounds, BATCHES, 4);
    rounds_per_second = rounds / best;
    if (best >= enough / 2 && best <= 2 * first)
        return 1;
    printf("hpmlab: no calibration: %lu rounds took %.6f s, and %.6f s shortly before\n", rounds, best, first);
    return 0;
}

/* A number with the exponential distribution of mean 1. */
static double exponential(unsigned short state[3])
{
    return -log(1 - erand48(state));
}

static void *run(void *argument)
{
    struct load *load = argument;
    unsigned short state[3] = {load->cpu, (unsigned long)load >> 4, 1}; /* the same load in each run */
    double arrival = now();
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(load->cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
    prctl(PR_SET_TIMERSLACK, 1); /* ns; the default of 50 us would lengthen each sleep */
    pthread_barrier_wait(&started);
    for (;;) {
        switch (load->kind) {
        case SPIN:
            work(1000000);
            break;
        case TURNS:
            if (fmod(now(), 2 * load->turn) >= load->turn) {
                work(rounds_per_second / 1000);
                break;
            }
            /* fall through */
        case PERIODIC:
            work(load->on * rounds_per_second);
            rest(load->off);
            break;
        case REQUESTS:
            arrival = fmax(arrival, now() - 2) + exponential(state) * load->off;
            rest(arrival - now());
            work(exponential(state) * load->on * rounds_per_second);
            break;
        case PHASES: {
            double end = now() + load->on;
            while (now() < end)
                work(rounds_per_second / 1000);
            rest(load->off);
            break;
        }
        }
    }
    return NULL;
}

/* Write to a page what stands in no other one. */
static void write_page(char *page)
{
    static _Atomic unsigned long count;
    static unsigned long seed;

    while (!seed) /* twice by two threads does no harm */
        getrandom(&seed, sizeof seed, 0);
    ((unsigned long *)page)[0] = seed;
    ((unsigned long *)page)[1] = ++count;
}

static void *touch(void *argument)
{
    struct memory *wanted = argument;
    size_t size = (size_t)wanted->mib << 20, step = size / 200 / 4096 * 4096 + 4096;
    char *memory;

    if (wanted->after > 0) {
        pthread_barrier_wait(&started);
        rest(wanted->after);
    }
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | (wanted->after > 0 ? 0 : MAP_POPULATE), -1, 0);

    if (memory == MAP_FAILED) { /* so the guest never says that it is ready, and this stands where that was awaited */
        printf("hpmlab: cannot map %zu bytes: %s\n", size, strerror(errno));
        return NULL;
    }
    for (size_t page = 0; wanted->after <= 0 && page < size; page += 4096)
        write_page(memory + page);
    if (wanted->after < 0)
        munmap(memory, size);
    if (wanted->after <= 0)
        pthread_barrier_wait(&started);
    if (wanted->after < 0)
        return NULL;
    for (;;)
        for (size_t at = 0; at < size; at += step) {
            for (size_t page = at; page < at + step && page < size; page += 4096)
                write_page(memory + page);
            rest(0.1);
        }
}

/* Memory that comes and goes. By a schedule, so that what one turn lasted too long does not move those after it. */
static void *swing(void *argument)
{
    struct memory *wanted = argument;
    size_t size = (size_t)wanted->mib << 20, step = size / 100 / 4096 * 4096 + 4096;
    double begin;

    pthread_barrier_wait(&started);
    for (begin = now() + wanted->after;; begin += wanted->on + wanted->off) {
        rest(begin - now());
        char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) {
            printf("hpmlab: cannot map %zu bytes: %s\n", size, strerror(errno));
            continue;
        }
        for (size_t at = 0; at < size; at += step) {
            for (size_t page = at; page < at + step && page < size; page += 4096)
                write_page(memory + page);
            rest(wanted->growth / 100);
        }
        rest(begin + wanted->on - now());
        munmap(memory, size);
    }
    return NULL;
}

static void say_ready(const char *load)
{
    printf("hpmlab: ready load=%s rounds/ms=%.0f uptime=%.2f\n", load, rounds_per_second / 1000, now());
}

/* Start the threads of all terms; returns when they all run. */
static void start_loads(const char *text)
{
    static struct load loads[256];
    static struct memory memory[16];
    int cpus = sysconf(_SC_NPROCESSORS_ONLN), count = 0, memories = 0;
    char *copy = strdup(text), *rest_of_copy = copy, *term;
    pthread_t thread;

    while ((term = strsep(&rest_of_copy, "+"))) {
        struct load load = {SPIN, 0, 0, 0, 0};
        struct memory come_and_go = {0, 0, 0, 0, 10};
        int threads = cpus, n = 1, found;

        if (sscanf(term, "periodic:%lf/%lfx%d", &load.on, &load.off, &n) >= 2) {
            load.kind = PERIODIC, threads = n, load.on /= 1000, load.off /= 1000;
        } else if (sscanf(term, "requests:%lf/%lfx%d", &load.off, &load.on, &n) >= 2) {
            load.kind = REQUESTS, threads = n, load.on /= 1000, load.off = n / load.off;
        } else if (sscanf(term, "turns:%lf/%lf,%lf", &load.on, &load.off, &load.turn) == 3) {
            load.kind = TURNS, load.on /= 1000, load.off /= 1000;
        } else if (sscanf(term, "busy:%lf,idle:%lf", &load.on, &load.off) == 2) {
            load.kind = PHASES;
        } else if (memories < 16 && (sscanf(term, "memory:%ld", &memory[memories].mib) == 1 ||
                                     sscanf(term, "later:%ld,%lf", &memory[memories].mib, &memory[memories].after) == 2)) {
            memories++;
            continue;
        } else if (memories < 16 && (found = sscanf(term, "swing:%ld,%lf,%lf,%lf,%lf", &come_and_go.mib, &come_and_go.on,
                                                    &come_and_go.off, &come_and_go.after, &come_and_go.growth)) >= 3) {
            if (found == 3)
                come_and_go.after = come_and_go.off;
            memory[memories++] = come_and_go;
            continue;
        } else if (memories < 16 && sscanf(term, "filled:%ld", &memory[memories].mib) == 1) {
            memory[memories++].after = -1;
            continue;
        } else if (strcmp(term, "spin") != 0) {
            if (strcmp(term, "idle") != 0)
                printf("hpmlab: unknown load %s\n", term);
            continue;
        }
        for (int i = 0; i < threads && count < 256; i++) {
            loads[count] = load;
            loads[count++].cpu = i % cpus;
        }
    }
    free(copy);
    pthread_barrier_init(&started, NULL, count + memories + 1);
    for (int i = 0; i < count; i++)
        pthread_create(&thread, NULL, run, &loads[i]);
    for (int i = 0; i < memories; i++)
        pthread_create(&thread, NULL, memory[i].on > 0 ? swing : touch, &memory[i]);
    pthread_barrier_wait(&started);
}

/* Load the modules named in /modules/order, one name a line. */
static void load_modules(void)
{
    char name[256];
    FILE *order = fopen("/modules/order", "r");

    if (!order)
        return;
    while (fscanf(order, "%255s", name) == 1) {
        int fd = open(name, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST))
            printf("hpmlab: cannot load %s: %s\n", name, strerror(errno));
        close(fd);
    }
    fclose(order);
}

/* Write into `device` the device file of the virtio port with this name (udev would make a link); 0 if there is none. */
static int find_port(const char *wanted, char *device, size_t size)
{
    DIR *ports = opendir("/sys/class/virtio-ports");
    struct dirent *entry;
    int found = 0;

    while (ports && !found && (entry = readdir(ports))) {
        char path[512], name[128] = "";
        snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", entry->d_name);
        FILE *file = fopen(path, "r");
        if (!file)
            continue;
        if (fscanf(file, "%127s", name) == 1 && strcmp(name, wanted) == 0) {
            snprintf(device, size, "/dev/%s", entry->d_name);
            found = 1;
        }
        fclose(file);
    }
    if (ports)
        closedir(ports);
    return found;
}

static void start_agent(void)
{
    char device[300];

    if (access("/usr/sbin/qemu-ga", X_OK) != 0)
        return;
    /* The port's name comes with a message of the host, shortly after the module was loaded. */
    for (int tries = 0; !find_port("org.qemu.guest_agent.0", device, sizeof device); tries++) {
        if (tries == 500) {
            printf("hpmlab: no port for the guest agent\n");
            return;
        }
        rest(0.01);
    }
    if (fork() == 0) {
        const char *blocked = getenv("lab_blocked");
        execl("/usr/sbin/qemu-ga", "qemu-ga", "-m", "virtio-serial", "-p", device, blocked ? "-b" : NULL, blocked,
              (char *)NULL);
        printf("hpmlab: cannot start qemu-ga: %s\n", strerror(errno));
        _exit(1);
    }
}

static void say_failed(const char *what)
{
    printf("hpmlab: cannot %s: %s\n", what, strerror(errno));
}

static void log_in(const char *user)
{
    struct utmp record = {.ut_type = USER_PROCESS, .ut_pid = 1, .ut_line = "ttyS0"};
    int fd = open("/var/run/utmp", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    strncpy(record.ut_user, user, sizeof record.ut_user - 1);
    record.ut_tv.tv_sec = time(NULL);
    if (fd < 0 || write(fd, &record, sizeof record) != sizeof record)
        say_failed("log in");
    close(fd);
}

static void take_address(const char *address)
{
    struct ifreq request = {.ifr_name = "lo"};
    struct sockaddr_in *own = (struct sockaddr_in *)&request.ifr_addr;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    own->sin_family = AF_INET;
    inet_pton(AF_INET, address, &own->sin_addr);
    if (ioctl(fd, SIOCSIFADDR, &request) < 0)
        say_failed("take an address");
    request.ifr_flags = IFF_UP;
    if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
        say_failed("bring up the loopback");
    close(fd);
}

static void set_clock(const char *seconds)
{
    time_t wanted = time(NULL) + atol(seconds);
    struct tm parts;
    struct rtc_time clock;
    int fd = open("/dev/rtc0", O_RDWR | O_CLOEXEC);

    gmtime_r(&wanted, &parts);
    clock = (struct rtc_time){.tm_sec = parts.tm_sec, .tm_min = parts.tm_min, .tm_hour = parts.tm_hour,
                              .tm_mday = parts.tm_mday, .tm_mon = parts.tm_mon, .tm_year = parts.tm_year};
    if (fd < 0 || ioctl(fd, RTC_SET_TIME, &clock) < 0)
        say_failed("set the clock");
    close(fd);
}

static void fill(const char *device)
{
    static char block[65536] = {1};
    int fd;

    if (fork() != 0)
        return;
    fd = open(device, O_WRONLY | O_SYNC);
    while (fd >= 0 && write(fd, block, sizeof block) > 0)
        ;
    say_failed("write on");
    _exit(0);
}

int main(void)
{
    const char *load = getenv("load"), *host = getenv("lab_host"), *word;
    int console;

    if (!load)
        load = "idle";
    mkdir("/proc", 0755), mkdir("/sys", 0755), mkdir("/dev", 0755), mkdir("/run", 0755);
    mount("proc", "/proc", "proc", 0, NULL);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    console = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
    dup2(console, 0), dup2(console, 1), dup2(console, 2);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (host)
        sethostname(host, strlen(host));
    load_modules();
    if ((word = getenv("lab_user")))
        log_in(word);
    if ((word = getenv("lab_address")))
        take_address(word);
    if ((word = getenv("lab_clock")))
        set_clock(word);
    while (!calibrate()) /* a guest whose work nobody can tell is never ready */
        rest(1);
    start_agent();
    start_loads(load);
    say_ready(load);
    if ((word = getenv("lab_fill")))
        fill(word);
    for (;;) /* process 1 must not end, and inherits the orphans */
        if (wait(NULL) < 0)
            rest(1);
}
