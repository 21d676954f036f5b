#include "corral/process/sealed_memory.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "corral/core/owned_fd.hpp"
#include "corral/core/read_all.hpp"
#include "corral/core/say.hpp"

namespace corral::process {

namespace {

constexpr int all_seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;

}  // namespace

core::result<int> make_sealed_memory(const std::string& text) {
    core::owned_fd memory(::memfd_create("corral-handover", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!memory.valid() || !core::write_all(memory.get(), text) ||
        ::fcntl(memory.get(), F_ADD_SEALS, all_seals) != 0) {
        return core::errno_failure(errno, core::say("upgrade.handed-over/memory-handed"));
    }
    return memory.release();
}

core::result<std::string> read_sealed_memory(int fd, std::size_t limit) {
    const int seals = fd > STDERR_FILENO ? ::fcntl(fd, F_GET_SEALS) : -1;
    struct stat about {};
    if (seals < 0 || (seals & all_seals) != all_seals || ::fstat(fd, &about) != 0) {
        return core::make_failure(core::errc::invalid, core::say("upgrade.handed-over/over-sealed"));
    }
    if (about.st_size < 0 || static_cast<std::size_t>(about.st_size) > limit) {
        return core::make_failure(core::errc::limit_exceeded, core::say("upgrade.handed-over/over-too"));
    }
    const auto size = static_cast<std::size_t>(about.st_size);
    auto text = core::read_all_at(fd, 0, size);
    if (!text || text->size() != size) {
        return core::errno_failure(text ? EIO : errno, core::say("upgrade.handed-over/handed-over"));
    }
    return std::move(*text);
}

}  // namespace corral::process
