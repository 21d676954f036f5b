#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/configuration_fixture.hpp"
#include "corral/config/server_places.hpp"
#include "corral/fleet/reload_policy.hpp"

namespace corral::config {
namespace {

using configured_black_box = configuration_file;
using testing::HasSubstr;

class ollama_environment : public configuration_file {
protected:
    std::string listen_with(const std::string& host) {
        set_environment({{"OLLAMA_HOST", host}});
        const auto read = load("allow_unauthenticated = true\n" + model_text);
        if (!read.value) {
            return catalog::to_text(read.errors.at(0));
        }
        return read.value->listen.address().to_string() + " " + std::to_string(read.value->listen.port());
    }
};

// docs/facts/ollama_wire.md#environment.
TEST_F(ollama_environment, host_is_read_as_ollama_reads_it) {
    const std::vector<std::pair<std::string, std::string>> table{{"127.0.0.1", "127.0.0.1 11434"},
                                                                 {"0.0.0.0", "0.0.0.0 11434"},
                                                                 {":8080", "0.0.0.0 8080"},
                                                                 {"localhost:80", "127.0.0.1 80"},
                                                                 {"http://127.0.0.1", "127.0.0.1 80"},
                                                                 {"https://127.0.0.1/x", "127.0.0.1 443"},
                                                                 {"[::1]:9", "::1 9"},
                                                                 {"::1", "::1 11434"},
                                                                 {"127.0.0.1:bad", "127.0.0.1 11434"},
                                                                 {" \"127.0.0.1:5\" ", "127.0.0.1 5"},
                                                                 {"", "127.0.0.1 11434"}};
    for (const auto& [host, listen] : table) {
        EXPECT_EQ(listen_with(host), listen) << host;
    }
    EXPECT_THAT(listen_with("example.org"), HasSubstr("OLLAMA_HOST: 'example.org' is neither"));
}

TEST_F(ollama_environment, is_lowest_in_precedence_and_the_command_line_highest) {
    set_environment({{"OLLAMA_HOST", "0.0.0.0"}, {"OLLAMA_MAX_QUEUE", "7"}, {"OLLAMA_DEBUG", "1"}});
    const auto by_environment = load(model_text);
    ASSERT_EQ(by_environment.errors.size(), 1U);
    EXPECT_EQ(by_environment.errors[0].file, "OLLAMA_HOST");
    const auto by_file = load("listen = \"127.0.0.1:1\"\nmax_queue = 9\nlog_level = \"warn\"\n" + model_text);
    ASSERT_TRUE(by_file.value);
    EXPECT_EQ(by_file.value->listen.port(), 1);
    EXPECT_EQ(by_file.value->max_queue, 9U);
    EXPECT_EQ(by_file.value->log_level, telemetry::log_level::warn);
    source_.listen = "127.0.0.1:2";
    const auto by_line = load(model_text);
    ASSERT_TRUE(by_line.value);
    EXPECT_EQ(by_line.value->listen.port(), 2);
    EXPECT_EQ(by_line.value->max_queue, 7U);
    EXPECT_EQ(by_line.value->log_level, telemetry::log_level::debug);
    source_.listen = "0.0.0.0:2";
    EXPECT_EQ(load(model_text).errors.at(0).file, "--listen");
}

TEST_F(ollama_environment, that_is_wrong_is_said_and_starts) {
    set_environment({{"OLLAMA_MAX_QUEUE", "many"}, {"OLLAMA_KEEP_ALIVE", "a while"}, {"OLLAMA_DEBUG", "0"}});
    const auto read = load(model_text);
    ASSERT_TRUE(read.value);
    EXPECT_EQ(read.value->max_queue, 512U);
    EXPECT_EQ(read.value->log_level, telemetry::log_level::info);
    ASSERT_EQ(read.warnings.size(), 2U);
    EXPECT_EQ(read.warnings[0].file, "OLLAMA_MAX_QUEUE");
    EXPECT_EQ(read.warnings[1].file, "OLLAMA_KEEP_ALIVE");
    EXPECT_LT(read.value->keep_alive.count(), 0);
}

TEST_F(ollama_environment, keep_alive_is_read_as_ollama_reads_it_and_yields_to_the_file) {
    const std::vector<std::pair<std::string, core::nanoseconds>> table{
        {"5m", core::seconds{300}},     {"\"90\"", core::seconds{90}}, {"0", core::seconds{0}},
        {"1h30m", core::seconds{5400}}, {"-1", core::nanoseconds{-1}}, {"-5m", core::nanoseconds{-1}}};
    for (const auto& [text, span] : table) {
        set_environment({{"OLLAMA_KEEP_ALIVE", text}});
        const auto read = load(model_text);
        ASSERT_TRUE(read.value);
        EXPECT_EQ(read.value->keep_alive, span) << text;
        EXPECT_TRUE(read.warnings.empty());
        EXPECT_EQ(load("keep_alive = \"7s\"\n" + model_text).value->keep_alive, core::seconds{7});
    }
}

TEST_F(ollama_environment, tells_where_to_keep_things) {
    const std::vector<std::pair<std::map<std::string, std::string>, std::string>> table{
        {{}, "/home/ada/.local/state/corral"},
        {{{"HOME", ""}}, ""},
        {{{"HOME", "relative"}}, ""},
        {{{"XDG_STATE_HOME", "/x"}}, "/x/corral"},
        {{{"XDG_STATE_HOME", "x"}}, "/home/ada/.local/state/corral"},
        {{{"XDG_STATE_HOME", "/x"}, {"STATE_DIRECTORY", "/var/lib/corral:/var/lib/other"}},
         "/var/lib/corral"}};
    for (const auto& [variables, folder] : table) {
        set_environment(variables);
        const auto read = load(model_text);
        ASSERT_TRUE(read.value);
        EXPECT_EQ(read.value->state_directory, folder);
        EXPECT_EQ(read.warnings.size(), folder.empty() ? 1U : 0U);
        EXPECT_EQ(load("state_directory = \"kept\"\n" + model_text).value->state_directory,
                  folder_.path() / "kept");
    }
}

TEST_F(configured_black_box, keeps_twenty_bundles_unless_told_otherwise) {
    const auto usual = load(model_text).value;
    ASSERT_TRUE(usual);
    EXPECT_EQ(usual->black_box.keep, 20U);
    EXPECT_EQ(usual->black_box.size_mb, 16U);
    const auto other = load("[black_box]\nkeep = 0\nsize_mb = 3\n" + model_text).value;
    ASSERT_TRUE(other);
    EXPECT_EQ(other->black_box.keep, 0U);
    EXPECT_EQ(other->black_box.size_mb, 3U);
}

TEST_F(configured_black_box, mistakes_are_named) {
    EXPECT_EQ(complaints("[black_box]\nkep = 3\nsize_mb = 0\n" + model_text),
              "c.toml:2:1: unknown key 'kep' in [black_box]; did you mean 'keep'?\n"
              "c.toml:3:11: 'size_mb' must be between 1 and 4096, not 0\n");
}

TEST_F(configured_black_box, reports_go_nowhere_unless_the_file_says_so) {
    EXPECT_EQ(load(model_text).value->report.to, "");
    const auto said =
        load("[report]\nto = \"https://maker.example/boxes/\"\nkey_file = \"key\"\n" + model_text).value;
    ASSERT_TRUE(said);
    EXPECT_EQ(said->report.to, "https://maker.example/boxes");
    EXPECT_EQ(said->report.key_file, folder_.path() / "key");
    EXPECT_EQ(load("[report]\nto = \"http://127.0.0.1:8080\"\n" + model_text).value->report.to,
              "http://127.0.0.1:8080");
    for (const std::string bad :
         {"http://maker.example", "http://127.0.0.1.maker.example/x", "maker.example", "ftp://x"}) {
        EXPECT_EQ(complaints("[report]\nto = \"" + bad + "\"\n" + model_text),
                  "c.toml:2:6: '" + bad + "' is not an address for reports; write https://HOST/PATH\n");
    }
}

TEST_F(configured_black_box, the_state_directory_is_found_in_a_file_that_is_not_good_otherwise) {
    folder_.write("c.toml", "state_directory = \"state\"\nlisten = 3\n");
    EXPECT_EQ(configured_state_directory(source_.file), folder_.path() / "state");
    folder_.write("c.toml", "listen = 3\n");
    EXPECT_FALSE(configured_state_directory(source_.file));
    EXPECT_FALSE(configured_state_directory(folder_.path() / "none.toml"));
}

class configuration_package : public configuration_file {
protected:
    void SetUp() override {
        configuration_file::SetUp();
        folder_.write("vendor/small/profile.toml", R"(name = "small"
dialect = "d"
[variables.layers]
about = "how many"
[variables.layer_files]
about = "with %d"
kind = "numbered-files"
count = "layers"
on_device = true
[[services]]
name = "runtime"
command = ["./run", "{layer_files}", "{layers}"]
port = 8000
stop_loading = [{ signal = "SIGKILL", to = "group", grace = "1s" }]
stop_ready = [{ signal = "SIGKILL", to = "group", grace = "1s" }]
)");
    }
    std::uint64_t device_bytes_with(unsigned layers) {
        const auto read = load(model_of(layers));
        EXPECT_TRUE(read.value) << complaints(model_of(layers));
        return read.value ? read.value->models.at(0).device_bytes : 1;
    }
    static std::string model_of(unsigned layers) {
        return "[[models]]\nname = \"a\"\nprofile = \"small\"\npackage = \"package\"\nvariables = { layers "
               "= " +
               std::to_string(layers) + ", layer_files = \"l%d\" }\n";
    }
};

TEST_F(configuration_package, knows_what_the_accelerators_memory_takes) {
    folder_.write("package/l0", std::string(1000, 'x'));
    EXPECT_EQ(device_bytes_with(1), 1000U);
    EXPECT_EQ(device_bytes_with(2), 0U) << "not all of it is there";
    folder_.write("package/l1", std::string(500, 'x'));
    EXPECT_EQ(device_bytes_with(2), 1500U);
}

TEST_F(configuration_package, a_model_is_as_large_as_its_own_files) {
    folder_.write("package/another_model", std::string(5000, 'x'));
    const auto half = load(model_of(1));
    ASSERT_TRUE(half.value);
    EXPECT_GE(half.value->models.at(0).size_bytes, 5000U)
        << "not all of it is there, so the folder has to do";
    folder_.write("package/l0", std::string(1000, 'x'));
    const auto whole = load(model_of(1));
    ASSERT_TRUE(whole.value);
    EXPECT_EQ(whole.value->models.at(0).size_bytes, 1000U);
}

TEST_F(configuration_package, a_file_that_grew_is_no_other_model) {
    folder_.write("package/l0", std::string(1000, 'x'));
    const auto before = load(model_of(1));
    folder_.write("package/l0", std::string(2000, 'x'));
    const auto after = load(model_of(1));
    ASSERT_TRUE(before.value && after.value);
    EXPECT_NE(before.value->models[0].device_bytes, after.value->models[0].device_bytes);
    EXPECT_TRUE(fleet::same_setup(before.value->models[0], after.value->models[0]));
}

}  // namespace
}  // namespace corral::config
