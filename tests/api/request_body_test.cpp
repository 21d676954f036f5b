// Single fields of the Ollama format: keep_alive, think, options, names.

#include <gtest/gtest.h>

#include "api/models/model_parameters.hpp"
#include "api/ollama/request_body.hpp"

namespace corral::api::ollama {
namespace {

using core::nanoseconds;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr nanoseconds for_ever = nanoseconds::max();

TEST(keep_alive, reads_numbers_and_durations) {
    const std::vector<std::pair<std::string, std::optional<nanoseconds>>> rows{
        {"5", seconds{5}},
        {"0.5", std::chrono::milliseconds{500}},
        {"0", nanoseconds{0}},
        {"0.0", nanoseconds{0}},
        {"-1", for_ever},
        {"1e30", for_ever},
        {R"("5m")", minutes{5}},
        {R"("300ms")", std::chrono::milliseconds{300}},
        {R"("1.5h")", minutes{90}},
        {R"("2h45m")", hours{2} + minutes{45}},
        {R"("5m0s")", minutes{5}},
        {R"("0")", nanoseconds{0}},
        {R"("0s")", nanoseconds{0}},
        {R"("-1s")", for_ever},
        {R"("-5m")", for_ever},
        {R"("10us")", std::chrono::microseconds{10}},
        {"null", std::nullopt},
    };
    for (const auto& [text, wanted] : rows) {
        const auto tree = nlohmann::ordered_json::parse(R"({"keep_alive":)" + text + "}");
        decode_problem problem;
        EXPECT_EQ(read_keep_alive(json_fields(tree, "ChatRequest", problem)), wanted) << text;
        EXPECT_FALSE(problem.found()) << text << " " << problem.message;
    }
}

TEST(keep_alive, refuses_in_the_words_of_go) {
    const std::vector<std::pair<std::string, std::string>> rows{
        {R"("10")", R"(time: missing unit in duration "10")"},
        {R"("")", R"(time: invalid duration "")"},
        {R"("x")", R"(time: invalid duration "x")"},
        {R"("-")", R"(time: invalid duration "-")"},
        {R"("2562048h")", R"(time: invalid duration "2562048h")"},
        {R"("-9999999999h")", R"(time: invalid duration "-9999999999h")"},
        {R"(".s")", R"(time: invalid duration ".s")"},
        {R"("3d")", R"(time: unknown unit "d" in duration "3d")"},
        {"true", "Unsupported type: 'bool'"},
        {"{}", "Unsupported type: 'map[string]interface {}'"},
        {"[]", "Unsupported type: '[]interface {}'"},
    };
    for (const auto& [text, wanted] : rows) {
        const auto tree = nlohmann::ordered_json::parse(R"({"keep_alive":)" + text + "}");
        decode_problem problem;
        EXPECT_EQ(read_keep_alive(json_fields(tree, "ChatRequest", problem)), std::nullopt);
        EXPECT_EQ(problem.message, wanted);
    }
}

// Errors are made on the loop, and a value is as long as its request may be.
TEST(keep_alive, that_is_long_is_refused_with_its_beginning) {
    for (const std::string& unit : {std::string("1s"), std::string("x"), std::string("\u00b5")}) {
        std::string text;
        while (text.size() < 1'000'000) {
            text += unit;
        }
        decode_problem problem;
        EXPECT_EQ(parse_go_duration(text, problem), std::nullopt);
        EXPECT_EQ(problem.message, "time: invalid duration \"" + text.substr(0, 80) + "\"");
    }
    const std::string unit(500, 'x');
    decode_problem problem;
    EXPECT_EQ(parse_go_duration("1" + unit, problem), std::nullopt);
    EXPECT_EQ(problem.message, "time: unknown unit \"" + unit.substr(0, 80) + "\" in duration \"1" +
                                   unit.substr(0, 79) + "\"");
}

TEST(think_value, reads_booleans_and_levels) {
    struct row {
        const char* text;
        think_value value;
        const char* level;
    };
    const std::vector<row> rows{
        {"null", think_value::absent, ""},
        {"true", think_value::on, ""},
        {"false", think_value::off, ""},
        {R"("high")", think_value::on, "high"},
        {R"("low")", think_value::on, "low"},
        {R"("max")", think_value::on, "max"},
        {R"("medium")", think_value::on, "medium"},
    };
    for (const row& each : rows) {
        const auto tree = nlohmann::ordered_json::parse(R"({"think":)" + std::string(each.text) + "}");
        decode_problem problem;
        const think_wish read = read_think(json_fields(tree, "ChatRequest", problem));
        EXPECT_EQ(read.value, each.value) << each.text;
        EXPECT_EQ(read.level, each.level) << each.text;
        EXPECT_FALSE(problem.found());
    }
}

TEST(parameters, fill_sampling_and_limits) {
    const auto tree = nlohmann::ordered_json::parse(
        R"({"temperature":0,"top_k":20.9,"top_p":0.5,"min_p":0.05,"repeat_penalty":1.5,"repeat_last_n":-1,
            "presence_penalty":0.1,"frequency_penalty":-0.2,"seed":42,"num_predict":-1,"num_ctx":2048,
            "stop":["END","",">"],"use_mmap":null})");
    chat::sampling sampling;
    chat::limits limits;
    decode_problem problem;
    read_parameters(tree, sampling, limits, problem);
    EXPECT_FALSE(problem.found()) << problem.message;
    EXPECT_EQ(sampling.temperature, 0.0);
    EXPECT_EQ(sampling.top_k, 20);
    EXPECT_EQ(sampling.top_p, 0.5);
    EXPECT_EQ(sampling.min_p, 0.05);
    EXPECT_EQ(sampling.repeat_penalty, 1.5);
    EXPECT_EQ(sampling.repeat_last_n, -1);
    EXPECT_EQ(sampling.presence_penalty, 0.1);
    EXPECT_EQ(sampling.frequency_penalty, -0.2);
    EXPECT_EQ(sampling.seed, 42);
    EXPECT_EQ(limits.num_predict, -1);
    EXPECT_EQ(limits.num_ctx, 2048);
    EXPECT_EQ(limits.stops, (std::vector<std::string>{"END", ">"}));
}

TEST(parameters, what_is_not_said_stays) {
    chat::sampling sampling;
    sampling.temperature = 0.3;
    chat::limits limits;
    limits.stops = {"X"};
    decode_problem problem;
    read_parameters(nlohmann::ordered_json::parse(R"({"temperature":null,"stop":null})"), sampling, limits,
                    problem);
    EXPECT_EQ(sampling.temperature, 0.3);
    EXPECT_EQ(limits.stops, (std::vector<std::string>{"X"}));
    EXPECT_FALSE(limits.stops_given);
}

// docs/facts/ollama_wire.md#options: a list of a request replaces the model's.
TEST(parameters, an_empty_list_of_stops_is_said) {
    chat::sampling sampling;
    chat::limits limits;
    limits.stops = {"X"};
    decode_problem problem;
    read_parameters(nlohmann::ordered_json::parse(R"({"stop":[]})"), sampling, limits, problem);
    EXPECT_TRUE(limits.stops.empty());
    EXPECT_TRUE(limits.stops_given);
}

TEST(parameters, names_what_has_no_use) {
    const auto named = [](const char* text) {
        return unused_parameters(nlohmann::ordered_json::parse(text));
    };
    EXPECT_EQ(
        named(R"({"num_gpu":1,"use_mmap":true,"odd":{},"temperature":1,"stop":["x"],"num_ctx":1,"min_p":0})"),
        (std::vector<std::string>{"num_gpu", "use_mmap", "odd"}));
    EXPECT_TRUE(named(R"({"mirostat":1,"numa":false,"tfs_z":1,"num_gpu":null})").empty());
    nlohmann::ordered_json many;
    for (int i = 0; i < 100; ++i) {
        many["x" + std::to_string(i)] = 1;
    }
    EXPECT_EQ(unused_parameters(many).size(), 32U);
    EXPECT_LT(unused_parameters({{std::string(5000, 'y'), 1}}).front().size(), 100U);
}

TEST(parameters, refuse_wrong_types_with_500) {
    const std::vector<std::pair<std::string, std::string>> rows{
        {R"({"temperature":"hot"})", R"(option "temperature" must be of type float32)"},
        {R"({"top_p":true})", R"(option "top_p" must be of type float32)"},
        {R"({"min_p":"x"})", R"(option "min_p" must be of type float32)"},
        {R"({"num_ctx":"4k"})", R"(option "num_ctx" must be of type integer)"},
        {R"({"num_predict":[]})", R"(option "num_predict" must be of type integer)"},
        {R"({"repeat_last_n":"x"})", R"(option "repeat_last_n" must be of type integer)"},
        {R"({"num_gpu":"all"})", R"(option "num_gpu" must be of type integer)"},
        {R"({"use_mmap":1})", R"(option "use_mmap" must be of type boolean)"},
        {R"({"stop":"END"})", R"(option "stop" must be of type array)"},
        {R"({"stop":[1]})", R"(option "stop" must be of an array of strings)"},
    };
    for (const auto& [text, wanted] : rows) {
        chat::sampling sampling;
        chat::limits limits;
        decode_problem problem;
        read_parameters(nlohmann::ordered_json::parse(text), sampling, limits, problem);
        EXPECT_EQ(problem.message, wanted);
        EXPECT_EQ(problem.status, 500U);
    }
}

}  // namespace
}  // namespace corral::api::ollama
