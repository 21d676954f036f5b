#include "cli/base/log_text.hpp"

#include <gmock/gmock.h>

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

}  // namespace
}  // namespace corral::cli
