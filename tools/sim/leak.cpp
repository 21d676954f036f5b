#include "leak.hpp"

#include <cstddef>

#include <fcntl.h>
#include <sys/mman.h>

namespace corral::sim {

void leak(const leak_options& what) {
    for (int each = 0; each < what.descriptors_per_run; ++each) {
        if (::open("/dev/null", O_RDONLY | O_CLOEXEC) < 0) break;
    }
    constexpr std::size_t kib = 1024;
    constexpr std::size_t page = 4 * kib;
    const std::size_t size = kib * static_cast<std::size_t>(what.kib_per_run);
    if (size == 0) return;
    void* const at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return;
    for (std::size_t byte = 0; byte < size; byte += page) static_cast<volatile char*>(at)[byte] = 1;
}

}  // namespace corral::sim
