#include "cli/serve/unit_command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace corral::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

config::configuration with_nodes(std::vector<std::string> nodes) {
    config::configuration out;
    catalog::model_entry model;
    model.runtime.name = "axera-poll";
    model.runtime.device.nodes = std::move(nodes);
    out.models.push_back(std::move(model));
    return out;
}

std::vector<std::string> two_cards(const std::string& pattern) {
    return pattern == "/dev/ax_*" ? std::vector<std::string>{"/dev/ax_cmm", "/dev/ax_sys"}
                                  : std::vector<std::string>{};
}

TEST(unit_drop_in, opens_the_device_files_of_the_models_and_no_other) {
    const auto made = unit_drop_in_of(with_nodes({"/dev/ax_*"}), two_cards);
    EXPECT_THAT(made.text,
                HasSubstr("DevicePolicy=closed\n# /dev/ax_*, of axera-poll\nDeviceAllow=/dev/ax_cmm "
                          "rw\nDeviceAllow=/dev/ax_sys rw\n"));
    EXPECT_THAT(made.missing, ElementsAre());
}

TEST(unit_drop_in, names_what_is_not_there_and_opens_it_for_the_next_start) {
    const auto made = unit_drop_in_of(with_nodes({"/dev/axcl_host", "/dev/rknpu*"}), two_cards);
    EXPECT_THAT(made.missing, ElementsAre("/dev/axcl_host", "/dev/rknpu*"));
    EXPECT_THAT(made.text, HasSubstr("DeviceAllow=/dev/axcl_host rw\n"));
    EXPECT_THAT(made.text, Not(HasSubstr("DeviceAllow=/dev/rknpu")));  // systemd knows no wildcards here
}

TEST(unit_drop_in, counts_what_stands_in_for_a_model) {
    config::configuration settings = with_nodes({});
    settings.models.front().fallbacks.push_back(with_nodes({"/dev/ax_*"}).models.front());
    EXPECT_THAT(unit_drop_in_of(settings, two_cards).text, HasSubstr("DeviceAllow=/dev/ax_sys rw\n"));
}

TEST(unit_drop_in, shuts_all_devices_where_no_model_has_one) {
    const std::string text = unit_drop_in_of(with_nodes({}), two_cards).text;
    EXPECT_THAT(text, HasSubstr("PrivateDevices=yes\nProtectClock=yes\n"));
    EXPECT_THAT(text, Not(HasSubstr("DeviceAllow")));
}

TEST(unit_drop_in, leaves_devices_open_to_the_first_model) {
    const std::string text = unit_drop_in_of({}, two_cards).text;
    EXPECT_THAT(text, HasSubstr("no model yet"));
    EXPECT_THAT(text, Not(HasSubstr("Device")));
}

TEST(unit_drop_in, opens_the_folders_of_pulls_where_clients_may) {
    config::configuration settings = with_nodes({});
    settings.models_directory = "/etc/corral/models.d";
    EXPECT_THAT(unit_drop_in_of(settings, two_cards).text, Not(HasSubstr("ReadWritePaths")));
    settings.pull.from_clients = true;
    EXPECT_THAT(unit_drop_in_of(settings, two_cards).text,
                HasSubstr("ReadWritePaths=\"-/srv/models\" \"-/etc/corral/models.d\"\n"));
}

TEST(unit_drop_in, finds_device_files_by_name) {
    EXPECT_THAT(find_nodes("/dev/nul?"), ElementsAre("/dev/null"));
    EXPECT_THAT(find_nodes("/dev/nothing*"), ElementsAre());
    EXPECT_THAT(find_nodes("/dev/nowhere/at_all"), ElementsAre());
}

}  // namespace
}  // namespace corral::cli
