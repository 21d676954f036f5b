#include "corral/process/cpu_meter.hpp"

#include "process/process_test_support.hpp"

namespace corral::process {
namespace {

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
