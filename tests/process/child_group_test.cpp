#include <gmock/gmock.h>

#include "corral/process/warden.hpp"
#include "process/process_test_support.hpp"

namespace corral::process {
namespace {

core::awaitable<std::string> read_line(child& from) {
    std::string line;
    while (line.find('\n') == std::string::npos) {
        const core::result<std::string> part = co_await from.read(output_stream::out);
        if (!part || part->empty()) {
            break;
        }
        line += *part;
    }
    co_return line;
}

TEST(group, a_kill_reaches_what_the_shell_started) {
    boost::asio::io_context loop;
    auto started = child::spawn(loop.get_executor(), spec_of({"sh", "-c", "sleep 100 & echo $!; wait"}));
    ASSERT_TRUE(started);
    const pid_t grandchild = std::stoi(run(loop, read_line(*started)).value_or("0"));
    ASSERT_TRUE(lives(grandchild));
    EXPECT_TRUE(started->group_alive());
    ASSERT_TRUE(started->signal_group(SIGKILL));
    const auto how = run(loop, started->wait());
    ASSERT_TRUE(how);
    EXPECT_EQ(describe(*how), "killed by SIGKILL");
    EXPECT_TRUE(eventually([&] { return !lives(grandchild); }));
    EXPECT_TRUE(eventually([&] { return !started->group_alive(); }));
}

TEST(group, outlives_its_leader_and_can_still_be_killed) {
    boost::asio::io_context loop;
    auto started = child::spawn(loop.get_executor(), spec_of({"sh", "-c", "sleep 100 & echo $!"}));
    ASSERT_TRUE(started);
    const pid_t grandchild = std::stoi(run(loop, read_line(*started)).value_or("0"));
    ASSERT_TRUE(run(loop, started->wait()));
    EXPECT_TRUE(started->group_alive());
    EXPECT_TRUE(lives(grandchild));
    ASSERT_TRUE(started->signal_group(SIGKILL));
    EXPECT_TRUE(eventually([&] { return !started->group_alive(); }));
    EXPECT_FALSE(lives(grandchild));
}

TEST(group, is_gone_when_only_zombies_are_left) {
    boost::asio::io_context loop;
    auto started = child::spawn(loop.get_executor(), spec_of({"sleep", "100"}));
    ASSERT_TRUE(started);
    EXPECT_TRUE(started->group_alive());
    ASSERT_TRUE(started->signal_leader(SIGKILL));
    EXPECT_TRUE(eventually([&] { return !started->group_alive(); })) << "an unreaped leader is not alive";
    ASSERT_TRUE(run(loop, started->wait()));
}

}  // namespace
}  // namespace corral::process
