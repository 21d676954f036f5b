// The card: on the bus, its driver, its link, its status tool, its memory.

#include <sys/stat.h>

#include <gmock/gmock.h>

#include "doctor/fake_box.hpp"

namespace corral::doctor {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class device_checks : public fake_box {
protected:
    // A status tool that answered: one card with these figures, in MiB.
    device_view& looked(std::uint64_t used, std::uint64_t total = 7040) {
        device_view device;
        device.said = accelerator();
        device.models = {"sim:latest"};
        device::card_figures card;
        card.name = "AX650N";
        card.firmware = "V3.4.0";
        card.temperature = 37.0;
        card.model_memory = device::memory_use{used, total};
        device.look.report.cards = {card};
        device.look.report.lists_processes = true;
        device.look.report.driver = "V3.4.0_20250423020139";
        of.devices.push_back(device);
        return of.devices.back();
    }
    void good_driver() {
        std::filesystem::create_directories(root / "sys/module/axcl_host");
        write("/dev/axcl_host", "");
    }
};

TEST_F(device_checks, a_card_with_driver_link_and_tool_gives_a_note_with_its_figures) {
    add_model();
    plug_card("8.0 GT/s PCIe", "4");
    good_driver();
    looked(18);
    EXPECT_THAT(found(), ElementsAre("note device.card"));
    EXPECT_THAT(the("device.card").what,
                HasSubstr("card 0 AX650N: 37 C, 18 of 7040 MB in use, firmware V3.4.0"));
}

TEST_F(device_checks, a_box_without_models_examines_the_card_that_a_profile_knows) {
    of.accelerators.push_back(accelerator());
    EXPECT_THAT(found(), IsEmpty());
    plug_card("8.0 GT/s PCIe", "4");
    EXPECT_THAT(found(), ElementsAre("error driver.not-loaded"));
    EXPECT_EQ(the("driver.not-loaded").fix, "install the driver");
}

TEST_F(device_checks, no_card_on_the_bus_is_told_where_a_model_needs_one) {
    add_model();
    write("/sys/bus/pci/devices/0000:00:00.0/vendor", "0x14e4\n");
    EXPECT_THAT(found(), ElementsAre("warning driver.no-card"));
    EXPECT_THAT(the("driver.no-card").what, HasSubstr("no card 1f4b:0650 is on the PCI bus"));
    looked(18);  // the tool shows it all the same, as in a container
    EXPECT_THAT(found(), Not(Contains("warning driver.no-card")));
}

TEST_F(device_checks, on_the_accelerators_own_board_no_card_is_looked_for) {
    add_model();
    of.around.machine.is_board = true;
    EXPECT_THAT(found(), IsEmpty());
}

TEST_F(device_checks, a_driver_without_its_device_file_is_told) {
    of.accelerators.push_back(accelerator());
    plug_card("8.0 GT/s PCIe", "4");
    std::filesystem::create_directories(root / "sys/module/axcl_host");
    EXPECT_THAT(found(), ElementsAre("error driver.no-node"));
}

struct link_row {
    const char* speed;
    const char* width;
    const char* slot_speed;
    const char* slot_width;
    const char* board;  // of the device tree
    std::vector<std::string> expected;
};

TEST_F(device_checks, the_link_is_compared_with_what_card_and_slot_can) {
    const std::string pi("Raspberry Pi 5 Model B Rev 1.0\0", 31);
    const std::vector<link_row> rows{
        {"8.0 GT/s PCIe", "4", "8.0 GT/s PCIe", "4", "", {}},
        {"5.0 GT/s PCIe", "4", "8.0 GT/s PCIe", "4", "", {"warning pcie.slow"}},
        {"5.0 GT/s PCIe", "4", "5.0 GT/s PCIe", "4", "", {"note pcie.small-slot"}},
        {"8.0 GT/s PCIe", "1", "8.0 GT/s PCIe", "1", "", {"note pcie.small-slot"}},
        {"8.0 GT/s PCIe", "1", "8.0 GT/s PCIe", "4", "", {"warning pcie.narrow"}},
        {"5.0 GT/s PCIe",
         "1",
         "5.0 GT/s PCIe",
         "1",
         pi.c_str(),
         {"warning pcie.gen3-off", "note pcie.small-slot"}},
        {"8.0 GT/s PCIe", "1", "8.0 GT/s PCIe", "1", pi.c_str(), {"note pcie.small-slot"}},
        {"2.5 GT/s PCIe",
         "1",
         "8.0 GT/s PCIe",
         "1",
         pi.c_str(),
         {"warning pcie.slow", "note pcie.small-slot"}},
        {"Unknown", "0", "8.0 GT/s PCIe", "4", "", {}},
        {"", "", "", "", "", {}},
    };
    of.accelerators.push_back(accelerator());
    good_driver();
    for (const link_row& row : rows) {
        SCOPED_TRACE(std::string(row.speed) + " x" + row.width + " in " + row.slot_speed + " x" +
                     row.slot_width);
        std::filesystem::remove_all(root / "sys/bus");
        plug_card(row.speed, row.width, row.slot_speed, row.slot_width);
        write("/proc/device-tree/model", row.board);
        EXPECT_EQ(found(), row.expected);
    }
}

TEST_F(device_checks, the_raspberry_pi_is_told_how_to_switch_on_gen_3) {
    of.accelerators.push_back(accelerator());
    good_driver();
    plug_card("5.0 GT/s PCIe", "1", "5.0 GT/s PCIe", "1");
    write("/proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0");
    EXPECT_THAT(the("pcie.gen3-off").fix, HasSubstr("dtparam=pciex1_gen=3"));
}

TEST_F(device_checks, a_lost_card_and_a_hanging_driver_are_errors_in_the_words_of_the_gate) {
    add_model();
    device_view& device = looked(18);
    device.look.report.cards.clear();
    EXPECT_THAT(found(), Contains("error device.unusable"));
    EXPECT_EQ(the("device.unusable").what, "the device is lost: the driver shows no card");
    EXPECT_THAT(the("device.unusable").fix, HasSubstr("restart the card"));
    device.look.problem = device::look_problem::hangs;
    device.look.message = "'axcl-smi' gave no answer within 5 s";
    EXPECT_THAT(the("device.unusable").what, HasSubstr("driver does not answer"));
}

TEST_F(device_checks, a_tool_that_is_not_there_is_a_warning_unless_it_must_be) {
    add_model();
    device_view& device = looked(18);
    device.look.problem = device::look_problem::tool_missing;
    device.look.message = "'axcl-smi' does not exist";
    EXPECT_THAT(found(), Contains("warning device.not-looked-at"));
    device.said.optional = false;
    EXPECT_THAT(found(), Contains("error device.unusable"));
}

TEST_F(device_checks, free_memory_is_compared_with_what_the_model_needs) {
    model_view& model = add_model();
    looked(4000);
    model.entry.device_bytes = 4779ULL * 1024 * 1024;
    EXPECT_THAT(found(), Contains("error device.memory-short"));
    EXPECT_THAT(the("device.memory-short").what,
                HasSubstr("too little device memory: 3040 of 7040 MB free, about 4779 MB needed"));
    model.entry.runtime.device.memory_mb = 3000;
    EXPECT_THAT(found(), Not(Contains("error device.memory-short")));
    model.entry.runtime.device.memory_mb = 0;
    of.daemon = daemon_view{5, "1", {{"sim:latest", "ready", "", "", ""}}};
    EXPECT_THAT(found(), Not(Contains("error device.memory-short"))) << "it is the model itself that has it";
}

TEST_F(device_checks, heat_and_versions_that_differ_are_told) {
    device_view& device = looked(18);
    device.look.report.cards.front().temperature = 91.0;
    device.look.report.driver = "V3.6.2_20250603154858";
    EXPECT_THAT(found(),
                ElementsAre("warning device.hot", "warning device.versions-differ", "note device.card"));
    EXPECT_THAT(the("device.versions-differ").what, HasSubstr("firmware V3.4.0, but the driver is V3.6.2"));
}

TEST_F(device_checks, a_runtime_that_can_not_compute_on_the_chip_is_told_with_the_reason) {
    device_view& device = looked(18);
    device.look.report.cards.front().name = "310B4";
    device.look.report.cards.front().firmware.clear();
    EXPECT_THAT(found(), ElementsAre("note device.card"));
    of.devices.front().said.host.unsuitable_chips = {
        {"310B", "this server does not run on it", "use another"}, {"910B", "nor on that", ""}};
    EXPECT_THAT(found(), ElementsAre("warning device.unsuitable", "note device.card"));
    EXPECT_EQ(the("device.unsuitable").what, "card 0 is a 310B4: this server does not run on it");
    EXPECT_EQ(the("device.unsuitable").fix, "use another");
}

TEST_F(device_checks, an_alarm_of_the_device_is_told_and_ends_nothing) {
    device_view& device = looked(18);
    device.said.advice = "ask for the code";
    device.look.report.cards.front().health = "OK";
    EXPECT_THAT(found(), ElementsAre("note device.card"));
    of.devices.front().look.report.cards.front().health = "Alarm";
    of.devices.front().look.report.cards.front().health_code = "80E3A203";
    EXPECT_THAT(found(), ElementsAre("warning device.health", "note device.card"));
    EXPECT_EQ(the("device.health").what, "card 0 AX650N reports its health as Alarm, code 80E3A203");
    EXPECT_EQ(the("device.health").fix, "ask for the code");
}

TEST_F(device_checks, holders_of_memory_are_told_apart) {
    device_view& device = looked(6000);
    device.look.report.processes = {{0, 10, "/opt/x/main_api_axcl_aarch64", 1024 * 1024},
                                    {0, 11, "/opt/x/main_api_axcl_aarch64", 2048 * 1024},
                                    {0, 12, "/opt/x/main_api_axcl_aarch64", 3072 * 1024}};
    ours = {10};
    dead = {12};
    EXPECT_THAT(found(), Contains("warning device.held-by-other"));
    EXPECT_THAT(the("device.held-by-other").what,
                HasSubstr("process 11 (main_api_axcl_aarch64) holds 2048 MB"));
    EXPECT_THAT(the("device.held-by-other").fix, HasSubstr("kill 11"));
    EXPECT_THAT(the("device.held-by-dead").what,
                HasSubstr("process 12 (main_api_axcl_aarch64) still holds 3072 MB"));
    EXPECT_EQ(the("device.held-by-dead").fix, "restart the card");
}

TEST_F(device_checks, a_left_over_runtime_is_known_by_where_its_program_lies) {
    add_model();
    of.around.machine.is_board = true;
    for (const char* process : {"/proc/501", "/proc/502", "/proc/503", "/proc/504"}) {
        std::filesystem::create_directories(root / std::filesystem::path(process).relative_path());
    }
    std::filesystem::create_symlink(root / "package/main_api_ax650", root / "proc/501/exe");
    std::filesystem::create_symlink("/usr/bin/python3", root / "proc/502/exe");
    std::filesystem::create_symlink(root / "package/main_api_ax650", root / "proc/503/exe");
    std::filesystem::create_symlink(root / "package/main_api_ax650", root / "proc/504/exe");
    ours = {503};
    kept = {504};
    EXPECT_THAT(found(), ElementsAre("warning process.left-over"));
    EXPECT_THAT(the("process.left-over").what, HasSubstr("process 501 (main_api_ax650)"));
}

TEST_F(device_checks, contiguous_memory_is_measured_by_the_drivers_own_settings) {
    add_model();
    looked(18);
    write("/proc/meminfo", "MemTotal: 8000000 kB\nCmaTotal:  65536 kB\nCmaFree:    8192 kB\n");
    EXPECT_THAT(found(), Contains("warning cma.short"));
    EXPECT_THAT(the("cma.short").what, HasSubstr("needs 12288 KiB")) << "three buffers of 4 MiB";
    EXPECT_THAT(the("cma.short").fix, HasSubstr("\"dma buf size\" to \"0x200000\""));
    EXPECT_THAT(the("cma.short").fix, HasSubstr("Don't enlarge CMA with a kernel parameter"));
    write("/usr/bin/axcl/axcl.json", R"({"log": {"level": 5}, "host": {"dma buf size": "0x200000"}})");
    EXPECT_THAT(found(), Not(Contains("warning cma.short")));
    write("/usr/bin/axcl/axcl.json", std::string(100, '['));
    EXPECT_THAT(found(), Contains("warning cma.short")) << "settings that can't be read change nothing";
    write("/proc/meminfo", "CmaTotal: 0 kB\nCmaFree: 0 kB\n");
    EXPECT_THAT(found(), Not(Contains("warning cma.short"))) << "a kernel without CMA";
}

}  // namespace
}  // namespace corral::doctor
