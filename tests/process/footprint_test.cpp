#include "corral/process/footprint.hpp"

#include <ctime>
#include <mutex>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "corral/core/owned_fd.hpp"
#include "process/proc_files.hpp"
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

using core::milliseconds;

TEST(cpu_meter, what_a_service_started_counts_with_it) {
    boost::asio::io_context loop;
    // The shell itself sleeps in wait.
    auto busy = child::spawn(loop.get_executor(), spec_of({"sh", "-c", "(while :; do :; done) & wait"}));
    ASSERT_TRUE(busy);
    cpu_meter meter;
    const std::vector<pid_t> roots{busy->pid()};
    EXPECT_EQ(meter.look(roots).used, core::nanoseconds{0})
        << "what was used before the first look is no news";
    core::nanoseconds before{0};
    EXPECT_TRUE(eventually([&] {
        const core::nanoseconds now = meter.look(roots).used;
        EXPECT_GE(now, before) << "it only grows";
        before = now;
        return now >= milliseconds{200};
    }));
    ASSERT_TRUE(busy->signal_group(SIGKILL));
    EXPECT_TRUE(run(loop, busy->wait()));
    EXPECT_TRUE(eventually([&] { return !busy->group_alive(); }));
    before = meter.look(roots).used;
    EXPECT_EQ(meter.look(roots).used, before) << "the dead use nothing";
}

TEST(cpu_meter, a_service_at_rest_uses_nothing_and_others_are_not_counted) {
    boost::asio::io_context loop;
    auto busy = child::spawn(loop.get_executor(), spec_of({"sh", "-c", "while :; do :; done"}));
    auto rests = child::spawn(loop.get_executor(), spec_of({"sleep", "100"}));
    ASSERT_TRUE(busy);
    ASSERT_TRUE(rests);
    cpu_meter of_busy;
    cpu_meter of_rests;
    static_cast<void>(of_rests.look({rests->pid()}));
    static_cast<void>(of_busy.look({busy->pid()}));
    EXPECT_TRUE(eventually([&] { return of_busy.look({busy->pid()}).used >= milliseconds{200}; }));
    const cpu_time at_rest = of_rests.look({rests->pid()});
    EXPECT_LE(at_rest.used, milliseconds{50});
    EXPECT_GT(at_rest.resident, 0U);
    EXPECT_LT(at_rest.resident, std::uint64_t{100} << 20U) << "a sleep is small";
    for (child* each : {&*busy, &*rests}) {
        ASSERT_TRUE(each->signal_group(SIGKILL));
        EXPECT_TRUE(run(loop, each->wait()));
    }
}

TEST(cpu_meter, threads_that_wait_for_a_processor_are_seen_to_want_it) {
    boost::asio::io_context loop;
    const unsigned many = 3 * usable_processors();
    std::string crowd;
    for (unsigned i = 0; i < many; ++i) {
        crowd += "(while :; do :; done) & ";
    }
    auto busy = child::spawn(loop.get_executor(), spec_of({"sh", "-c", crowd + "wait"}));
    ASSERT_TRUE(busy);
    cpu_meter meter;
    const std::vector<pid_t> roots{busy->pid()};
    static_cast<void>(meter.look(roots));
    EXPECT_TRUE(eventually([&] { return meter.look(roots).waited >= milliseconds{200}; }));
    ASSERT_TRUE(busy->signal_group(SIGKILL));
    EXPECT_TRUE(run(loop, busy->wait()));
}

TEST(cpu_meter, what_begins_between_two_scans_and_what_has_lost_its_parent_counts) {
    boost::asio::io_context loop;
    const std::string busy_orphan = "sh -c '(while :; do :; done) &'";
    auto shell =
        child::spawn(loop.get_executor(), spec_of({"sh", "-c", "sleep 0.2; " + busy_orphan + "; sleep 100"}));
    ASSERT_TRUE(shell);
    cpu_meter meter;
    const std::vector<pid_t> roots{shell->pid()};
    EXPECT_TRUE(eventually([&] { return meter.look(roots).used >= milliseconds{200}; }));
    core::nanoseconds before = meter.look(roots).used;
    EXPECT_TRUE(eventually([&] { return meter.look(roots).used >= before + milliseconds{200}; }));
    ASSERT_TRUE(shell->signal_group(SIGKILL));
    EXPECT_TRUE(run(loop, shell->wait()));
}

TEST(cpu_meter, others_of_the_box_cost_next_to_nothing) {
    if (!children_of(::getpid())) {
        GTEST_SKIP() << "this kernel keeps no lists of children";
    }
    boost::asio::io_context loop;
    auto rests = child::spawn(loop.get_executor(), spec_of({"sleep", "100"}));
    auto crowd = child::spawn(
        loop.get_executor(),
        spec_of({"sh", "-c", "i=0; while [ $i -lt 100 ]; do sleep 100 & i=$((i + 1)); done; wait"}));
    ASSERT_TRUE(rests);
    ASSERT_TRUE(crowd);
    EXPECT_TRUE(
        eventually([&] { return children_of(crowd->pid()).value_or(std::vector<pid_t>{}).size() == 100; }));
    const auto cost = [&rests](auto look) {
        const auto used = [] {
            timespec at{};
            ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
            return std::chrono::seconds{at.tv_sec} + core::nanoseconds{at.tv_nsec};
        };
        const auto before = used();
        for (int i = 0; i < 10; ++i) {
            look(std::vector<pid_t>{rests->pid()});
        }
        return used() - before;
    };
    cpu_meter meter;
    static_cast<void>(meter.look({rests->pid()}));
    const auto first =
        cost([](const std::vector<pid_t>& roots) { static_cast<void>(cpu_meter().look(roots)); });
    const auto later = cost([&](const std::vector<pid_t>& roots) { static_cast<void>(meter.look(roots)); });
    EXPECT_LT(3 * later, first);
    for (child* each : {&*rests, &*crowd}) {
        ASSERT_TRUE(each->signal_group(SIGKILL));
        EXPECT_TRUE(run(loop, each->wait()));
    }
}

TEST(cpu_meter, a_number_that_nobody_has_is_no_trouble) {
    cpu_meter meter;
    EXPECT_EQ(meter.look({}).used, core::nanoseconds{0});
    EXPECT_EQ(meter.look({0x7fffffff}).used, core::nanoseconds{0});
}

TEST(usable_processors, there_is_one) {
    EXPECT_GE(usable_processors(), 1U);
}

}  // namespace
}  // namespace corral::process
