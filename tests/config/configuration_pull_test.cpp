#include "corral/config/configuration_pull.hpp"

#include <gtest/gtest.h>

#include "config/configuration_fixture.hpp"

namespace corral::config {
namespace {

using configured_pull = configuration_file;

TEST_F(configured_pull, is_off_for_clients_unless_told_otherwise) {
    const auto usual = load(model_text).value;
    ASSERT_TRUE(usual);
    EXPECT_EQ(usual->pull, pull_settings{});
    EXPECT_FALSE(usual->pull.from_clients);
}

TEST_F(configured_pull, paths_are_relative_to_the_file_and_sizes_have_units) {
    const auto read = load(
                          "[pull]\ndirectory = \"here\"\nendpoint = \"https://hub.example/m/\"\n"
                          "token_file = \"token\"\nspeed_limit = \"20MB\"\nquota = \"1.5 GiB\"\n"
                          "parallel = 2\nfrom_clients = true\nowners = [\"AXERA-TECH\"]\n" +
                          model_text)
                          .value;
    ASSERT_TRUE(read);
    EXPECT_EQ(read->pull.directory, folder_.path() / "here");
    EXPECT_EQ(read->pull.endpoint, "https://hub.example/m");
    EXPECT_EQ(read->pull.token_file, folder_.path() / "token");
    EXPECT_EQ(read->pull.speed_limit, 20'000'000U);
    EXPECT_EQ(read->pull.quota, 1'610'612'736U);
    EXPECT_EQ(read->pull.parallel, 2U);
    EXPECT_TRUE(read->pull.from_clients);
    EXPECT_EQ(read->pull.owners, std::vector<std::string>{"AXERA-TECH"});
}

TEST_F(configured_pull, mistakes_are_named) {
    EXPECT_EQ(
        complaints("[pull]\nspeed_limit = \"fast\"\nquota = -1\nparallel = 99\n"
                   "endpoint = \"hub.example\"\ndirectry = \"x\"\n" +
                   model_text),
        "c.toml:2:15: 'fast' is not a size; write a number of bytes, or \"20MB\", \"1.5GB\", \"512KiB\"\n"
        "c.toml:3:9: '-1' is not a size; write a number of bytes, or \"20MB\", \"1.5GB\", \"512KiB\"\n"
        "c.toml:4:12: 'parallel' must be between 1 and 16, not 99\n"
        "c.toml:5:12: 'hub.example' is not the address of a hub; write it as "
        "\"https://huggingface.co\"\n"
        "c.toml:6:1: unknown key 'directry' in [pull]; did you mean 'directory'?\n");
    EXPECT_EQ(complaints("[pull]\nspeed_limit = 5\n" + model_text),
              "c.toml:2:15: 'speed_limit' must be 0 (none) or at least 16384 bytes\n");
}

TEST_F(configured_pull, the_variable_names_the_mirror_before_the_file) {
    source_.environment["HF_ENDPOINT"] = "https://mirror.example/";
    const auto read = load("[pull]\nendpoint = \"https://hub.example\"\n" + model_text).value;
    ASSERT_TRUE(read);
    EXPECT_EQ(read->pull.endpoint, "https://mirror.example");
    source_.environment["HF_ENDPOINT"] = "mirror.example";
    const auto bad = load(model_text);
    ASSERT_TRUE(bad.value);
    EXPECT_EQ(bad.value->pull.endpoint, "https://huggingface.co");
    ASSERT_EQ(bad.warnings.size(), 1U);
    EXPECT_TRUE(bad.warnings.front().message.text().starts_with("HF_ENDPOINT is not the address of a hub"));
}

TEST(bytes, are_read_with_units_of_ten_and_of_two) {
    EXPECT_EQ(parse_bytes("500"), 500U);
    EXPECT_EQ(parse_bytes("20 mb"), 20'000'000U);
    EXPECT_EQ(parse_bytes("512KiB"), 524'288U);
    EXPECT_EQ(parse_bytes("1.5G"), 1'500'000'000U);
    for (const char* const bad : {"", "MB", "-1", "1e5", "5 parsecs", "99999999999T", "nan", "inf", "0x10"}) {
        EXPECT_FALSE(parse_bytes(bad)) << bad;
    }
}

TEST(hub_endpoints, are_plain_addresses) {
    EXPECT_EQ(hub_endpoint("https://hub.example:8443/a//"), "https://hub.example:8443/a");
    for (const char* const bad :
         {"", "https://", "ftp://x", "https:///x", "https://u@x", "https://x?y", "https://a b"}) {
        EXPECT_EQ(hub_endpoint(bad), "") << bad;
    }
}

}  // namespace
}  // namespace corral::config
