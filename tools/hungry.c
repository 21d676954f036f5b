/* Preloaded into a runtime: eats memory once /run/hungry/memory is there, forks without end once /run/hungry/forks is, and while
   it loads makes threads until it gets no more where /run/hungry/threads is. For tools/check_package and tools/check_limits. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static void *eat(void *unused) {
    while (access("/run/hungry/memory", F_OK) != 0) {
        usleep(20000);
    }
    for (;;) {
        char *more = malloc(1 << 24);
        if (more != NULL) {
            memset(more, 1, 1 << 24);
        }
    }
    return unused;
}

/* Each child in a session of its own, so that no signal to a group reaches it. */
static void *multiply(void *unused) {
    while (access("/run/hungry/forks", F_OK) != 0) {
        usleep(20000);
    }
    for (;;) {
        const pid_t made = fork();
        if (made == 0) {
            setsid();
        } else if (made < 0) {
            usleep(1000);
        }
    }
    return unused;
}

static void *wait_for_ever(void *unused) {
    pause();
    return unused;
}

__attribute__((constructor)) static void begin(void) {
    pthread_t id;
    for (int made = 0; access("/run/hungry/threads", F_OK) == 0; ++made) {
        if (pthread_create(&id, NULL, wait_for_ever, NULL) != 0) {
            fprintf(stderr, "no thread after %d\n", made);
            abort();
        }
    }
    pthread_create(&id, NULL, eat, NULL);
    pthread_create(&id, NULL, multiply, NULL);
}
