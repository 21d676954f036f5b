// A preload library that keeps a program's TCP servers off the network. Vendor programs listen on every
// interface with a port compiled into them (docs/facts/vendor_ax.md#http); with this in LD_PRELOAD their
// bind() asks for loopback, and for another port where CORRAL_PORTGUARD says so: "8000=41234,12345=41235".
// What can't be read in it is left out; without it only the addresses change. A program that calls the server
// that it moved (Gradio does, at its start) finds it.
//
// It must never break its program: no allocation, no locks, errno as it would have been, everything but TCP
// servers untouched. Whether it had an effect is for others to see: a static program never meets it.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define VISIBLE __attribute__((visibility("default")))

enum { most_moves = 32, least_in6 = 24 };  // of a sockaddr_in6, as the kernel takes it (RFC 2133)

typedef int bind_call(int, const struct sockaddr*, socklen_t);
typedef int listen_call(int, int);

struct port_move {
    uint16_t from;
    uint16_t to;
    volatile int used;  // by a bind() of this process
};

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage storage;
};

static struct port_move moves[most_moves];
static size_t move_count;
static bind_call* next_bind;  // of the next library that has one, normally the C library
static bind_call* next_connect;
static listen_call* next_listen;
static int prepared;

// 0: not a port. Moves `text` behind the number.
static uint16_t take_port(const char** text) {
    uint32_t number = 0;
    for (; **text >= '0' && **text <= '9'; ++*text) {
        number = number * 10 + (uint32_t)(**text - '0');
        if (number > UINT16_MAX) {
            return 0;
        }
    }
    return (uint16_t)number;
}

static void read_moves(const char* text) {
    while (text != NULL && *text != '\0' && move_count < most_moves) {
        struct port_move one = {take_port(&text), 0, 0};
        if (one.from != 0 && *text == '=') {
            ++text;
            one.to = take_port(&text);
        }
        if (one.to != 0 && (*text == ',' || *text == '\0')) {
            moves[move_count++] = one;
        }
        text = strchr(text, ',');
        text = text == NULL ? NULL : text + 1;
    }
}

// Before main, when there is one thread; the program may change its environment later.
__attribute__((constructor)) static void prepare(void) {
    if (prepared) {
        return;
    }
    prepared = 1;
    read_moves(getenv("CORRAL_PORTGUARD"));
    next_bind = (bind_call*)(uintptr_t)dlsym(RTLD_NEXT, "bind");
    next_connect = (bind_call*)(uintptr_t)dlsym(RTLD_NEXT, "connect");
    next_listen = (listen_call*)(uintptr_t)dlsym(RTLD_NEXT, "listen");
}

static struct port_move* move_of(uint16_t network_order) {
    const uint16_t port = ntohs(network_order);
    for (size_t i = 0; i < move_count; ++i) {
        if (moves[i].from == port) {
            return &moves[i];
        }
    }
    return NULL;
}

static uint16_t moved_port(uint16_t network_order) {
    struct port_move* const move = move_of(network_order);
    if (move == NULL) {
        return network_order;
    }
    move->used = 1;
    return htons(move->to);
}

static int option_of(int fd, int level, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    return getsockopt(fd, level, name, &value, &size) == 0 ? value : 0;
}

// AF_INET, AF_INET6, or 0 for everything that is left alone.
static int domain_of_stream(int fd) {
    const int domain = option_of(fd, SOL_SOCKET, SO_DOMAIN);
    const int known = domain == AF_INET || domain == AF_INET6;
    return known && option_of(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM ? domain : 0;
}

static int is_loopback4(const struct in_addr* where) {
    return ntohl(where->s_addr) >> 24 == IN_LOOPBACKNET;
}

static int is_loopback6(const struct in6_addr* where) {
    return IN6_IS_ADDR_LOOPBACK(where) ||
           (IN6_IS_ADDR_V4MAPPED(where) && where->s6_addr[12] == IN_LOOPBACKNET);
}

// Port 0 outside loopback may be a client's on its way to another machine: listen() looks at it again.
static int rewrite4(struct sockaddr_in* where, socklen_t length) {
    if (length < sizeof *where || (where->sin_family != AF_INET && where->sin_family != AF_UNSPEC)) {
        return 0;
    }
    const int local = is_loopback4(&where->sin_addr);
    if (where->sin_port == 0 && !local) {
        return 0;
    }
    if (!local) {
        where->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        where->sin_family = AF_INET;
    }
    where->sin_port = moved_port(where->sin_port);
    return 1;
}

// A socket for both families goes on answering where 127.0.0.1 is called.
static int rewrite6(int fd, struct sockaddr_in6* where, socklen_t length) {
    static const struct in6_addr mapped = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127, 0, 0, 1}}};
    if (length < least_in6 || where->sin6_family != AF_INET6) {
        return 0;
    }
    const int local = is_loopback6(&where->sin6_addr);
    if (where->sin6_port == 0 && !local) {
        return 0;
    }
    if (!local) {
        const int takes_v4 =
            !option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY) &&
            (IN6_IS_ADDR_UNSPECIFIED(&where->sin6_addr) || IN6_IS_ADDR_V4MAPPED(&where->sin6_addr));
        where->sin6_addr = takes_v4 ? mapped : in6addr_loopback;
        where->sin6_scope_id = 0;
    }
    where->sin6_port = moved_port(where->sin6_port);
    return 1;
}

// With SO_REUSEPORT a second program could take half of the calls. Its users count on binding again at once
// after a crash, which SO_REUSEADDR gives too.
static void stop_sharing(int fd) {
    if (option_of(fd, SOL_SOCKET, SO_REUSEPORT)) {
        const int off = 0;
        const int on = 1;
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &off, sizeof off);
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
}

VISIBLE int bind(int fd, const struct sockaddr* where, socklen_t length) {
    const int error = errno;
    prepare();
    union address changed;
    memset(&changed, 0, sizeof changed);
    const int domain = where == NULL ? 0 : domain_of_stream(fd);
    if (domain != 0 && length <= sizeof changed) {
        memcpy(&changed, where, length);
        if (domain == AF_INET ? rewrite4(&changed.v4, length) : rewrite6(fd, &changed.v6, length)) {
            stop_sharing(fd);
            where = &changed.any;
        }
    }
    errno = error;
    return next_bind != NULL ? next_bind(fd, where, length) : (int)syscall(SYS_bind, fd, where, length);
}

// On loopback, at a port that this process asked for and got another in its place.
static int calls_itself(int fd, const union address* where, socklen_t length, uint16_t* port) {
    const int domain = domain_of_stream(fd);
    if (domain == AF_INET && length >= sizeof where->v4 && is_loopback4(&where->v4.sin_addr)) {
        *port = where->v4.sin_port;
    } else if (domain == AF_INET6 && length >= least_in6 && is_loopback6(&where->v6.sin6_addr)) {
        *port = where->v6.sin6_port;
    } else {
        return 0;
    }
    const struct port_move* const move = move_of(*port);
    if (move == NULL || !move->used) {
        return 0;
    }
    *port = htons(move->to);
    return 1;
}

VISIBLE int connect(int fd, const struct sockaddr* where, socklen_t length) {
    const int error = errno;
    prepare();
    union address changed;
    memset(&changed, 0, sizeof changed);
    uint16_t port = 0;
    if (where != NULL && length <= sizeof changed && move_count > 0) {
        memcpy(&changed, where, length);
        if (changed.any.sa_family != AF_UNSPEC && calls_itself(fd, &changed, length, &port)) {
            changed.v4.sin_port = port;  // where sin6_port stands too
            where = &changed.any;
        }
    }
    errno = error;
    return next_connect != NULL ? next_connect(fd, where, length)
                                : (int)syscall(SYS_connect, fd, where, length);
}

static int is_confined(int fd) {
    union address own;
    socklen_t size = sizeof own;
    memset(&own, 0, sizeof own);
    if (getsockname(fd, &own.any, &size) != 0) {
        return 1;
    }
    return own.any.sa_family == AF_INET ? is_loopback4(&own.v4.sin_addr) : is_loopback6(&own.v6.sin6_addr);
}

// What became a server without an address on loopback hears the loopback interface only.
VISIBLE int listen(int fd, int backlog) {
    const int error = errno;
    prepare();
    if (domain_of_stream(fd) != 0) {
        stop_sharing(fd);
        if (!is_confined(fd)) {
            setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof "lo");
        }
    }
    errno = error;
    return next_listen != NULL ? next_listen(fd, backlog) : (int)syscall(SYS_listen, fd, backlog);
}
