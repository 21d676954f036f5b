#include "process/children/launcher.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include "corral/core/say.hpp"

namespace corral::process {

namespace {

constexpr int first_free = STDERR_FILENO + 1;

core::failure last_failure(const char* what) {
    return core::errno_failure(errno, core::say("service.cannot-start/cannot-open", what));
}

// A daemon may have been started with standard descriptors closed; then new ones get the numbers 0 to 2.
bool lift(core::owned_fd& fd) {
    if (fd.valid() && fd.get() < first_free) {
        fd = core::owned_fd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, first_free));
    }
    return fd.valid();
}

bool make_non_blocking(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    return flags >= 0 && ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

// Raw and never anybody's controlling terminal: no echo, no line editing, no change of line ends, no signals
// from bytes.
core::result<pipe_ends> open_terminal() {
    pipe_ends ends;
    ends.read = core::owned_fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!lift(ends.read)) {
        return last_failure("a pseudo terminal");
    }
    std::array<char, 64> name{};
    if (::grantpt(ends.read.get()) != 0 || ::unlockpt(ends.read.get()) != 0 ||
        ::ptsname_r(ends.read.get(), name.data(), name.size()) != 0) {
        return last_failure("a pseudo terminal");
    }
    ends.write = core::owned_fd(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!lift(ends.write)) {
        return last_failure("a pseudo terminal");
    }
    termios modes{};
    if (::tcgetattr(ends.write.get(), &modes) != 0) {
        return last_failure("a pseudo terminal");
    }
    ::cfmakeraw(&modes);
    if (::tcsetattr(ends.write.get(), TCSANOW, &modes) != 0) {
        return last_failure("a pseudo terminal");
    }
    return ends;
}

// Another try may succeed, and a pipe would want the same.
bool is_shortage(int number) {
    return number == EMFILE || number == ENFILE || number == ENOMEM;
}

}  // namespace

core::result<pipe_ends> open_pipe() {
    std::array<int, 2> fds{};
    if (::pipe2(fds.data(), O_CLOEXEC) != 0) {
        return last_failure("a pipe");
    }
    pipe_ends ends{core::owned_fd(fds[0]), core::owned_fd(fds[1])};
    if (!lift(ends.read) || !lift(ends.write)) {
        return last_failure("a pipe");
    }
    return ends;
}

core::result<child_stdio> open_stdio(stdio_kind kind) {
    child_stdio all;
    all.child_in = core::owned_fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!lift(all.child_in)) {
        return last_failure("/dev/null");
    }
    auto out = kind == stdio_kind::pipe ? open_pipe() : open_terminal();
    if (!out && kind == stdio_kind::pty_or_pipe && !is_shortage(out.error().code.value())) {
        all.no_terminal = out.error().code.message();
        out = open_pipe();
    }
    if (!out) {
        return out.error();
    }
    auto err = open_pipe();
    if (!err) {
        return err.error();
    }
    if (!make_non_blocking(out->read.get()) || !make_non_blocking(err->read.get())) {
        return last_failure("a pipe without blocking");
    }
    all.our_out = std::move(out->read);
    all.child_out = std::move(out->write);
    all.our_err = std::move(err->read);
    all.child_err = std::move(err->write);
    return all;
}

}  // namespace corral::process
