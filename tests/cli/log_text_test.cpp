#include "cli/base/log_text.hpp"

#include <gmock/gmock.h>

#include "incidents/crash_bundle.hpp"

namespace corral::cli {
namespace {

TEST(log_text, is_plain_where_it_must_be) {
    const auto line = nlohmann::ordered_json::parse(
        R"({"model":"m","service":"runtime","time":"2026-11-20T18:18:01.250Z","text":"a\u001b[31mb"})");
    const std::string plain = log_line_text(line, {});
    EXPECT_EQ(plain.find('\x1b'), std::string::npos);
    EXPECT_NE(plain.find("  m/runtime  a"), std::string::npos) << plain;
    EXPECT_NE(log_line_text(line, {true, true, 80}).find("\x1b["), std::string::npos);
    const auto lost = nlohmann::ordered_json::parse(R"({"model":null,"service":"corral","lost":7})");
    EXPECT_NE(log_line_text(lost, {}).find("7 lines were overwritten"), std::string::npos);
    for (const char* odd : {"{}", R"({"time":1,"text":[],"model":{}})"}) {
        EXPECT_TRUE(log_line_text(nlohmann::ordered_json::parse(odd), {}).ends_with("\n"));
    }
}

TEST(log_text, shows_the_time_of_this_place) {
    ::setenv("TZ", "XYZ-2", 1);
    ::tzset();
    EXPECT_EQ(local_time("2026-11-20T23:18:01.250Z"), "2026-11-21 01:18:01.250 +0200");
    EXPECT_EQ(local_time("soon"), "soon");
    ::unsetenv("TZ");
    ::tzset();
}

using json = nlohmann::ordered_json;
using testing::HasSubstr;
using testing::Not;

TEST(crash_text, a_list_has_a_line_for_each_with_its_number) {
    const json all{{{"name", "b.json"},
                    {"time", "2023-11-14T22:13:20.123Z"},
                    {"model", "m"},
                    {"kind", "hang"},
                    {"service", "runtime"},
                    {"sentence", "It hung."}},
                   {{"name", "a.json"}, {"sentence", "(damaged)"}}};
    ::setenv("TZ", "XYZ-2", 1);
    ::tzset();
    EXPECT_EQ(list_text(all),
              "  1  2023-11-15 00:13:20 +0200  m  hang  runtime: It hung.\n  2        : (damaged)\n");
    ::unsetenv("TZ");
    ::tzset();
}

// The step before has said what led to the next load.
TEST(crash_text, a_cause_is_said_once) {
    const char* const died = "ended by itself: killed by SIGKILL";
    const json bundle{{"history",
                       {{{"service", "runtime"}, {"from", "ready"}, {"to", "backing-off"}, {"reason", died}},
                        {{"service", "runtime"},
                         {"from", "backing-off"},
                         {"to", "starting"},
                         {"reason", "loading again, because it " + std::string(died)},
                         {"ids", {"service.loading-again", "service.ended"}}}}}};
    const std::string shown = bundle_text(bundle);
    const std::size_t once = shown.find("SIGKILL");
    ASSERT_NE(once, std::string::npos) << shown;
    EXPECT_EQ(shown.find("SIGKILL", once + 1), std::string::npos) << shown;
    EXPECT_THAT(shown, HasSubstr(": loading again\n"));
}

TEST(crash_text, damaged_and_foreign_bundles_are_shown_as_far_as_they_go) {
    for (
        const char* text :
        {"{}", "[]", "3", R"({"trigger":5,"history":"x","services":{"a":1},"requests":[],"system":7})",
         R"({"history":[1,"x",null,{"time":3}],"services":[null,{"lines":"x"},{"lines":[1,"\u001b[31mred"]}]})",
         R"({"time":"x","requests":{"inside":[{}],"finished":[[]]},"troubles":9,"incidents_not_kept_before":2})"}) {
        const std::string shown = bundle_text(json::parse(text));
        EXPECT_FALSE(shown.empty());
        EXPECT_THAT(shown, Not(HasSubstr("\x1b"))) << "the terminal is not theirs";
    }
}

TEST(crash_text, a_bundle_of_a_newer_version_says_so) {
    EXPECT_THAT(bundle_text(json::parse(R"({"schema":2,"model":"m"})")),
                testing::StartsWith("a newer version of Corral wrote this"));
    EXPECT_THAT(bundle_text(json::parse(R"({"schema":1,"model":"m"})")), Not(HasSubstr("newer")));
}

}  // namespace
}  // namespace corral::cli
