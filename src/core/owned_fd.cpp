#include "corral/core/owned_fd.hpp"

#include <cerrno>
#include <cstddef>

namespace corral::core {

bool write_all(int to, std::string_view text) noexcept {
    while (!text.empty()) {
        const ssize_t taken = ::write(to, text.data(), text.size());
        if (taken < 0 && errno != EINTR) {
            return false;
        }
        text.remove_prefix(taken < 0 ? 0 : static_cast<std::size_t>(taken));
    }
    return true;
}

}  // namespace corral::core
