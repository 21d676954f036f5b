#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/configuration_fixture.hpp"

namespace corral::config {
namespace {

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

}  // namespace
}  // namespace corral::config
