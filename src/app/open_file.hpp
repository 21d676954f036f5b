#pragma once
// A file descriptor with an owner, and writing to it to the end. For files whose every step must be known.

#include <cerrno>
#include <string_view>

#include <unistd.h>

namespace corral::app {

class open_file {
public:
    // What open() gave; negative: it failed.
    explicit open_file(int handle) : handle_(handle) {}
    open_file(const open_file&) = delete;
    open_file& operator=(const open_file&) = delete;
    ~open_file() {
        if (handle_ >= 0) {
            ::close(handle_);
        }
    }
    [[nodiscard]] int get() const noexcept { return handle_; }

private:
    int handle_;
};

// False: errno says why.
[[nodiscard]] inline bool write_all(int handle, std::string_view text) {
    while (!text.empty()) {
        const auto done = ::write(handle, text.data(), text.size());
        if (done < 0 && errno != EINTR) {
            return false;
        }
        text.remove_prefix(done < 0 ? 0 : static_cast<std::size_t>(done));
    }
    return true;
}

}  // namespace corral::app
