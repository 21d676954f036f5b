// The limits that the processes of one model share: names, tables and refusals anywhere; the kernel's own word where memory and
// tasks can be limited here.

#include "process/children/model_cgroup.hpp"

#include <unistd.h>

#include <gmock/gmock.h>

#include "process/real_base.hpp"

namespace corral::process {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::uint64_t mebibyte = 1024 * 1024;

TEST(model_cgroup, its_name_says_which_model_s_it_is_and_under_which_limits) {
    EXPECT_EQ(model_part({"qwen3:4b@fallback1", 2048 * mebibyte, 500}),
              "m2147483648.t500.qwen3:4b@fallback1");
    EXPECT_EQ(model_part({"../a\nb", 0, 16}), "m0.t16...%2fa%0ab") << "no folder of another, no second line";
    const std::string one = model_part({std::string(600, 'x') + "1", 0, 16});
    EXPECT_NE(one, model_part({std::string(600, 'x') + "2", 0, 16}));
    EXPECT_LE(one.size(), 180U);
    cgroup_name name{4242, 98765, 0, model_part({"qwen3:4b", mebibyte, 0})};
    EXPECT_EQ(text_of(name), "corral-4242-98765-m1048576.t0.qwen3:4b");
    EXPECT_EQ(parse_cgroup_name(text_of(name)), name);
    EXPECT_FALSE(parse_cgroup_name("corral-4242-98765-m1/2"));
}

TEST(model_cgroup, says_which_controller_is_missing) {
    struct {
        const char* enabled;
        shared_limits limits;
        const char* missing;
    } const table[] = {
        {"cpu memory pids\n", {"a", 1, 1}, ""},
        {"cpu pids\n", {"a", 1, 1}, "memory"},
        {"memory\n", {"a", 1, 1}, "pids"},
        {"memory\n", {"a", 1, 0}, ""},
        {"", {"a", 0, 1}, "pids"},
        {"memory.x pidsx", {"a", 1, 1}, "memory"},
    };
    for (const auto& each : table) {
        EXPECT_EQ(missing_controllers(each.enabled, each.limits), each.missing) << each.enabled;
    }
}

TEST(model_cgroup, reads_the_kernel_s_account_of_memory) {
    EXPECT_EQ(parse_memory_events("low 0\nhigh 0\nmax 77\noom 3\noom_kill 2\noom_group_kill 0\n"),
              (memory_counts{2, 3}));
    EXPECT_EQ(parse_memory_events("max 1\noom 1\n"), std::nullopt) << "before oom_kill was counted";
    EXPECT_EQ(parse_memory_events("oom_kill x\n"), std::nullopt);
    EXPECT_EQ(parse_memory_events(""), std::nullopt);
}

class limits_in_folders : public testing::Test {
protected:
    limits_in_folders() {
        char name[] = "/tmp/corral_cgroup_XXXXXX";
        root_ = ::mkdtemp(name);
    }
    ~limits_in_folders() override {
        set_cgroup_base("");
        fs::remove_all(root_);
    }
    void write(const char* file, const char* text) { std::ofstream(root_ / file) << text; }
    std::string refusal_of_a_start() {
        boost::asio::io_context loop;
        spawn_spec what = spec_of({"/bin/true"});
        what.own_cgroup = true;
        what.together = {"qwen3:4b", 64 * mebibyte, 0};
        auto started = child::spawn(loop.get_executor(), what);
        EXPECT_TRUE(started);
        EXPECT_TRUE(run(loop, started->wait())) << "it starts all the same";
        EXPECT_FALSE(started->memory_lost());
        return started->limits_refused();
    }
    fs::path root_;
};

TEST_F(limits_in_folders, that_can_not_be_set_are_told_and_keep_nothing_from_starting) {
    set_cgroup_base("");
    EXPECT_THAT(refusal_of_a_start(), HasSubstr("Delegate=yes"));
    set_cgroup_base(root_);
    write("cgroup.controllers", "cpu pids\n");
    write("cgroup.subtree_control", "pids\n");
    EXPECT_THAT(refusal_of_a_start(), HasSubstr("cgroup_enable=memory")) << "a Raspberry Pi as delivered";
    write("cgroup.controllers", "cpu memory pids\n");
    EXPECT_THAT(refusal_of_a_start(), HasSubstr("other processes are in Corral's own control group"));
    write("cgroup.subtree_control", "memory pids\n");
    EXPECT_THAT(refusal_of_a_start(), HasSubstr("memory.max")) << "nobody makes that file here";
    EXPECT_EQ(std::distance(fs::directory_iterator(root_), {}), 2) << "no folder is left behind";
}

TEST_F(real_base, is_left_by_ourselves_and_by_nobody_who_is_not_ours) {
    spawn_spec what = spec_of({"/bin/sh", "-c", "sleep 600 & echo $!; wait"});
    auto started = child::spawn(loop_.get_executor(), what);
    ASSERT_TRUE(started);
    const auto said = run(loop_, started->read(output_stream::out));
    ASSERT_TRUE(said && *said);
    const std::string ours = std::to_string(started->pid()) + '\n';
    const std::string stranger = **said;  // its parent is the shell
    for (const std::string& pid : {ours, stranger}) {
        ASSERT_TRUE(write_group_file(base_ + "/cgroup.procs", pid)) << pid;
    }
    divide_cgroup(base_);
    EXPECT_EQ(group_text("supervisor/cgroup.procs"), ours);
    EXPECT_EQ(group_text("cgroup.procs"), stranger);
    const auto refused = open_model_cgroup(base_, {"qwen3:4b", mebibyte, 0});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message, "");
    EXPECT_TRUE(eventually([&] {
        reap_orphans();
        return started->kill_family();
    }));
    EXPECT_TRUE(run(loop_, started->wait()));
    EXPECT_TRUE(eventually([&] { return ::rmdir((base_ + "/supervisor").c_str()) == 0; }));
}

// Where memory and tasks can be limited.
class real_limits : public real_base {
protected:
    void SetUp() override {
        real_base::SetUp();
        if (IsSkipped() || HasFatalFailure()) {
            return;
        }
        divide_cgroup(base_);
        if (const auto missing = missing_controllers(group_text("cgroup.subtree_control"), {"", 1, 1});
            !missing.empty()) {
            GTEST_SKIP() << "the controller " << missing << " is not to be had here";
        }
    }
    child start(std::vector<std::string> command, shared_limits limits) {
        spawn_spec what = spec_of(std::move(command));
        what.own_cgroup = true;
        what.together = std::move(limits);
        auto started = child::spawn(loop_.get_executor(), what);
        EXPECT_TRUE(started);
        EXPECT_EQ(started->limits_refused(), "");
        return std::move(started.value());
    }
};

TEST_F(real_limits, a_service_that_eats_memory_dies_alone_and_is_accounted_for) {
    child other = start({"/bin/sleep", "600"}, {"other", 64 * mebibyte, 0});
    {
        child eater = start({"/usr/bin/python3", "-c", "x = []\nwhile True: x.append(b'x' * 1000000)"},
                            {"eater", 64 * mebibyte, 0});
        const auto how = run(loop_, eater.wait());
        ASSERT_TRUE(how);
        const auto* killed = std::get_if<killed_by>(&*how);
        ASSERT_NE(killed, nullptr) << describe(*how);
        EXPECT_EQ(killed->signal, SIGKILL);
        const auto lost = eater.memory_lost();
        ASSERT_TRUE(lost);
        EXPECT_EQ(lost->kills, 1U);
        EXPECT_TRUE(lost->at_limit);
    }
    ASSERT_TRUE(other.memory_lost());
    EXPECT_EQ(other.memory_lost()->kills, 0U);
    const auto group = child_cgroup::of(other.pid());
    ASSERT_TRUE(group) << "an upgrade in place finds it again";
    EXPECT_THAT(group->folder(), HasSubstr("m67108864.t0.other/"));
    EXPECT_TRUE(eventually([&] { return other.kill_family(); }));
    EXPECT_TRUE(run(loop_, other.wait()));
}

TEST_F(real_limits, of_two_services_of_a_model_the_one_that_lives_has_lost_nothing) {
    const shared_limits limits{"both", 64 * mebibyte, 0};
    child modest = start({"/bin/sleep", "600"}, limits);
    child eater = start({"/usr/bin/python3", "-c", "x = []\nwhile True: x.append(b'x' * 1000000)"}, limits);
    EXPECT_TRUE(run(loop_, eater.wait()));
    ASSERT_TRUE(eater.memory_lost());
    EXPECT_EQ(eater.memory_lost()->kills, 1U);
    EXPECT_TRUE(eater.memory_lost()->at_limit);
    ASSERT_TRUE(modest.memory_lost());
    EXPECT_EQ(modest.memory_lost()->kills, 0U);
    EXPECT_TRUE(eventually([&] { return modest.kill_family(); }));
    EXPECT_TRUE(run(loop_, modest.wait()));
}

TEST_F(real_limits, two_services_of_a_model_share_its_tasks) {
    const shared_limits limits{"both", 0, 16};
    child first = start({"/bin/sleep", "600"}, limits);
    child second = start({"/usr/bin/python3", "-c",
                          "import threading, sys\n"
                          "made = 1\n"
                          "try:\n"
                          "    while True:\n"
                          "        threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
                          "        made += 1\n"
                          "except RuntimeError:\n"
                          "    import os; os._exit(made)\n"},
                         limits);
    const auto how = run(loop_, second.wait());
    ASSERT_TRUE(how);
    const auto* exited = std::get_if<exited_with>(&*how);
    ASSERT_NE(exited, nullptr) << describe(*how);
    EXPECT_EQ(exited->code, 15) << "one of 16 is the other's";
    EXPECT_GT(second.tasks_refused(), 0U);
    EXPECT_TRUE(eventually([&] { return first.kill_family(); }));
    EXPECT_TRUE(run(loop_, first.wait()));
}

}  // namespace
}  // namespace corral::process
