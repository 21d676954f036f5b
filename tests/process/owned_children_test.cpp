// Orphans are reaped, and never at the cost of a child's status.

#include <gmock/gmock.h>
#include <sys/prctl.h>

#include "corral/process/warden.hpp"
#include "process/process_test_support.hpp"

namespace corral::process {
namespace {

class reap_orphans_ : public testing::Test {
protected:
    void SetUp() override { ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0); }
    void TearDown() override { ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 0), 0); }
    boost::asio::io_context loop_;
};

TEST_F(reap_orphans_, never_steals_a_status) {
    auto started = child::spawn(loop_.get_executor(), spec_of({"sh", "-c", "exit 42"}));
    ASSERT_TRUE(started);
    ASSERT_TRUE(eventually([&] { return !lives(started->pid()); }));
    EXPECT_EQ(reap_orphans(), 0U);
    const auto how = run(loop_, started->wait());
    ASSERT_TRUE(how);
    EXPECT_EQ(describe(*how), "exit status 42");
}

TEST_F(reap_orphans_, finds_adopted_ones_behind_an_ended_child_of_ours) {
    auto ours = child::spawn(loop_.get_executor(), spec_of({"true"}));
    ASSERT_TRUE(ours);
    ASSERT_TRUE(eventually([&] { return !lives(ours->pid()); }));
    auto shell =
        child::spawn(loop_.get_executor(), spec_of({"sh", "-c", "for i in 1 2 3; do (sleep 0.05 &) ; done"}));
    ASSERT_TRUE(shell);
    ASSERT_TRUE(run(loop_, shell->wait()));
    std::size_t reaped = 0;
    EXPECT_TRUE(eventually([&] { return (reaped += reap_orphans()) == 3; })) << reaped;
    const auto how = run(loop_, ours->wait());
    ASSERT_TRUE(how);
    EXPECT_EQ(describe(*how), "exit status 0");
    EXPECT_EQ(children_of_this_process(), 0U);
}

TEST_F(reap_orphans_, takes_over_a_child_that_nobody_waited_for) {
    pid_t pid = 0;
    {
        auto started = child::spawn(loop_.get_executor(), spec_of({"sleep", "100"}));
        ASSERT_TRUE(started);
        pid = started->pid();
    }
    EXPECT_TRUE(lives(pid)) << "destroying the object must not kill";
    EXPECT_EQ(reap_orphans(), 0U);
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    EXPECT_TRUE(eventually([] { return reap_orphans() == 1; }));
    EXPECT_EQ(children_of_this_process(), 0U);
}

TEST_F(reap_orphans_, a_status_reaped_elsewhere_is_lost_and_not_guessed) {
    auto started = child::spawn(loop_.get_executor(), spec_of({"sh", "-c", "exit 42"}));
    ASSERT_TRUE(started);
    int status = 0;
    ASSERT_EQ(::waitpid(started->pid(), &status, 0), started->pid());
    const auto how = run(loop_, started->wait());
    ASSERT_TRUE(how);
    EXPECT_TRUE(std::holds_alternative<lost_track>(*how)) << describe(*how);
}

}  // namespace
}  // namespace corral::process
