#include "corral/process/footprint.hpp"

#include <mutex>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "corral/core/owned_fd.hpp"
#include "process/process_test_support.hpp"

namespace corral::process {
namespace {

constexpr std::size_t size = std::size_t{64} << 20U;

resource_use of(const std::optional<footprint>& all, resource which) {
    const auto use = all ? all->at(static_cast<std::size_t>(which)) : std::nullopt;
    EXPECT_TRUE(use.has_value()) << to_string(which);
    return use.value_or(resource_use{});
}

TEST(footprint, memory_that_was_written_to_counts_and_pages_of_a_file_do_not) {
    const auto before = of(footprint_of(::getpid()), resource::memory);
    EXPECT_GT(before.limit, before.held);
    const core::owned_fd program(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    struct stat about {};
    ASSERT_EQ(::fstat(program.get(), &about), 0);
    const auto pages = static_cast<std::size_t>(about.st_size);
    void* const mapped = ::mmap(nullptr, pages, PROT_READ, MAP_PRIVATE | MAP_POPULATE, program.get(), 0);
    ASSERT_NE(mapped, MAP_FAILED);
    EXPECT_LT(of(footprint_of(::getpid()), resource::memory).held, before.held + pages / 2);
    void* const own = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(own, MAP_FAILED);
    for (std::size_t byte = 0; byte < size; byte += 4096) {
        static_cast<volatile char*>(own)[byte] = 1;
    }
    EXPECT_GE(of(footprint_of(::getpid()), resource::memory).held, before.held + size);
    ::munmap(own, size);
    ::munmap(mapped, pages);
}

TEST(footprint, descriptors_and_threads_are_counted_with_their_limits) {
    const auto before = footprint_of(::getpid());
    rlimit most{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &most), 0);
    EXPECT_EQ(of(before, resource::descriptors).limit, most.rlim_cur == RLIM_INFINITY ? 0 : most.rlim_cur);
    std::vector<core::owned_fd> open;
    for (int each = 0; each < 20; ++each) {
        open.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    }
    std::mutex held;
    std::vector<std::thread> threads;
    {
        const std::lock_guard lock(held);
        for (int each = 0; each < 3; ++each) {
            threads.emplace_back([&] { const std::lock_guard waits(held); });
        }
        const auto now = footprint_of(::getpid());
        EXPECT_EQ(of(now, resource::descriptors).held, of(before, resource::descriptors).held + 20);
        EXPECT_EQ(of(now, resource::threads).held, of(before, resource::threads).held + 3);
    }
    for (std::thread& each : threads) {
        each.join();
    }
}

TEST(footprint, what_a_service_started_counts_with_it_and_one_that_has_ended_holds_nothing) {
    boost::asio::io_context loop;
    auto shell = child::spawn(loop.get_executor(), spec_of({"sh", "-c", "sleep 100 & sleep 100 & wait"}));
    ASSERT_TRUE(shell);
    EXPECT_TRUE(eventually([&] {
        const auto seen = footprint_of(shell->pid());
        return seen && of(seen, resource::threads).held == 3;
    }));
    ASSERT_TRUE(shell->signal_group(SIGKILL));
    EXPECT_TRUE(run(loop, shell->wait()));
    EXPECT_FALSE(footprint_of(shell->pid()));
}

}  // namespace
}  // namespace corral::process
