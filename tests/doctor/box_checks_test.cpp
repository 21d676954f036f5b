// The box itself: clock, descriptors, disk, memory, kernel, configuration, addresses.

#include <algorithm>

#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>

#include "corral/core/text.hpp"
#include "doctor/fake_box.hpp"

namespace corral::doctor {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using box_checks = fake_box;

TEST_F(box_checks, a_good_box_has_nothing_to_say) {
    configured();
    EXPECT_THAT(found(), IsEmpty());
}

TEST_F(box_checks, without_a_model_it_says_what_the_box_has) {
    write("/proc/meminfo", "MemTotal: 8388608 kB\nMemAvailable: 6291456 kB\n");
    EXPECT_THAT(the("memory.host").what, HasSubstr(" of memory are free"));
    EXPECT_EQ(the("device.none").what, "no accelerator was found");
    of.accelerators.push_back(accelerator());
    plug_card("8.0 GT/s PCIe", "1");
    EXPECT_EQ(the("pcie.card").what,
              "a card 1f4b:0650 is at 0000:01:00.0; its link runs at 8.0 GT/s PCIe with 1 lane");
    const auto all = examine(of);
    EXPECT_TRUE(std::ranges::none_of(all, [](const auto& one) { return one.id == "device.none"; }));
    EXPECT_EQ(the("driver.not-loaded").fix, "install the driver");
}

TEST_F(box_checks, a_clock_that_is_years_behind_is_told) {
    of.around.now = std::chrono::sys_days{std::chrono::year{1970} / 1 / 2};
    EXPECT_THAT(found(), ElementsAre("warning clock.wrong"));
    EXPECT_THAT(the("clock.wrong").what, HasSubstr("1970"));
}

TEST_F(box_checks, few_descriptors_are_told) {
    of.around.most_descriptors = 256;
    EXPECT_THAT(found(), ElementsAre("warning descriptors.few"));
}

TEST_F(box_checks, a_full_disk_of_the_state_directory_is_told) {
    configured().state_directory = root / "state/corral";  // not there yet: its parent counts
    free_bytes = 3'000'000;
    EXPECT_THAT(found(), ElementsAre("warning state.full"));
    EXPECT_THAT(the("state.full").what, HasSubstr("3 MB"));
    free_bytes = UINT64_MAX;
    EXPECT_THAT(found(), IsEmpty());
}

TEST_F(box_checks, an_open_door_is_told_unless_a_key_is_asked_for) {
    configuration_view& said = configured();
    said.address = "0.0.0.0";
    said.beyond_loopback = true;
    EXPECT_THAT(found(), ElementsAre("warning access.open"));
    said.needs_key = true;
    EXPECT_THAT(found(), IsEmpty());
}

TEST_F(box_checks, who_holds_our_address_is_named_with_the_command_that_stops_him) {
    configured();
    listeners = {{11434, false, true, 77, "ollama"}};
    write("/proc/77/cgroup", "0::/system.slice/ollama.service\n");
    EXPECT_THAT(found(), ElementsAre("error listen.taken"));
    EXPECT_THAT(the("listen.taken").what, HasSubstr("127.0.0.1:11434 is already taken by ollama (pid 77)"));
    EXPECT_THAT(the("listen.taken").fix, HasSubstr("sudo systemctl disable --now ollama.service"));
}

TEST_F(box_checks, our_own_corral_is_no_stranger_on_our_address) {
    configured();
    listeners = {{11434, false, true, 77, "corral-serve"}};
    ours = {77};
    EXPECT_THAT(found(), IsEmpty());
    ours = {};
    of.daemon_problem = "Permission denied";
    EXPECT_THAT(found(), ElementsAre("warning listen.silent-corral"));
    EXPECT_THAT(the("listen.silent-corral").what, HasSubstr("Permission denied"));
}

TEST_F(box_checks, a_holder_of_another_user_is_found_out_with_a_command) {
    configured();
    listeners = {{11434, true, false, 0, ""}};
    EXPECT_THAT(the("listen.taken").what, HasSubstr("a process of another user"));
    EXPECT_THAT(the("listen.taken").fix, HasSubstr("ss -ltnp 'sport = :11434'"));
}

TEST_F(box_checks, the_corral_that_runs_is_no_stranger_whoever_runs_it_and_wherever) {
    configured();
    listeners = {{11434, true, false, 0, ""}};
    of.daemon_problem = "Corral runs as another user";
    of.daemon_of_another_user = true;
    EXPECT_THAT(found(), ElementsAre("note listen.other-user"));
    EXPECT_THAT(the("listen.other-user").what, HasSubstr("Corral runs as another user"));
    listeners = {{11434, false, true, 77, "ollama"}};
    EXPECT_THAT(found(), ElementsAre("error listen.taken")) << "this one is known";
    of.daemon = daemon_view{5, "1", {}};
    EXPECT_THAT(found(), IsEmpty()) << "it has an address already";
}

TEST_F(box_checks, what_the_corral_that_runs_cant_take_is_told_with_its_reason) {
    configured().left_out = {{"a.toml", 3, 1, core::reason::unlisted("there is no profile 'x'")}};
    of.daemon = daemon_view{5, "1", {}};
    of.daemon->left_out = {catalog::to_text(of.configuration->left_out.front()), "b.toml: Permission denied"};
    of.daemon->in_place = "its last good copy";
    of.daemon->in_place_problems = {"corral.toml: Permission denied"};
    EXPECT_EQ(the("daemon.left-out").what, "left out: b.toml: Permission denied");
    const auto all = examine(of);
    EXPECT_EQ(std::ranges::count(all, "daemon.left-out", &catalog::finding::id), 1)
        << "the other one is a finding of the configuration";
    EXPECT_EQ(the("daemon.stand-in").what, "serving its last good copy; corral.toml: Permission denied");
}

TEST_F(box_checks, mistakes_of_the_configuration_are_findings) {
    configuration_view& said = configured();
    said.errors = {{"corral.toml", 3, 1, core::reason::unlisted("unknown key 'lisen'")}};
    said.left_out = {{"models.d/a.toml", 1, 1, core::reason::unlisted("there is no profile 'x'")}};
    said.warnings = {{"corral.toml", 9, 1, core::reason::unlisted("it has no effect")}};
    EXPECT_THAT(found(), ElementsAre("error configuration.error", "error configuration.manifest",
                                     "warning configuration.warning"));
    EXPECT_THAT(the("configuration.error").what, HasSubstr("corral.toml:3"));
}

TEST_F(box_checks, without_a_configuration_file_the_next_step_is_said) {
    configured().there = false;
    EXPECT_THAT(found(), ElementsAre("note configuration.missing"));
    EXPECT_THAT(the("configuration.missing").fix, HasSubstr("corral pull"));
}

TEST_F(box_checks, the_kernels_word_of_the_last_hours_is_told_once_for_each_kind) {
    of.accelerators.push_back(accelerator());
    write("/proc/uptime", "90000.00 1.0\n");
    write("/dev/kmsg",
          "3,1,100000000,-;Out of memory: Killed process 1 (old)\n"
          "3,2,89400000000,-;Out of memory: Killed process 11 (main_api)\n SUBSYSTEM=x\n"
          "3,3,89700000000,-;Out of memory: Killed process 12 (main_api)\n"
          "3,4,89940000000,-;axcl: device 1: dead!\nnot a record\n");
    EXPECT_THAT(found(), ElementsAre("warning kernel.out-of-memory", "warning kernel.driver"));
    EXPECT_THAT(the("kernel.out-of-memory").what,
                HasSubstr("5 min ago the kernel logged: Out of memory: Killed process 12"));
    EXPECT_THAT(the("kernel.driver").what, HasSubstr("lost the card. 1 min ago"));
    EXPECT_EQ(the("kernel.driver").fix, "restart it");
}

TEST_F(box_checks, an_old_kernel_log_and_one_that_may_not_be_read_say_nothing) {
    write("/proc/uptime", "90000.00 1.0\n");
    write("/dev/kmsg", "3,1,100000000,-;Out of memory: Killed process 1 (old)\n");
    EXPECT_THAT(found(), IsEmpty());
    std::filesystem::remove(root / "dev/kmsg");
    ASSERT_EQ(::mkfifo((root / "dev/kmsg").c_str(), 0600), 0);  // and nothing waits for its writer
    EXPECT_THAT(found(), IsEmpty());
}

TEST_F(box_checks, the_services_user_is_asked_of_the_package_where_root_asks) {
    configured();
    of.around.user = 0;
    add_model();
    of.accelerators.clear();
    of.models.front().entry.runtime.device = {};
    const auto secret = write("/package/weights.bin", "x");
    write("/etc/passwd", "root:x:0:0::/:/bin/sh\ncorral:x:990:991::/var/lib/corral:/usr/sbin/nologin\n");
    write("/etc/group", "corral:x:991:\nmodels:x:992:other,corral\n");
    ::chmod(root.c_str(), 0755);
    ::chmod(secret.c_str(), 0644);
    EXPECT_THAT(found(), IsEmpty());
    ::chmod(secret.c_str(), 0600);
    EXPECT_THAT(found(), ElementsAre("warning permissions.service-user"));
    EXPECT_THAT(the("permissions.service-user").what, HasSubstr("weights.bin"));
    of.around.user = 1000;
    EXPECT_THAT(found(), IsEmpty());
}

TEST_F(box_checks, a_command_of_the_services_user_quotes_the_file) {
    configured();
    of.around.user = 0;
    add_model();
    of.accelerators.clear();
    of.models.front().entry.runtime.device = {};
    write("/etc/passwd", "corral:x:990:991::/var/lib/corral:/usr/sbin/nologin\n");
    ::chmod(root.c_str(), 0755);
    ::chmod(write("/package/a'; touch pwned; 'b", "x").c_str(), 0600);
    const std::string package = of.models.front().entry.package.string();
    EXPECT_EQ(the("permissions.service-user").fix, "sudo chmod -R o+rX " + core::shell_word(package));
    of.models.front().entry.package = root / "it's; x" / "package";
    std::filesystem::create_directories(of.models.front().entry.package);
    ::chmod((root / "it's; x").c_str(), 0700);
    EXPECT_THAT(the("permissions.service-user").fix, testing::StartsWith("sudo chmod o+x '/"));
    EXPECT_THAT(the("permissions.service-user").fix, testing::EndsWith("/it'\\''s; x'"));
}

TEST_F(box_checks, a_command_of_the_state_directory_quotes_the_folder) {
    if (::geteuid() == 0) {
        GTEST_SKIP() << "root may write everywhere";
    }
    const std::filesystem::path folder = root / "it's; x";
    std::filesystem::create_directory(folder);
    ::chmod(folder.c_str(), 0500);
    configured().state_directory = folder;
    EXPECT_THAT(the("state.not-writable").fix,
                testing::EndsWith("run: sudo chown -R $USER " + core::shell_word(folder.string())));
    configured().state_directory = folder / "a/b";  // a folder above it is others'
    EXPECT_THAT(
        the("state.not-writable").fix,
        testing::EndsWith("run: sudo install -d -o $USER " + core::shell_word((folder / "a/b").string())));
}

}  // namespace
}  // namespace corral::doctor
