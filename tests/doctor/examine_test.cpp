// How findings are put together, and that hostile names stay on their line.

#include <gmock/gmock.h>

#include "doctor/fake_box.hpp"
#include "doctor/root_files.hpp"

namespace corral::doctor {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using examine_test = fake_box;

TEST_F(examine_test, the_worst_comes_first_and_else_the_order_of_the_checks) {
    configuration_view& said = configured();
    said.there = false;
    of.around.most_descriptors = 64;
    listeners = {{11434, false, true, 77, "other"}};
    EXPECT_THAT(found(),
                ElementsAre("error listen.taken", "warning descriptors.few", "note configuration.missing"));
}

TEST_F(examine_test, every_finding_says_what_why_and_what_to_do_on_one_line_each) {
    configuration_view& said = configured();
    said.errors = {{"a\nb.toml", 1, 1, core::reason::unlisted("bad \x1b[31m key")}};
    of.around.most_descriptors = 64;
    for (const catalog::finding& one : examine(of)) {
        if (one.id.starts_with("daemon.")) {
            continue;
        }
        EXPECT_FALSE(one.what.empty() || one.why.empty() || one.fix.empty()) << one.id;
        for (const std::string& text : {one.id, one.subject, one.what, one.why, one.fix}) {
            EXPECT_EQ(text.find_first_of("\n\r\x1b"), std::string::npos) << text;
        }
    }
}

TEST_F(examine_test, the_same_fault_of_two_services_is_told_once) {
    model_view& model = add_model();
    of.around.machine.is_board = true;
    model.services.push_back(model.services.front());
    model.services.front().port = 8000;
    model.services.back().port = 8000;
    listeners = {{8000, true, false, 812, "other"}};
    EXPECT_THAT(found(), ElementsAre("error port.taken"));
}

TEST_F(examine_test, a_check_that_fails_is_a_finding_and_stops_no_other) {
    of.around.most_descriptors = 64;
    configured();
    of.around.listeners = [](std::uint16_t) -> std::vector<process::listening_socket> {
        throw std::runtime_error("no /proc");
    };
    EXPECT_THAT(found(), ElementsAre("warning descriptors.few", "warning doctor.check-failed"));
    EXPECT_THAT(the("doctor.check-failed").what, HasSubstr("'listen' could not be run: no /proc"));
}

TEST(root_files, figures_of_memory_are_read_by_their_whole_name) {
    char name[] = "/tmp/corral_root_XXXXXX";
    const std::filesystem::path root = ::mkdtemp(name);
    std::filesystem::create_directories(root / "proc");
    std::ofstream(root / "proc/meminfo")
        << "MemFreeX: 1 kB\nMemFree:     123 kB\nBad: x\nHuge: 99999999999999999999999\n";
    EXPECT_EQ(memory_figure(root, "MemFree"), 123U);
    EXPECT_FALSE(memory_figure(root, "Bad"));
    EXPECT_FALSE(memory_figure(root, "Mem"));
    std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace corral::doctor
