#include "engine/dialects/rkllm_gradio/gradio_reader.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace corral::engine::rkllm_gradio {
namespace {

using streaming::answer_part;

struct heard {
    std::string text;
    std::optional<std::string> error;
    bool ended = false;
    bool failed = false;
    bool operator==(const heard&) const = default;
};

heard read(const std::string& bytes, std::size_t piece = 1000) {
    gradio_reader reader;
    std::vector<answer_part> parts;
    heard out;
    for (std::size_t at = 0; at < bytes.size() && !out.failed; at += piece) {
        out.failed = !reader.feed(std::string_view(bytes).substr(at, piece), parts);
    }
    out.failed = out.failed || !reader.finish(parts);
    for (const answer_part& part : parts) {
        if (const auto* text = std::get_if<streaming::text_part>(&part)) {
            out.text += text->text;
        } else if (const auto* error = std::get_if<streaming::error_part>(&part)) {
            out.error = error->message;
        } else if (std::holds_alternative<streaming::end_part>(part)) {
            out.ended = true;
        }
    }
    return out;
}

std::string event(const std::string& name, const std::string& data) {
    return "event: " + name + "\ndata: " + data + "\n\n";
}

std::string said(const std::string& name, const std::string& answer) {
    using nlohmann::json;
    const json pair = json::array({"a question", answer});
    return event(name, json::array({json::array({pair})}).dump());
}

TEST(gradio_reader, tells_what_each_history_adds_however_it_is_cut) {
    const std::string bytes = event("heartbeat", "null") + said("generating", "One ") +
                              said("generating", "One two \xc3\xa9") +
                              event("complete", R"([[["a question", "One two \u00e9\ud83d\ude00"]]])");
    for (std::size_t piece = 1; piece < 60; ++piece) {
        const heard out = read(bytes, piece);
        EXPECT_EQ(out.text, "One two \xc3\xa9\xf0\x9f\x98\x80");
        EXPECT_TRUE(out.ended && !out.error && !out.failed);
    }
}

TEST(gradio_reader, only_the_event_that_says_so_ends_an_answer) {
    EXPECT_FALSE(read(said("generating", "half")).ended);
    EXPECT_FALSE(read(said("generating", "half") + "event: complete\ndata: [[[\"a qu").ended);
    EXPECT_EQ(read(said("complete", "all") + said("generating", "all of another")).text, "all");
}

TEST(gradio_reader, lines_that_get_their_indentation_later_are_said_once) {
    // Of Gradio 4: what all lines behind the first share is taken away, until a line has less.
    const heard out = read(said("generating", "def f():") + said("generating", "def f():\nif x:\n    y") +
                           said("complete", "def f():\n    if x:\n        y\nf()"));
    EXPECT_EQ(out.text, "def f():\nif x:\n    y\nf()");
    EXPECT_TRUE(out.ended);
    const heard behind = read(said("generating", "a\n    ") + said("complete", "a\nx"));
    EXPECT_EQ(behind.text, "a\n    x");
}

TEST(gradio_reader, an_answer_that_takes_words_back_is_none) {
    EXPECT_TRUE(read(said("generating", "One two") + said("generating", "One three")).failed);
    EXPECT_TRUE(read(said("generating", "One two") + said("generating", "One")).failed);
}

TEST(gradio_reader, failures_are_told_as_far_as_it_tells_them) {
    EXPECT_EQ(read(event("error", "null")).error, "Gradio tells no reason, but its log may");
    EXPECT_EQ(read(event("error", R"({"error": null})")).error, "Gradio tells no reason, but its log may");
    EXPECT_EQ(read(event("error", R"({"error": "no device"})")).error, "no device");
    EXPECT_EQ(read(event("error", "\"404: Session not found.\"")).error, "404: Session not found.");
    EXPECT_EQ(read(event("complete", "[null]")).error, "its answer has no word");
    EXPECT_FALSE(read(event("error", "null") + said("complete", "late")).ended);
}

TEST(gradio_reader, what_is_no_history_is_no_answer_and_has_bounds) {
    EXPECT_TRUE(read(event("generating", "no json")).failed);
    for (const char* data : {"{}", "[]", "[[]]", "[[[]]]", "[[[\"a\", 5]]]", "[[\"ab\"]]", "7"}) {
        const heard out = read(event("generating", data));
        EXPECT_TRUE(out.text.empty() && !out.failed) << data;
        EXPECT_TRUE(read(event("complete", data)).error) << data;
    }
    EXPECT_TRUE(read(event("generating", "[" + std::string(200, '[') + "]")).failed);
    EXPECT_TRUE(read("event: generating\ndata: " + std::string(300'000, 'x')).failed);
    EXPECT_TRUE(read("event: " + std::string(300'000, 'x')).failed);
}

}  // namespace
}  // namespace corral::engine::rkllm_gradio
