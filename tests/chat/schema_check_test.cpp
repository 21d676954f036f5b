#include "chat/format/schema_plan.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace corral::chat {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

// "fits", the violation, or "refused: " and why.
std::string outcome(const ordered_json& schema, const json& value) {
    const auto made = plan_schema(schema);
    if (!made) {
        return "refused: " + made.error().message;
    }
    std::size_t budget = 400'000;
    return violation(*made, value, budget).value_or("fits");
}

std::string outcome(const std::string& schema, const std::string& value) {
    return outcome(ordered_json::parse(schema), json::parse(value));
}

TEST(schema_check, every_keyword_has_values_that_fit_and_values_that_do_not) {
    struct row {
        std::string schema, fits, fails, violation;
    };
    const std::vector<row> rows{
        {R"({"maximum":3})", "3", "3.5", "$: expected number less than or equal to 3.000000"},
        {R"({"exclusiveMaximum":3})", "2", "3", "$: expected number less than 3.000000"},
        {R"({"exclusiveMinimum":3})", "4", "3", "$: expected number greater than 3.000000"},
        {R"({"maxLength":2})", "\"äö\"", "\"äöü\"",
         "$: string should be no more than 2 characters in length"},
        {R"({"minLength":2})", "\"😀a\"", "\"😀\"", "$: string should be no fewer than 2 characters in length"},
        {R"({"maxItems":1})", "[1]", "[1,2]", "$: array should contain no more than 1 elements"},
        {R"({"minItems":1.0})", "[1]", "[]", "$: array should contain no fewer than 1 elements"},
        {R"({"maxProperties":1})", R"({"a":1})", R"({"a":1,"b":2})",
         "$: object should have no more than 1 properties"},
        {R"({"minProperties":1})", R"({"a":1})", "{}", "$: object should have no fewer than 1 properties"},
        {R"({"contains":{"type":"null"}})", "[1,null]", "[1]", "$: no element fits the schema of 'contains'"},
        {R"({"not":{"type":"null"}})", "1", "null",
         "$: target should not validate against schema specified in 'not' constraint"},
        {R"({"items":[{}],"additionalItems":false})", "[1]", "[1,2]",
         "$: array contains more items than allowed by items constraint"},
        {R"({"additionalProperties":{"type":"null"}})", R"({"a":null})", R"({"a":1})",
         "$.a: expected null, got integer"},
        {R"({"propertyNames":{"maxLength":1}})", R"({"a":1})", R"({"ab":1})",
         "$: the name of the property \"ab\" is not allowed"},
        {R"({"dependentSchemas":{"a":{"required":["b"]}},"dependencies":{"a":{"required":["c"]}}})",
         R"({"a":1,"b":1,"c":1})", R"({"a":1,"b":1})", "$: the property \"c\" is missing"},
        {R"({"if":{"type":"integer"},"then":{"minimum":0},"else":{"type":"null"}})", "0", "-1",
         "$: expected number greater than or equal to 0.000000"},
        // A number is an integer by its value.
        {R"({"type":"integer"})", "1e300", "0.5", "$: expected integer, got number"},
        {R"({"enum":[1,[{"a":2.0}]]})", R"([{"a":2}])", "[2]", "$: expected one of 1, [{\"a\":2.0}]"},
        // Names that are no words stand in brackets.
        {R"({"properties":{"1":{"items":false}}})", R"({"1":[]})", R"({"1":[0]})",
         "$[\"1\"][0]: nothing is allowed here"},
    };
    for (const row& each : rows) {
        EXPECT_EQ(outcome(each.schema, each.fits), "fits") << each.schema;
        EXPECT_EQ(outcome(each.schema, each.fails), each.violation) << each.schema;
    }
}

// The violation is that of the first alternative, unless another one fits.
TEST(schema_check, a_violation_in_an_alternative_counts_only_when_none_fits) {
    const std::string schema =
        R"({"oneOf":[{"type":"string"},{"anyOf":[{"type":"object"},{"type":"integer"}]}],"minimum":5})";
    EXPECT_EQ(outcome(schema, "7"), "fits");
    EXPECT_EQ(outcome(schema, "3"), "$: expected number greater than or equal to 5.000000");
    EXPECT_EQ(outcome(schema, "null"), "$: expected string, got null");
}

TEST(schema_check, a_check_ends_with_its_budget) {
    const auto made = plan_schema(ordered_json::parse(R"({"items":{"not":{"type":"string"}}})"));
    ASSERT_TRUE(made);
    const json value = json::array({1, 2, 3, 4, 5});
    std::size_t enough = 1'000;
    EXPECT_EQ(violation(*made, value, enough), std::nullopt);
    const std::size_t needed = 1'000 - enough;
    std::size_t exactly = needed;
    EXPECT_EQ(violation(*made, value, exactly), std::nullopt);
    for (std::size_t budget = 0; budget < needed; ++budget) {
        std::size_t left = budget;
        EXPECT_EQ(violation(*made, value, left),
                  "$: the value is too large to be checked against this schema");
        EXPECT_EQ(left, 0U);
    }
}

// Where an outcome differs from the suite's, and why. An empty text matches everything.
struct deviation {
    std::string_view file, test, outcome, reason;
};
constexpr deviation deviations[] = {
    {"optional/format", "", "fits", "formats are shown to the model and not checked"},
    {"optional/content.json", "", "fits", "so are media types and encodings"},
    {"", "", "'patternProperties' can't be checked here", "refused by name"},
    {"", "", "'$ref' must point to something in the same schema", "only local references are resolved"},
    {"ref.json", "ref valid, maxItems ignored", "no more than 2 elements",
     "keywords beside $ref count, as they do since draft 2019-09"},
    {"ecmascript-regex.json", "no support for \\Z anchor", "fits", "an escape that RE2 has beyond ECMA-262"},
    {"draft4/optional/zeroTerminatedFloats.json", "", "fits", "1.0 is an integer since draft 6"},
};

const deviation* find_deviation(const std::string& file, const std::string& test,
                                const std::string& outcome) {
    const auto* const found =
        std::find_if(std::begin(deviations), std::end(deviations), [&](const auto& each) {
            return file.find(each.file) != std::string::npos && test.find(each.test) != std::string::npos &&
                   outcome.find(each.outcome) != std::string::npos;
        });
    return found == std::end(deviations) ? nullptr : found;
}

// The cases of the Debian package json-schema-test-suite, of the drafts that clients write.
TEST(schema_check, agrees_with_the_public_suite) {
    const std::filesystem::path root = "/usr/share/json-schema-test-suite/tests";
    if (!std::filesystem::is_directory(root)) {
        GTEST_SKIP() << "the package json-schema-test-suite is not installed";
    }
    std::set<const deviation*> met;
    std::size_t agreed = 0;
    for (const char* draft : {"draft4", "draft6", "draft7"}) {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root / draft)) {
            if (entry.path().extension() != ".json") {
                continue;
            }
            const std::string file = entry.path().lexically_relative(root);
            std::ifstream in(entry.path());
            for (const ordered_json& group : ordered_json::parse(in)) {
                for (const ordered_json& test : group["tests"]) {
                    const std::string got = outcome(group["schema"], json(test["data"]));
                    const bool agrees =
                        (got == "fits") == test["valid"].get<bool>() && !got.starts_with("refused");
                    const auto* known = agrees ? nullptr : find_deviation(file, test["description"], got);
                    agreed += agrees ? 1 : 0;
                    met.insert(known);
                    EXPECT_TRUE(agrees || known != nullptr)
                        << file << ": " << group["description"] << ": " << test["description"] << ": " << got;
                }
            }
        }
    }
    for (const deviation& each : deviations) {
        EXPECT_TRUE(met.contains(&each)) << "no case deviates any more: " << each.reason;
    }
    EXPECT_GT(agreed, 1'100U);
}

// What is left out may let a wrong value pass, and never refuses a right one; so also of the drafts that are not
// known whole.
TEST(schema_check, a_schema_that_is_checked_in_part_refuses_no_value_that_fits) {
    const std::filesystem::path root = "/usr/share/json-schema-test-suite/tests";
    if (!std::filesystem::is_directory(root)) {
        GTEST_SKIP() << "the package json-schema-test-suite is not installed";
    }
    std::size_t fitting = 0;
    for (const char* draft : {"draft3", "draft4", "draft6", "draft7", "draft2019-09", "draft2020-12"}) {
        if (!std::filesystem::is_directory(root / draft)) {
            continue;  // of a newer suite
        }
        for (const auto& entry : std::filesystem::directory_iterator(root / draft)) {
            if (entry.path().extension() != ".json") {
                continue;
            }
            std::ifstream in(entry.path());
            for (const ordered_json& group : ordered_json::parse(in)) {
                std::set<std::string> unchecked;
                const auto made = plan_schema(group["schema"], &unchecked);
                ASSERT_TRUE(made) << entry.path() << ": " << group["description"] << ": "
                                  << made.error().message;
                for (const ordered_json& test : group["tests"]) {
                    std::size_t budget = 400'000;
                    const auto wrong = violation(*made, json(test["data"]), budget);
                    if (test["description"].get<std::string>().ends_with("maxItems ignored")) {
                        continue;  // keywords beside $ref count, as in the deviations above
                    }
                    fitting += test["valid"].get<bool>() ? 1 : 0;
                    EXPECT_FALSE(test["valid"].get<bool>() && wrong)
                        << entry.path() << ": " << group["description"] << ": " << test["description"] << ": "
                        << *wrong;
                }
            }
        }
    }
    EXPECT_GT(fitting, 700U);
}

}  // namespace
}  // namespace corral::chat
