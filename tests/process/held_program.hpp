#pragma once
// A program whose disk answers nobody before it is told to.

#include <csignal>
#include <string>

#include <fcntl.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include "corral/core/owned_fd.hpp"

namespace corral::process {

// Whoever executes it waits, by a lease of the file's owner.
class held_exec {
public:
    explicit held_exec(const std::string& path) : lease_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
        // The usual signal of an opener that waits would end us.
        held_ = lease_.valid() && ::fcntl(lease_.get(), F_SETSIG, SIGWINCH) == 0 &&
                ::fcntl(lease_.get(), F_SETLEASE, F_WRLCK) == 0;
    }
    [[nodiscard]] bool holds() const { return held_; }
    bool let_go() { return ::fcntl(lease_.get(), F_SETLEASE, F_UNLCK) == 0; }

private:
    core::owned_fd lease_;
    bool held_ = false;
};

// Whoever opens it waits, also without blocking; for root.
class held_open {
public:
    explicit held_open(const std::string& path)
        : bell_(::fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_CLOEXEC)) {
        held_ = bell_.valid() &&
                ::fanotify_mark(bell_.get(), FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, path.c_str()) == 0;
    }
    [[nodiscard]] bool holds() const { return held_; }
    void let_go() { bell_.reset(); }

private:
    core::owned_fd bell_;
    bool held_ = false;
};

}  // namespace corral::process
