#include "corral/core/code_pages.hpp"

#include <cstdint>
#include <string_view>

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

namespace corral::core {

namespace {

// Read-only segments hold the file's bytes and nothing else; what the loader adjusted lies in others.
int give_back(dl_phdr_info* object, std::size_t /*size*/, void* covered) {
    const std::string_view name = object->dlpi_name == nullptr ? "" : object->dlpi_name;
    if (name.find("vdso") != std::string_view::npos) {
        return 0;  // the kernel's, without a file
    }
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    for (std::size_t i = 0; i < object->dlpi_phnum; ++i) {
        const auto& segment = object->dlpi_phdr[i];
        if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) {
            continue;
        }
        // Whole pages of it alone: its neighbour's may begin in the last.
        const std::uintptr_t begin = (object->dlpi_addr + segment.p_vaddr + page - 1) / page * page;
        const std::uintptr_t end = (object->dlpi_addr + segment.p_vaddr + segment.p_memsz) / page * page;
        // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader says where it is as a number
        if (end > begin && ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED) == 0) {
            *static_cast<std::size_t*>(covered) += end - begin;
        }
    }
    return 0;
}

}  // namespace

std::size_t give_back_code_pages() {
    std::size_t covered = 0;
    ::dl_iterate_phdr(give_back, &covered);
    return covered;
}

}  // namespace corral::core
