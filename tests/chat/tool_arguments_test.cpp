// Arguments of calls as small models write them (data/tool_calls.json): what fits is never changed, what can be read in
// one way only is repaired, and the rest is told.

#include "corral/chat/tool_arguments.hpp"

#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace corral::chat {
namespace {

using nlohmann::ordered_json;

tool_call call_of(const std::string& name, const ordered_json& arguments) {
    return {"call_1", name, arguments};
}

ordered_json tools_with(const std::string& parameters) {
    return ordered_json::parse(R"([{"type":"function","function":{"name":"f","parameters":)" + parameters +
                               "}}]");
}

TEST(tool_arguments, three_hundred_calls_of_small_models) {
    std::ifstream in(CORRAL_TOOL_CALLS);
    const ordered_json data = ordered_json::parse(in);
    std::size_t before = 0;
    std::size_t after = 0;
    for (const ordered_json& each : data["calls"]) {
        tool_call call = call_of(each["tool"], each["said"]);
        const argument_verdict got = fit_arguments(data["tools"], call);
        const auto meant = each.find("meant");
        if (meant == each.end()) {
            ++before;
            EXPECT_EQ(got.how, argument_fit::fitting) << each << got.violation;
            EXPECT_EQ(call.arguments.dump(), each["said"].dump());
        } else if (meant->is_null()) {
            EXPECT_EQ(got.how, argument_fit::wrong) << each << call.arguments;
            EXPECT_EQ(call.arguments.dump(), each["said"].dump());
            EXPECT_NE(got.violation, "");
        } else {
            EXPECT_EQ(got.how, argument_fit::repaired) << each << got.violation;
            EXPECT_EQ(call.arguments, *meant) << each;
        }
        after += got.how == argument_fit::wrong ? 0 : 1;
    }
    EXPECT_EQ(data["calls"].size(), 300U);
    EXPECT_EQ(before, 94U);
    EXPECT_EQ(after, 225U);
}

TEST(tool_arguments, two_readings_are_none) {
    const ordered_json tools = tools_with(
        R"({"properties":{"a":{"anyOf":[{"type":"integer"},{"type":"array","items":{"type":"integer"}}]},)"
        R"("b":{"enum":["Yes","YES"]}}})");
    for (const char* said : {R"({"a":"5"})", R"({"b":"yes"})"}) {
        tool_call call = call_of("f", ordered_json::parse(said));
        EXPECT_EQ(fit_arguments(tools, call).how, argument_fit::wrong) << said << call.arguments;
        EXPECT_EQ(call.arguments.dump(), said);
    }
}

TEST(tool_arguments, what_can_not_be_judged_fits) {
    const ordered_json odd = ordered_json::parse(R"({"a":"1"})");
    const ordered_json none = nullptr;
    const ordered_json odd_tools =
        ordered_json::parse(R"([3,{"function":7},{"function":{"name":8}},{"function":{"name":"f"}}])");
    ordered_json wide = ordered_json::object();
    for (int i = 0; i < 3'000; ++i) {
        wide["properties"]["p" + std::to_string(i)] = {{"type", "integer"}};
    }
    wide["properties"]["a"] = {{"type", "integer"}};
    for (const ordered_json& tools :
         {none, odd_tools, tools_with("{}"), tools_with("null"), tools_with(R"({"$ref":"#"})"),
          tools_with(wide.dump()), tools_with(R"({"properties":{"a":{"$ref":"elsewhere.json"}}})")}) {
        tool_call call = call_of("f", odd);
        EXPECT_EQ(fit_arguments(tools, call).how, argument_fit::fitting) << tools.dump().substr(0, 100);
        EXPECT_EQ(call.arguments, odd);
    }
    tool_call call = call_of("f", ordered_json{{"a", std::string(1'000'000, 'x')}});
    EXPECT_EQ(fit_arguments(tools_with(R"({"properties":{"a":{"type":"integer"}}})"), call).how,
              argument_fit::fitting);
}

TEST(tool_arguments, a_pattern_that_takes_long_to_compile_is_not_looked_at) {
    std::string classes = "^";
    for (int i = 0; i < 20; ++i) {
        classes += "\\pL";
    }
    for (const auto& [pattern, how] : std::vector<std::pair<std::string, argument_fit>>{
             {"^[a-z]+$", argument_fit::wrong}, {classes, argument_fit::fitting}}) {
        const ordered_json schema = {{"properties", {{"a", {{"pattern", pattern}}}}}};
        tool_call call = call_of("f", ordered_json{{"a", "1"}});
        EXPECT_EQ(fit_arguments(tools_with(schema.dump()), call).how, how) << pattern;
    }
}

// Alternatives inside alternatives would be tried for ever.
TEST(tool_arguments, repairing_ends) {
    std::string schema = R"({"type":"integer"})";
    std::string value = R"("x")";
    for (int depth = 0; depth < 12; ++depth) {
        const std::string part = R"({"type":"object","properties":{"p":)" + schema + "}}";
        schema =
            R"({"anyOf":[)" + part + "," + R"({"type":"object","properties":{"p":{"type":"boolean"}}}]})";
        value = R"({"p":)" + value + "}";
    }
    tool_call call = call_of("f", ordered_json::parse(value));
    EXPECT_EQ(fit_arguments(tools_with(schema), call).how, argument_fit::wrong);
}

TEST(tool_arguments, the_order_of_the_model_stays) {
    tool_call call = call_of("f", ordered_json::parse(R"({"z":"1","b":2,"a":"3"})"));
    EXPECT_EQ(
        fit_arguments(tools_with(R"({"properties":{"z":{"type":"integer"},"a":{"type":"integer"}}})"), call)
            .how,
        argument_fit::repaired);
    EXPECT_EQ(call.arguments.dump(), R"({"z":1,"b":2,"a":3})");
}

}  // namespace
}  // namespace corral::chat
