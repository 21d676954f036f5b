#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/configuration_fixture.hpp"

namespace corral::app {
namespace {

using testing::HasSubstr;

class ollama_environment : public configuration_file {
protected:
    std::string listen_with(const std::string& host) {
        source_.environment = {{"OLLAMA_HOST", host}};
        const auto read = load("allow_unauthenticated = true\n" + model_text);
        if (!read.value) {
            return catalog::to_text(read.errors.at(0));
        }
        return read.value->listen.address().to_string() + " " + std::to_string(read.value->listen.port());
    }
};

// ollama_wire.md §1.6.
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
    source_.environment = {{"OLLAMA_HOST", "0.0.0.0"}, {"OLLAMA_MAX_QUEUE", "7"}, {"OLLAMA_DEBUG", "1"}};
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

TEST_F(ollama_environment, that_is_wrong_or_without_effect_is_said_and_starts) {
    source_.environment = {{"OLLAMA_MAX_QUEUE", "many"}, {"OLLAMA_KEEP_ALIVE", "5m"}, {"OLLAMA_DEBUG", "0"}};
    const auto read = load(model_text);
    ASSERT_TRUE(read.value);
    EXPECT_EQ(read.value->max_queue, 512U);
    EXPECT_EQ(read.value->log_level, telemetry::log_level::info);
    ASSERT_EQ(read.warnings.size(), 2U);
    EXPECT_EQ(read.warnings[0].file, "OLLAMA_MAX_QUEUE");
    EXPECT_EQ(read.warnings[1].file, "OLLAMA_KEEP_ALIVE");
}

}  // namespace
}  // namespace corral::app
