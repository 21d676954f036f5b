// What a child has begotten ends with it, however far it has gone, and nothing else does.

#include "process/children/birthmark.hpp"

#include <gmock/gmock.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "corral/process/listener_owner.hpp"
#include "corral/process/warden.hpp"
#include "process/process_test_support.hpp"

namespace corral::process {

namespace {

pid_t pid_in(const std::string& file) {
    pid_t pid = 0;
    EXPECT_TRUE(eventually([&] {
        std::ifstream in(file);
        return static_cast<bool>(in >> pid);
    })) << file;
    return pid;
}

TEST(birthmark, is_read_as_it_was_written) {
    for (const pid_t daemon : {1, 2, 4'194'303}) {
        for (const pid_t leader : {2, 77, 4'194'303}) {
            for (const unsigned serial : {0U, 1U, 1023U}) {
                const birthmark mark{daemon, leader, serial};
                EXPECT_EQ(parse_birthmark(number_of(mark)), mark);
            }
        }
    }
    EXPECT_EQ(parse_birthmark(number_of({7, 8, 1024})), (birthmark{7, 8, 0}));
}

TEST(birthmark, no_limit_that_people_set_is_one) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        EXPECT_FALSE(parse_birthmark(1ULL << bit)) << bit;
        EXPECT_FALSE(parse_birthmark((1ULL << bit) - 1)) << bit;
    }
    EXPECT_FALSE(parse_birthmark(RLIM_INFINITY));
    EXPECT_FALSE(birthmark_of(0));
    EXPECT_FALSE(birthmark_of(::getpid()));
}

class family : public testing::Test {
protected:
    void SetUp() override { ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0); }
    void TearDown() override {
        for (child& one : children_) {
            EXPECT_TRUE(eventually([&] { return ends(one); }));
        }
        EXPECT_TRUE(eventually([] { return reap_orphans() == 0 && children_of_this_process() == 0; }));
        ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
    }
    child& start(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), helper_program);
        return spawn(std::move(arguments));
    }
    child& spawn(std::vector<std::string> arguments) {
        auto started = child::spawn(loop_.get_executor(), spec_of(std::move(arguments)));
        EXPECT_TRUE(started) << started.error().message;
        children_.push_back(std::move(started.value()));
        await_exec(loop_, children_.back());
        return children_.back();
    }
    // As the supervisor does it.
    bool ends(child& one) {
        loop_.restart();
        loop_.poll();
        const bool over = one.kill_family();
        reap_orphans();
        return over;
    }
    bool end(child& one) {
        return eventually([&] { return ends(one); }, std::chrono::seconds{5}) &&
               run(loop_, one.wait()).has_value();
    }

    scratch_folder folder_;
    boost::asio::io_context loop_;
    std::deque<child> children_;
};

TEST_F(family, a_helper_without_environment_session_and_parents_ends_with_its_group_and_no_other_does) {
    child& first = start({"escape", folder_.path("first"), "stays"});
    child& second = start({"escape", folder_.path("second"), "stays"});
    const pid_t of_first = pid_in(folder_.path("first"));
    const pid_t of_second = pid_in(folder_.path("second"));
    ASSERT_TRUE(eventually([&] { return read_process(of_first)->parent == ::getpid(); }));
    EXPECT_FALSE(environment_of(of_first, "PATH"));
    EXPECT_NE(read_process(of_first)->group, first.pid());
    EXPECT_TRUE(descends_from(of_first, first.pid())) << "its sockets are the service's";
    EXPECT_FALSE(descends_from(of_second, first.pid()));
    EXPECT_TRUE(end(first));
    EXPECT_FALSE(lives(of_first));
    EXPECT_TRUE(lives(of_second));
    EXPECT_TRUE(lives(second.pid()));
    EXPECT_TRUE(end(second));
    EXPECT_FALSE(lives(of_second));
}

// As in a sandbox or an emulator that refuses to make Corral the parent of orphans.
TEST_F(family, a_helper_that_went_to_another_parent_ends_with_its_group_and_no_other_does) {
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
    child& first = start({"escape", folder_.path("first"), "stays"});
    child& second = start({"escape", folder_.path("second"), "stays"});
    const pid_t of_first = pid_in(folder_.path("first"));
    const pid_t of_second = pid_in(folder_.path("second"));
    EXPECT_TRUE(eventually([&] {
        const auto orphan = read_process(of_first);
        return orphan && orphan->parent != first.pid() && orphan->parent != ::getpid();
    }));
    EXPECT_TRUE(end(first));
    EXPECT_TRUE(eventually([&] { return !lives(of_first); }));
    EXPECT_TRUE(lives(of_second));
    EXPECT_TRUE(end(second));
    EXPECT_TRUE(eventually([&] { return !lives(of_second); }));
}

TEST_F(family, a_helper_whose_leader_has_gone_by_itself_is_nobodys) {
    child& living = start({"escape", folder_.path("living"), "stays"});
    child& gone = start({"escape", folder_.path("gone"), "ends"});
    const pid_t kept = pid_in(folder_.path("living"));
    const pid_t left = pid_in(folder_.path("gone"));
    EXPECT_EQ(kill_ownerless(), 0U) << "its leader is not reaped yet";
    ASSERT_TRUE(run(loop_, gone.wait()));
    EXPECT_TRUE(eventually([] { return kill_ownerless() > 0; }));
    EXPECT_TRUE(eventually([&] { return !lives(left); }));
    EXPECT_TRUE(lives(kept));
    EXPECT_TRUE(end(living));
}

TEST_F(family, a_program_that_forks_away_for_ever_is_caught) {
    child& hopper = start({"hop", folder_.path("hops")});
    pid_in(folder_.path("hops"));
    EXPECT_TRUE(end(hopper));
}

TEST_F(family, hundreds_of_helpers_end) {
    child& many = spawn({"sh", "-c", "for i in $(seq 200); do setsid sleep 300 & done; wait"});
    const auto helpers = [&] {
        const auto all = all_processes();
        return std::count_if(all.begin(), all.end(), [&](pid_t pid) {
            const auto mark = birthmark_of(pid);
            return mark && mark->leader == many.pid() && lives(pid);
        });
    };
    ASSERT_TRUE(eventually([&] { return helpers() >= 200; })) << helpers();
    EXPECT_TRUE(end(many));
    EXPECT_EQ(helpers(), 0);
}

TEST_F(family, a_child_of_ours_without_a_mark_is_left_alone) {
    const pid_t plain = ::fork();
    if (plain == 0) {
        ::execlp("sleep", "sleep", "100", nullptr);
        ::_exit(127);
    }
    child& other = start({"linger"});
    EXPECT_EQ(kill_ownerless(), 0U);
    EXPECT_TRUE(end(other));
    EXPECT_TRUE(lives(plain));
    ASSERT_EQ(::kill(plain, SIGKILL), 0);
}

// Whoever may forge a mark gets nobody killed who does not descend from us.
TEST_F(family, a_stranger_with_the_same_mark_is_left_alone) {
    child& ours = start({"linger"});
    rlimit mark{};
    ASSERT_EQ(::prlimit(ours.pid(), RLIMIT_LOCKS, nullptr, &mark), 0);
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
    const std::string file = folder_.path("stranger");
    const pid_t between = ::fork();
    if (between == 0) {
        if (::fork() == 0) {
            ::setrlimit(RLIMIT_LOCKS, &mark);
            ::execl(helper_program.c_str(), "helper", "escaped", file.c_str(), nullptr);
        }
        ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(between, &status, 0), between);
    const pid_t stranger = pid_in(file);
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    ASSERT_EQ(birthmark_of(stranger), birthmark_of(ours.pid()));
    EXPECT_TRUE(end(ours));
    EXPECT_TRUE(lives(stranger));
    ASSERT_EQ(::kill(stranger, SIGKILL), 0);
}

}  // namespace

// Orphans are reaped, and never at the cost of a child's status.

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
