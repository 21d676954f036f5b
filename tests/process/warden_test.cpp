// After the daemon's end, however it came, nothing of it lives.

#include "corral/process/warden.hpp"

#include <array>
#include <cstddef>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "process/children/run_token.hpp"
#include "process/process_test_support.hpp"

namespace corral::process {
namespace {

// The helper program as a daemon with one service, started plainly: its input is a pipe, whose end means a
// clean stop.
class test_daemon {
public:
    explicit test_daemon(const std::vector<std::string>& service) {
        int in[2];
        int out[2];
        if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) {
            ADD_FAILURE() << "no pipe";
            return;
        }
        std::vector<std::string> words{helper_program, "daemon"};
        words.insert(words.end(), service.begin(), service.end());
        std::vector<char*> arguments;
        for (std::string& word : words) {
            arguments.push_back(word.data());
        }
        arguments.push_back(nullptr);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::dup2(in[0], STDIN_FILENO);
            ::dup2(out[1], STDOUT_FILENO);
            ::execv(arguments[0], arguments.data());
            ::_exit(127);
        }
        ::close(in[0]);
        ::close(out[1]);
        input_ = in[1];
        std::string line;
        for (char byte = 0; byte != '\n' && ::read(out[0], &byte, 1) == 1;) {
            line += byte;
        }
        ::close(out[0]);
        std::istringstream(line) >> warden_pid_ >> service_pid_ >> token_;
        EXPECT_GT(service_pid_, 0) << line;
    }
    test_daemon(const test_daemon&) = delete;
    test_daemon& operator=(const test_daemon&) = delete;
    ~test_daemon() {
        if (pid_ > 0) {
            kill_hard();
        }
        close_input();
    }
    void kill_hard() {
        ::kill(pid_, SIGKILL);
        reap();
    }
    void stop_cleanly() {
        close_input();
        reap();
    }
    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] pid_t warden_pid() const { return warden_pid_; }
    [[nodiscard]] pid_t service_pid() const { return service_pid_; }
    [[nodiscard]] const std::string& token() const { return token_; }
    [[nodiscard]] std::vector<pid_t> carriers() const {
        std::vector<pid_t> found;
        for (const pid_t pid : all_processes()) {
            if (environment_of(pid, warden::token_name()) == token_) {
                found.push_back(pid);
            }
        }
        return found;
    }

private:
    void close_input() {
        if (input_ >= 0) {
            ::close(std::exchange(input_, -1));
        }
    }
    void reap() {
        int status = 0;
        ::waitpid(pid_, &status, 0);
        pid_ = 0;
    }
    pid_t pid_ = 0;
    pid_t warden_pid_ = 0;
    pid_t service_pid_ = 0;
    int input_ = -1;
    std::string token_;
};

// A service of four processes: a wrapping shell, a background one, one in a session of its own, one without
// our environment.
const std::vector<std::string> sprawling_service = {
    "sh", "-c", "sleep 300 & setsid sleep 301 & env -i /bin/sleep 302 & wait"};

std::vector<pid_t> wait_for_carriers(const test_daemon& daemon, std::size_t count) {
    std::vector<pid_t> found;
    EXPECT_TRUE(eventually([&] { return (found = daemon.carriers()).size() >= count; })) << found.size();
    return found;
}

pid_t child_without_token(pid_t parent, std::size_t at_least_children = 3) {
    pid_t bare = 0;
    EXPECT_TRUE(eventually([&] {
        std::size_t children = 0;
        bare = 0;
        for (const pid_t pid : all_processes()) {
            const auto row = read_process(pid);
            if (row && row->parent == parent) {
                ++children;
                bare = environment_of(pid, warden::token_name()) ? bare : pid;
            }
        }
        return children >= at_least_children && bare != 0;
    }));
    return bare;
}

TEST(warden, kill_of_the_daemon_leaves_no_descendant) {
    test_daemon daemon(sprawling_service);
    const pid_t bare = child_without_token(daemon.service_pid());
    const auto carriers = wait_for_carriers(daemon, 3);
    const pid_t guard = daemon.warden_pid();
    daemon.kill_hard();
    EXPECT_TRUE(eventually([&] { return daemon.carriers().empty(); }));
    EXPECT_TRUE(eventually([&] { return !lives(bare); }))
        << "killed with its group though it carries no token";
    for (const pid_t pid : carriers) {
        EXPECT_FALSE(lives(pid));
    }
    EXPECT_TRUE(eventually([&] { return !lives(guard); })) << "the warden ends after its work";
}

pid_t pid_in(const std::string& file) {
    pid_t pid = 0;
    EXPECT_TRUE(eventually([&] {
        std::ifstream in(file);
        return static_cast<bool>(in >> pid);
    }));
    return pid;
}

TEST(warden, a_helper_that_left_all_behind_does_not_outlive_the_daemon) {
    for (const bool killed : {true, false}) {
        const scratch_folder folder;
        test_daemon daemon({helper_program, "escape", folder.path("pid"), "stays"});
        const pid_t helper = pid_in(folder.path("pid"));
        EXPECT_FALSE(environment_of(helper, warden::token_name()));
        killed ? daemon.kill_hard() : daemon.stop_cleanly();
        EXPECT_TRUE(eventually([&] { return !lives(helper); })) << killed;
    }
}

TEST(warden, does_not_outlive_a_clean_exit) {
    test_daemon daemon({"sh", "-c", "setsid sleep 300 & wait"});
    wait_for_carriers(daemon, 2);
    const pid_t guard = daemon.warden_pid();
    daemon.stop_cleanly();
    EXPECT_FALSE(lives(guard)) << "the daemon waits for it";
    EXPECT_TRUE(daemon.carriers().empty());
}

TEST(warden, survives_the_signals_that_stop_a_daemon) {
    test_daemon daemon({"sleep", "300"});
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) {
        ASSERT_EQ(::kill(daemon.warden_pid(), number), 0);
    }
    EXPECT_TRUE(lives(daemon.warden_pid()));
    daemon.kill_hard();
    EXPECT_TRUE(eventually([&] { return !lives(daemon.service_pid()) && !lives(daemon.warden_pid()); }));
}

TEST(warden, holds_nothing_of_the_daemon_but_its_pipe) {
    test_daemon daemon({"sleep", "300"});
    const std::string folder = "/proc/" + std::to_string(daemon.warden_pid());
    EXPECT_TRUE(eventually([&] { return read_file(folder + "/comm", 64) == "herd-warden\n"; }));
    std::vector<std::string> targets;
    EXPECT_TRUE(eventually([&] {
        targets.clear();
        for (const auto& entry : std::filesystem::directory_iterator(folder + "/fd")) {
            targets.push_back(std::filesystem::read_symlink(entry.path()).string());
        }
        return targets.size() == 4;
    })) << testing::PrintToString(targets);
    std::sort(targets.begin(), targets.end());
    EXPECT_THAT(targets,
                testing::ElementsAre("/dev/null", "/dev/null", "/dev/null", testing::StartsWith("socket:[")));
}

// False where this system knows no such filters.
bool refuse_to_be_a_subreaper() {
    std::array<sock_filter, 6> steps{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(seccomp_data, args)),  // the lower half, as on all our machines
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_CHILD_SUBREAPER, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog filter{static_cast<unsigned short>(steps.size()), steps.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

TEST(warden, starts_and_tells_where_the_system_gives_it_no_orphans) {
    enum outcome : int { works, no_filter, no_warden, not_told, no_listener, lost_on_the_way };
    const pid_t confined = ::fork();
    if (confined == 0) {
        // The filter can't be taken off again, so it is a process of its own.
        const auto see = []() -> outcome {
            if (!refuse_to_be_a_subreaper()) {
                return no_filter;
            }
            auto guard = warden::start();
            if (!guard) {
                return no_warden;
            }
            const auto& why = guard->orphans_refused();
            if (!why || why->message.text().find("PR_SET_CHILD_SUBREAPER") == std::string::npos) {
                return not_told;
            }
            if (!guard->watch_group(::getpid()) || !guard->forget_group(::getpid())) {
                return no_listener;
            }
            const warden kept = std::move(guard.value());
            return kept.orphans_refused() ? works : lost_on_the_way;
        };
        ::_exit(see());
    }
    int status = 0;
    ASSERT_EQ(::waitpid(confined, &status, 0), confined);
    ASSERT_TRUE(WIFEXITED(status)) << status;
    if (WEXITSTATUS(status) == no_filter) {
        GTEST_SKIP() << "this system knows no seccomp";
    }
    EXPECT_EQ(WEXITSTATUS(status), works);
}

TEST(warden, tells_when_it_can_not_listen) {
    auto guard = warden::start();
    ASSERT_TRUE(guard);
    ASSERT_EQ(::kill(guard->pid(), SIGKILL), 0);
    ASSERT_TRUE(eventually([&] { return !lives(guard->pid()); }));
    reap_orphans();
    EXPECT_TRUE(read_process(guard->pid())) << "it is ours, and no orphan";
    EXPECT_FALSE(guard->watch_group(12345));
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

// The leader of a group that is not the daemon's any more: its number is somebody else's.
class stranger {
public:
    stranger() : pid_(::fork()) {
        if (pid_ == 0) {
            ::setpgid(0, 0);
            ::execlp("sleep", "sleep", "100", nullptr);
            ::_exit(127);
        }
        ::setpgid(pid_, pid_);
    }
    stranger(const stranger&) = delete;
    stranger& operator=(const stranger&) = delete;
    ~stranger() {
        int status = 0;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, &status, 0);
    }
    [[nodiscard]] pid_t pid() const { return pid_; }

private:
    pid_t pid_;
};

TEST(warden, one_that_was_killed_is_replaced_and_knows_all_groups) {
    boost::asio::io_context loop;
    const stranger forgotten;
    auto watched = child::spawn(loop.get_executor(), spec_of({"sleep", "100"}));
    ASSERT_TRUE(watched);
    {
        auto guard = warden::start();
        ASSERT_TRUE(guard);
        ASSERT_TRUE(guard->watch_group(forgotten.pid()));
        ASSERT_TRUE(guard->watch_group(watched->pid()));
        const auto needless = guard->look_after();
        ASSERT_TRUE(needless);
        EXPECT_FALSE(*needless);
        const pid_t first = guard->pid();
        ASSERT_EQ(::kill(first, SIGKILL), 0);
        ASSERT_TRUE(eventually([&] { return !lives(first); }));
        EXPECT_FALSE(guard->forget_group(forgotten.pid())) << "nobody listens";
        const auto replaced = guard->look_after();
        ASSERT_TRUE(replaced) << replaced.error().message;
        EXPECT_TRUE(*replaced);
        EXPECT_NE(guard->pid(), first);
        EXPECT_FALSE(read_process(first)) << "the dead one is reaped";
        EXPECT_TRUE(lives(watched->pid()));
    }
    EXPECT_TRUE(eventually([&] { return !lives(watched->pid()); }));
    EXPECT_TRUE(lives(forgotten.pid()));
    EXPECT_TRUE(run(loop, watched->wait()));
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

TEST(warden, a_forgotten_group_is_left_alone) {
    boost::asio::io_context loop;
    const stranger unrelated;
    auto related = child::spawn(loop.get_executor(), spec_of({"sleep", "100"}));
    ASSERT_TRUE(related);
    {
        auto guard = warden::start();
        ASSERT_TRUE(guard);
        ASSERT_TRUE(guard->watch_group(unrelated.pid()));
        ASSERT_TRUE(guard->watch_group(related->pid()));
        ASSERT_TRUE(guard->watch_group(1));  // must never be taken for "everybody"
        ASSERT_TRUE(guard->watch_group(0));
        ASSERT_TRUE(guard->forget_group(unrelated.pid()));
    }
    EXPECT_TRUE(eventually([&] { return !lives(related->pid()); }));
    EXPECT_TRUE(lives(unrelated.pid()));
    EXPECT_TRUE(run(loop, related->wait()));
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

TEST(kill_strays, finds_what_a_dead_daemon_and_a_dead_warden_left) {
    test_daemon daemon({"sh", "-c", "setsid sleep 300 & wait"});
    wait_for_carriers(daemon, 2);
    ASSERT_EQ(::kill(daemon.warden_pid(), SIGKILL), 0);
    ASSERT_TRUE(eventually([&] { return !lives(daemon.warden_pid()); }));
    EXPECT_THAT(kill_strays("another"), testing::Not(testing::Contains(daemon.service_pid())))
        << "a living daemon's services are no strays, even without a warden";
    EXPECT_TRUE(lives(daemon.service_pid()));
    daemon.kill_hard();
    // The parent-death signal reaches children only. A daemon that starts elsewhere on this machine, as other
    // tests have them, may have been first with the rest.
    EXPECT_TRUE(eventually([&] { return daemon.carriers().size() <= 1; }));
    kill_strays("another");
    EXPECT_TRUE(eventually([&] { return daemon.carriers().empty(); }));
}

TEST(kill_strays, finds_a_helper_that_left_all_behind) {
    const scratch_folder folder;
    test_daemon daemon({helper_program, "escape", folder.path("pid"), "stays"});
    const pid_t helper = pid_in(folder.path("pid"));
    ASSERT_EQ(::kill(daemon.warden_pid(), SIGKILL), 0);
    ASSERT_TRUE(eventually([&] { return !lives(daemon.warden_pid()); }));
    EXPECT_THAT(kill_strays("another"), testing::Not(testing::Contains(helper))) << "its daemon lives";
    daemon.kill_hard();
    kill_strays("another");
    EXPECT_TRUE(eventually([&] { return !lives(helper); }));
}

TEST(run_token, tells_the_daemon_that_made_it) {
    const auto made = make_run_token();
    ASSERT_TRUE(made);
    const auto read = parse_run_token(to_string(*made));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->daemon, ::getpid());
    EXPECT_EQ(to_string(*read), to_string(*made));
    EXPECT_FALSE(daemon_is_gone(*read));

    run_token other_start = *read;
    ++other_start.daemon_start;
    EXPECT_TRUE(daemon_is_gone(other_start)) << "the number was given to a new process";
    run_token other_space = other_start;
    ++other_space.pid_namespace;
    EXPECT_FALSE(daemon_is_gone(other_space)) << "nothing is known of another container's processes";
    EXPECT_NE(make_run_token()->nonce, made->nonce);
}

TEST(run_token, foreign_words_are_no_token) {
    for (const char* text : {"", "x", "1", "1.2.3", "1.2.3.4", "2.1.2.3.x", "1.a.2.3.x", "1.1.-5.3.x",
                             "1.1.0.3.x", "1..2.3.x"}) {
        EXPECT_FALSE(parse_run_token(text)) << text;
    }
    EXPECT_TRUE(parse_run_token("1.2.3.4.x"));
}

}  // namespace
}  // namespace corral::process
