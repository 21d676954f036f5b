// A model comes back with the end of the process that had it stopped, or when that runs for too long.

#include "daemon/lent_models.hpp"

#include <array>
#include <map>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <boost/asio/io_context.hpp>

#include "run_until.hpp"

namespace corral::daemon {
namespace {

using namespace std::chrono_literals;

// As a pidfd: readable once its process has ended.
struct asker {
    asker() {
        std::array<int, 2> both{};
        EXPECT_EQ(::pipe2(both.data(), O_CLOEXEC), 0);
        seen = core::owned_fd(both[0]);
        runs = core::owned_fd(both[1]);
    }
    core::owned_fd seen;
    core::owned_fd runs;
};

class lent : public ::testing::Test {
protected:
    void run_until(const std::function<bool()>& over, core::nanoseconds most = 20s) {
        corral::run_until(io, over, most);
    }
    lent_models::return_sink sink() {
        return [this](const std::string& model, bool overdue) { returned[model] = overdue; };
    }

    boost::asio::io_context io;
    core::task_group tasks{io.get_executor(), [](const std::string&, const std::string&) {}};
    std::map<std::string, bool> returned;
};

TEST_F(lent, a_model_comes_back_with_the_end_of_its_asker) {
    lent_models of(tasks, sink());
    asker one;
    const auto loan = of.open(std::move(one.seen));
    of.lend("a", loan);
    of.lend("b", loan);
    of.lend("b", nullptr);  // somebody's own word since
    of.begin(loan);
    run_until([&] { return !returned.empty(); }, 100ms);
    EXPECT_TRUE(returned.empty()) << "it runs";
    one.runs.reset();
    run_until([&] { return tasks.empty(); });
    EXPECT_EQ(returned, (std::map<std::string, bool>{{"a", false}}));
}

TEST_F(lent, a_model_comes_back_when_its_asker_runs_for_too_long) {
    lent_models of(tasks, sink(), 50ms);
    asker one;
    const auto loan = of.open(std::move(one.seen));
    of.lend("a", loan);
    of.begin(loan);
    run_until([&] { return tasks.empty(); });
    EXPECT_EQ(returned, (std::map<std::string, bool>{{"a", true}}));
}

TEST_F(lent, so_many_askers_have_a_place_and_each_gives_it_back) {
    lent_models of(tasks, sink());
    std::vector<asker> all(lent_models::most);
    for (asker& each : all) {
        of.begin(of.open(std::move(each.seen)));
    }
    EXPECT_EQ(of.open(std::move(asker().seen)), nullptr);
    all.clear();
    bool room = false;
    run_until([&] { return room = of.open(std::move(asker().seen)) != nullptr; });
    EXPECT_TRUE(room);
}

TEST_F(lent, what_is_handed_over_comes_back_in_the_next_image) {
    asker one;
    std::vector<upgrade::loan_handover> left;
    {
        lent_models before(tasks, sink());
        const auto loan = before.open(std::move(one.seen));
        before.lend("a", loan);
        const auto empty = before.open(std::move(asker().seen));
        left = before.hand_over();
        ASSERT_EQ(left.size(), 1U);
        left[0].asker = ::dup(left[0].asker);  // as an execution keeps it
    }
    lent_models after(tasks, sink());
    after.go_on_with(left);
    run_until([&] { return !returned.empty(); }, 100ms);
    EXPECT_TRUE(returned.empty());
    one.runs.reset();
    run_until([&] { return tasks.empty(); });
    EXPECT_EQ(returned, (std::map<std::string, bool>{{"a", false}}));
}

TEST_F(lent, an_upgrade_prolongs_no_loan) {
    asker one;
    lent_models before(tasks, sink(), 50ms);
    const auto loan = before.open(std::move(one.seen));
    before.lend("a", loan);
    std::vector<upgrade::loan_handover> left = before.hand_over();
    ASSERT_EQ(left.size(), 1U);
    left[0].asker = ::dup(left[0].asker);
    lent_models after(tasks, sink());
    after.go_on_with(left);
    run_until([&] { return tasks.empty(); });
    EXPECT_EQ(returned, (std::map<std::string, bool>{{"a", true}}));
}

}  // namespace
}  // namespace corral::daemon
