#include "corral/pull/pulled_marker.hpp"

#include <gmock/gmock.h>

namespace corral::pull {
namespace {

TEST(pulled_marker, comes_back_as_it_was_written) {
    const pulled_marker made{
        "qwen3:4b", source_kind::folder, "https://x/", "", {{"a/b", 3U, "ab"}, {"c", 0U, ""}}};
    EXPECT_EQ(parse_marker(marker_text(made)), made);
}

TEST(pulled_marker, of_another_kind_is_none) {
    EXPECT_TRUE(parse_marker(R"({"version":1,"source":"hub","files":[{"path":"a"}]})"));
    for (const char* bad : {"", "{}", R"({"version":2,"source":"hub","files":[{"path":"a"}]})",
                            R"({"version":1,"source":"disk","files":[{"path":"a"}]})",
                            R"({"version":1,"source":"hub","files":[]})",
                            R"({"version":1,"source":"hub","files":[{"path":"../a"}]})",
                            R"({"version":1,"source":"hub","files":[{"path":"/a"}]})",
                            R"({"version":1,"source":"hub","files":[{"path":"a\nb"}]})",
                            R"({"version":1,"source":"hub","files":[{"path":""}]})",
                            R"({"version":1,"source":"hub","files":[7]})"}) {
        EXPECT_FALSE(parse_marker(bad)) << bad;
    }
}

}  // namespace
}  // namespace corral::pull
