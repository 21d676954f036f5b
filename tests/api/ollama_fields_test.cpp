// Single fields of the Ollama format: keep_alive, think, options, names.

#include <gtest/gtest.h>

#include "api/ollama/keep_alive.hpp"
#include "api/ollama/model_details.hpp"
#include "api/ollama/options.hpp"
#include "api/ollama/think_value.hpp"

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

TEST(think_value, reads_booleans_and_levels) {
    const std::vector<std::pair<std::string, think_value>> rows{
        {"null", think_value::absent},    {"true", think_value::on},     {"false", think_value::off},
        {R"("high")", think_value::on},   {R"("low")", think_value::on}, {R"("max")", think_value::on},
        {R"("medium")", think_value::on},
    };
    for (const auto& [text, wanted] : rows) {
        const auto tree = nlohmann::ordered_json::parse(R"({"think":)" + text + "}");
        decode_problem problem;
        EXPECT_EQ(read_think(json_fields(tree, "ChatRequest", problem)), wanted) << text;
        EXPECT_FALSE(problem.found());
    }
}

TEST(options, fills_sampling_and_limits) {
    const auto tree = nlohmann::ordered_json::parse(
        R"({"temperature":0,"top_k":20.9,"top_p":0.5,"repeat_penalty":1.5,"seed":42,"num_predict":-1,"num_ctx":2048,
            "stop":["END","",">"],"mirostat":"ignored","min_p":null,"use_mmap":true,"unknown":{}})");
    chat::generation_request into;
    decode_problem problem;
    read_options(tree, into, problem);
    EXPECT_FALSE(problem.found()) << problem.message;
    EXPECT_EQ(into.sampling.temperature, 0.0);
    EXPECT_EQ(into.sampling.top_k, 20);
    EXPECT_EQ(into.sampling.top_p, 0.5);
    EXPECT_EQ(into.sampling.repeat_penalty, 1.5);
    EXPECT_EQ(into.sampling.seed, 42);
    EXPECT_EQ(into.limits.num_predict, -1);
    EXPECT_EQ(into.limits.num_ctx, 2048);
    EXPECT_EQ(into.limits.stops, (std::vector<std::string>{"END", ">"}));
}

TEST(options, refuses_wrong_types_with_500) {
    const std::vector<std::pair<std::string, std::string>> rows{
        {R"({"temperature":"hot"})", R"(option "temperature" must be of type float32)"},
        {R"({"top_p":true})", R"(option "top_p" must be of type float32)"},
        {R"({"num_ctx":"4k"})", R"(option "num_ctx" must be of type integer)"},
        {R"({"num_predict":[]})", R"(option "num_predict" must be of type integer)"},
        {R"({"num_gpu":"all"})", R"(option "num_gpu" must be of type integer)"},
        {R"({"use_mmap":1})", R"(option "use_mmap" must be of type boolean)"},
        {R"({"stop":"END"})", R"(option "stop" must be of type array)"},
        {R"({"stop":[1]})", R"(option "stop" must be of an array of strings)"},
    };
    for (const auto& [text, wanted] : rows) {
        chat::generation_request into;
        decode_problem problem;
        read_options(nlohmann::ordered_json::parse(text), into, problem);
        EXPECT_EQ(problem.message, wanted);
        EXPECT_EQ(problem.status, 500U);
    }
}

TEST(model_details, reads_parameter_counts) {
    EXPECT_EQ(parameter_count("4.0B"), 4'000'000'000U);
    EXPECT_EQ(parameter_count("494.03M"), 494'030'000U);
    EXPECT_EQ(parameter_count(""), 0U);
    EXPECT_EQ(parameter_count("big"), 0U);
}

}  // namespace
}  // namespace corral::api::ollama
