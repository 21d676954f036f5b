#include "engine/streaming/event_lines.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace corral::engine::streaming {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> read_events(std::string_view bytes, std::size_t piece) {
    event_lines lines;
    std::vector<std::string> out;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        EXPECT_TRUE(lines.feed(bytes.substr(at, piece), out));
    }
    lines.finish(out);
    return out;
}

TEST(event_lines, reads_events_however_they_are_cut_and_whatever_ends_a_line) {
    for (const char* bytes :
         {"data: one\n\n: ping\n\ndata:two\ndata:  three\n\nevent: x\nid: 4\n\ndata\n\ndata: [DONE]\n\n",
          "\xef\xbb\xbf"
          "data: one\r\n\r\n: ping\r\n\r\ndata:two\r\ndata:  three\r\n\r\nevent: x\r\n\r\ndata\r\n\r\ndata: "
          "[DONE]",
          "data: one\r\r:\r\rdata:two\rdata:  three\r\rdata\r\rdata: [DONE]\r"}) {
        for (std::size_t piece = 1; piece < 40; ++piece) {
            EXPECT_THAT(read_events(bytes, piece), ElementsAre("one", "two\n three", "", "[DONE]"))
                << bytes << piece;
        }
    }
}

TEST(event_lines, one_event_has_a_bound_and_comments_too) {
    event_lines lines(100);
    std::vector<std::string> out;
    EXPECT_TRUE(lines.feed("data: " + std::string(80, 'x') + "\n\n", out));
    EXPECT_FALSE(lines.feed(":" + std::string(200, 'x'), out));
    event_lines many(100);
    EXPECT_FALSE(many.feed("data: " + std::string(60, 'x') + "\ndata: " + std::string(60, 'x') + "\n", out));
}

}  // namespace
}  // namespace corral::engine::streaming
