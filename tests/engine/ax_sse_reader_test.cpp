#include "engine/dialects/ax_sse/ax_sse_reader.hpp"

#include <gtest/gtest.h>

namespace corral::engine::ax_sse {
namespace {

std::string read(std::string_view bytes, std::size_t piece) {
    ax_sse_reader reader;
    std::vector<streaming::answer_part> parts;
    std::string failed;
    for (std::size_t at = 0; at < bytes.size() && failed.empty(); at += piece) {
        const auto fed = reader.feed(bytes.substr(at, piece), parts);
        failed = fed ? "" : "failed: " + fed.error().message;
    }
    if (failed.empty()) {
        const auto ended = reader.finish(parts);
        failed = ended ? "" : "failed: " + ended.error().message;
    }
    std::string out;
    for (const auto& part : parts) {
        if (const auto* text = std::get_if<streaming::text_part>(&part)) {
            out += text->text;
        } else if (const auto* finish = std::get_if<streaming::finish_part>(&part)) {
            out += "[finish " + finish->word + "]";
        } else if (const auto* error = std::get_if<streaming::error_part>(&part)) {
            out += "[error " + error->message + "]";
        } else {
            out += std::holds_alternative<streaming::end_part>(part) ? "[end]" : "[?]";
        }
    }
    return out + failed;
}

// As main_api of 355e18a writes it.
const std::string recorded =
    R"(data: {"choices":[{"delta":{"role":"assistant"},"finish_reason":null,"index":0}],"id":"cmpl-1"})"
    "\n\n"
    R"(data: {"choices":[{"delta":{"content":"你 \n"},"finish_reason":null,"index":0}],"id":"cmpl-1"})"
    "\n\n"
    R"(data: {"choices":[{"delta":{"content":""},"finish_reason":null,"index":0}],"id":"cmpl-1"})"
    "\n\n"
    R"(data: {"choices":[{"delta":{"content":"data: \"x\""},"finish_reason":null,"index":0}],"id":"cmpl-1"})"
    "\n\n"
    R"(data: {"choices":[{"delta":{},"finish_reason":"stop","index":0}],"id":"cmpl-1"})"
    "\n\n"
    "data: [DONE]\n\n";

TEST(ax_sse_reader, reads_a_recorded_stream_at_every_cut) {
    for (std::size_t piece = 1; piece <= recorded.size(); ++piece) {
        EXPECT_EQ(read(recorded, piece), "你 \ndata: \"x\"[finish stop][end]") << piece;
    }
}

TEST(ax_sse_reader, reads_a_whole_answer_and_nothing_behind_the_end) {
    EXPECT_EQ(
        read(R"({"choices":[{"finish_reason":"stop","message":{"content":"hi","role":"assistant"}}]})", 7),
        "hi[finish stop][end]");
    EXPECT_EQ(read("data: [DONE]\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"late\"}}]}\n\n", 9),
              "[end]");
}

TEST(ax_sse_reader, without_its_last_event_there_is_no_end) {
    EXPECT_EQ(read(recorded.substr(0, recorded.find("data: [DONE]")), 11), "你 \ndata: \"x\"[finish stop]");
}

TEST(ax_sse_reader, errors_and_garbage_are_told_apart) {
    EXPECT_EQ(read("data: {\"error\":{\"message\":\"lost\"}}\n\n", 5), "[error lost]");
    for (const char* bytes :
         {"data: x\n\n", "data: []\n\n", "data: {}\n\n", "data: {\"choices\":1}\n\n", "{\"choices\":["}) {
        EXPECT_EQ(read(bytes, 4).substr(0, 7), "failed:") << bytes;
    }
    EXPECT_EQ(read("data: " + std::string(5000, '[') + "\n\n", 64).substr(0, 7), "failed:");
}

TEST(ax_sse_reader, an_answer_that_is_code_is_no_depth) {
    const std::string code(100, '{');
    ax_sse_reader reader;
    std::vector<streaming::answer_part> parts;
    ASSERT_TRUE(reader.feed("data: {\"choices\":[{\"delta\":{\"content\":\"" + code + "\"}}]}\n\n", parts));
    ASSERT_EQ(parts.size(), 1U);
    EXPECT_EQ(std::get<streaming::text_part>(parts[0]).text, code);
}

}  // namespace
}  // namespace corral::engine::ax_sse
