// Groups below a real hierarchy where this machine lets us make them; names, tables and folders anywhere.

#include "process/children/child_cgroup.hpp"

#include <csignal>
#include <thread>

#include <sys/stat.h>
#include <sys/wait.h>

#include "process/children/run_token.hpp"
#include "process/proc_files.hpp"
#include "process/real_base.hpp"

namespace corral::process {
namespace {

namespace fs = std::filesystem;

TEST(child_cgroup, its_name_says_whose_it_is) {
    const cgroup_name name{4242, 98765, 7};
    EXPECT_EQ(text_of(name), "corral-4242-98765-7");
    EXPECT_EQ(parse_cgroup_name(text_of(name)), name);
    for (const char* other :
         {"", "corral-", "corral-1", "corral-1-2", "corral-1-2-", "corral-1-2-3-", "corral-1-2-3-4",
          "corral--1-2-3", "corral-1-2-x", "init.scope", "corral-99999999999999999999-1-1"}) {
        EXPECT_FALSE(parse_cgroup_name(other)) << other;
    }
}

TEST(child_cgroup, its_folder_is_found_by_the_tables_of_the_kernel) {
    const std::string hybrid = "12:cpu:/a\n1:name=systemd:/b\n0::/system.slice/corral.service\n";
    EXPECT_EQ(cgroup_path(hybrid), "/system.slice/corral.service");
    EXPECT_EQ(cgroup_path("12:cpu:/a\n"), "");
    EXPECT_EQ(cgroup_path(""), "");
    const std::string mounts =
        "22 1 0:20 / / rw - ext4 /dev/sda rw\n30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 "
        "cgroup2 rw\n";
    EXPECT_EQ(cgroup_folder("/a/b", mounts), "/sys/fs/cgroup/a/b");
    EXPECT_EQ(cgroup_folder("/", mounts), "/sys/fs/cgroup");
    EXPECT_EQ(cgroup_folder("/../other", mounts), "") << "outside our namespace";
    EXPECT_EQ(cgroup_folder("/a (deleted)", mounts), "");
    EXPECT_EQ(cgroup_folder("", mounts), "");
    const std::string bound = "30 22 0:26 /docker/x /cg rw - cgroup2 cgroup2 rw\n";
    EXPECT_EQ(cgroup_folder("/docker/x/y", bound), "/cg/y");
    EXPECT_EQ(cgroup_folder("/docker/xy", bound), "");
    EXPECT_EQ(cgroup_folder("/a", "22 1 0:20 / / rw - ext4 /dev/sda rw\n"), "");
    EXPECT_EQ(cgroup_folder("/a", "30 22 - cgroup2\n\n - cgroup2 \n"), "");
}

class folders : public testing::Test {
protected:
    folders() {
        char name[] = "/tmp/corral_cgroup_XXXXXX";
        root_ = ::mkdtemp(name);
    }
    ~folders() override {
        set_cgroup_base("");
        fs::remove_all(root_);
    }
    void write(const std::string& file, const std::string& text) { std::ofstream(root_ / file) << text; }
    fs::path root_;
};

TEST_F(folders, only_a_group_that_is_ours_to_divide_is_divided) {
    EXPECT_FALSE(is_delegated(root_)) << "no group at all";
    write("cgroup.procs", "");
    EXPECT_FALSE(is_delegated(root_)) << "the root of all groups has no events";
    write("cgroup.events", "populated 1\nfrozen 0\n");
    EXPECT_TRUE(is_delegated(root_));
    EXPECT_FALSE(is_delegated(root_ / "none"));
    if (::geteuid() != 0) {
        fs::permissions(root_ / "cgroup.procs", fs::perms::owner_read);
        EXPECT_FALSE(is_delegated(root_));
    }
}

TEST_F(folders, without_a_place_there_is_no_group_and_no_failure) {
    set_cgroup_base("");
    EXPECT_FALSE(child_cgroup::make());
    EXPECT_FALSE(child_cgroup::of(::getpid()));
    set_cgroup_base(root_ / "gone");
    EXPECT_FALSE(child_cgroup::make());
    boost::asio::io_context loop;
    spawn_spec what = spec_of({"/bin/true"});
    what.own_cgroup = true;
    auto started = child::spawn(loop.get_executor(), what);
    ASSERT_TRUE(started);
    EXPECT_TRUE(run(loop, started->wait()));
}

TEST_F(folders, a_child_that_can_not_enter_starts_all_the_same) {
    set_cgroup_base(root_);  // no group: nothing can be written there
    boost::asio::io_context loop;
    spawn_spec what = spec_of({"/bin/true"});
    what.own_cgroup = true;
    {
        auto started = child::spawn(loop.get_executor(), what);
        ASSERT_TRUE(started);
        EXPECT_TRUE(run(loop, started->wait()));
        EXPECT_TRUE(started->kill_family());
    }
    EXPECT_TRUE(fs::is_empty(root_)) << "the folder goes with the child";
}

TEST_F(folders, what_a_daemon_that_is_gone_has_left_is_removed_and_nothing_else) {
    const auto self = read_process(::getpid());
    ASSERT_TRUE(self);
    const cgroup_name own{self->pid, self->start_time, 1};
    const cgroup_name reused{self->pid, self->start_time + 1, 1};
    const cgroup_name gone{4'194'303, 1, 1};
    for (const std::string& name :
         {text_of(own), text_of(reused), text_of(gone), std::string("foreign.scope")}) {
        fs::create_directories(root_ / name / "inner");
    }
    EXPECT_EQ(clear_stale_cgroups(root_), 0U);
    EXPECT_TRUE(fs::exists(root_ / text_of(own)));
    EXPECT_TRUE(fs::exists(root_ / "foreign.scope"));
    EXPECT_FALSE(fs::exists(root_ / text_of(reused)));
    EXPECT_FALSE(fs::exists(root_ / text_of(gone)));
}

TEST_F(folders, groups_of_a_daemon_that_is_just_ending_go_when_it_has_ended) {
    const pid_t daemon = ::fork();
    if (daemon == 0) {
        ::pause();
        ::_exit(0);
    }
    const auto row = read_process(daemon);
    const auto self = read_process(::getpid());
    ASSERT_TRUE(row && self);
    const cgroup_name its{daemon, row->start_time, 1};
    const cgroup_name of_another{self->pid, self->start_time, 1};
    for (const cgroup_name& name : {its, of_another}) {
        fs::create_directories(root_ / text_of(name));
    }
    std::thread ends([daemon] {
        std::this_thread::sleep_for(std::chrono::milliseconds{50});  // most likely while it is awaited
        ::kill(daemon, SIGKILL);
    });
    EXPECT_EQ(clear_stale_cgroups(root_, run_token{0, daemon, row->start_time, {}}), 0U);
    ends.join();
    ::waitpid(daemon, nullptr, 0);
    EXPECT_FALSE(fs::exists(root_ / text_of(its)));
    EXPECT_TRUE(fs::exists(root_ / text_of(of_another)));
}

TEST_F(folders, groups_of_a_daemon_that_goes_on_stay) {
    const auto token = make_run_token();
    ASSERT_TRUE(token);
    const cgroup_name own{token->daemon, token->daemon_start, 1};
    fs::create_directories(root_ / text_of(own));
    EXPECT_EQ(clear_stale_cgroups(root_, token), 0U);
    EXPECT_TRUE(fs::exists(root_ / text_of(own)));
}

class real_groups : public real_base {
protected:
    // Leaves its session, parents, environment and its limit of locks behind.
    child start_escaping(const std::string& pid_file) {
        spawn_spec what = spec_of({"/usr/bin/python3", "-c",
                                   "import os, resource, sys, time\n"
                                   "if os.fork() == 0:\n"
                                   "    os.setsid()\n"
                                   "    if os.fork() == 0:\n"
                                   "        resource.setrlimit(10, (5, 5))\n"
                                   "        open(sys.argv[1], 'w').write(str(os.getpid()) + '\\n')\n"
                                   "        os.closerange(0, 64)\n"
                                   "        os.execve('/bin/sleep', ['sleep', '600'], {})\n"
                                   "    os._exit(0)\n"
                                   "os.wait()\n"
                                   "time.sleep(600)\n",
                                   pid_file});
        what.own_cgroup = true;
        auto started = child::spawn(loop_.get_executor(), what);
        EXPECT_TRUE(started);
        EXPECT_TRUE(eventually([&] { return static_cast<bool>(std::ifstream(pid_file) >> escaped_); }));
        return std::move(started.value());
    }
    bool lives(pid_t pid) {
        reap_orphans();
        const auto row = read_process(pid);
        return row && !row->ended();
    }
    pid_t escaped_ = 0;
};

TEST_F(real_groups, what_hides_from_its_mark_ends_with_its_service_all_the_same) {
    const std::string file = "/tmp/corral_escaped_" + std::to_string(::getpid());
    {
        child one = start_escaping(file);
        ASSERT_TRUE(lives(escaped_));
        const auto group = child_cgroup::of(one.pid());
        ASSERT_TRUE(group) << "an upgrade in place finds it again";
        EXPECT_TRUE(fs::exists(group->folder()));
        EXPECT_TRUE(eventually([&] {
            reap_orphans();
            return one.kill_family();
        }));
        EXPECT_FALSE(lives(escaped_));
        EXPECT_TRUE(run(loop_, one.wait()));
    }
    fs::remove(file);
    for (const auto& entry : fs::directory_iterator(base_)) {
        EXPECT_FALSE(entry.is_directory()) << entry.path() << " was not removed";
    }
}

TEST_F(real_groups, what_a_daemon_that_is_gone_has_left_alive_is_killed) {
    const std::string folder = base_ + "/" + text_of({4'194'303, 1, 1});
    ASSERT_EQ(::mkdir(folder.c_str(), 0755), 0);
    ASSERT_EQ(::mkdir((folder + "/inner").c_str(), 0755), 0);
    const pid_t left = ::fork();
    if (left == 0) {
        ::pause();
        ::_exit(0);
    }
    std::ofstream(folder + "/inner/cgroup.procs") << left << std::flush;
    EXPECT_EQ(clear_stale_cgroups(base_), 1U);
    int status = 0;
    EXPECT_EQ(::waitpid(left, &status, 0), left);
    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_FALSE(fs::exists(folder));
}

}  // namespace
}  // namespace corral::process
