// A preload library for tools/chaos: the program's wall clock is off by as many seconds as stand, as a 64 bit
// integer, in the file that CORRAL_CHAOS_CLOCK names, and jumps when that number changes. The monotonic clock
// stays what it is, as when a person or NTP sets the time. The file stays mapped, so no descriptor is held
// and nothing can fail later.

#define _GNU_SOURCE
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define VISIBLE __attribute__((visibility("default")))

static const volatile int64_t* offset;

__attribute__((constructor)) static void map_offset(void) {
    const char* path = getenv("CORRAL_CHAOS_CLOCK");
    const int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return;
    }
    void* page = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (page != MAP_FAILED) {
        offset = page;
    }
}

// Straight from the kernel: this may be asked before the libraries behind this one are ready.
static int told(clockid_t clock, struct timespec* out) {
    const int failed = (int)syscall(SYS_clock_gettime, clock, out);
    if (failed == 0 && offset != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        out->tv_sec += (time_t)*offset;
    }
    return failed;
}

VISIBLE int clock_gettime(clockid_t clock, struct timespec* out) {
    return told(clock, out);
}

VISIBLE int gettimeofday(struct timeval* restrict out, void* restrict zone) {
    (void)zone;
    struct timespec now = {0, 0};
    const int failed = told(CLOCK_REALTIME, &now);
    if (failed == 0) {
        out->tv_sec = now.tv_sec;
        out->tv_usec = (suseconds_t)(now.tv_nsec / 1000);
    }
    return failed;
}

VISIBLE time_t time(time_t* out) {
    struct timespec now = {0, 0};
    if (told(CLOCK_REALTIME, &now) != 0) {
        return (time_t)-1;
    }
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}
