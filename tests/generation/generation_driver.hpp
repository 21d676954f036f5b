#pragma once
// Reads one request's events to the end.

#include <algorithm>

#include "corral/core/say.hpp"
#include "generation_fixture.hpp"

namespace corral::test {

struct reading {
    std::string text;
    std::string thinking;
    std::vector<chat::tool_call> calls;
    std::string order;  // a letter for each event: text, thinking (h), call, finished, failed (x)
    std::optional<chat::finished_event> finished;
    std::optional<chat::failed_event> failed;
    int ends = 0;
    generation::prompt_cuts cuts;
    std::size_t dropped = 0;
    bool ignores_tool_choice = false;
    [[nodiscard]] bool over() const { return ends > 0; }
};

inline void note(reading& into, const chat::generation_event& event) {
    if (const auto* text = std::get_if<chat::text_event>(&event)) {
        into.text += text->text;
        into.order += 't';
    } else if (const auto* thinking = std::get_if<chat::thinking_event>(&event)) {
        into.thinking += thinking->text;
        into.order += 'h';
    } else if (const auto* called = std::get_if<chat::tool_call_event>(&event)) {
        into.calls.push_back(called->call);
        into.order += 'c';
    } else if (const auto* finished = std::get_if<chat::finished_event>(&event)) {
        into.finished = *finished;
        into.order += 'f';
        ++into.ends;
    } else if (const auto* failed = std::get_if<chat::failed_event>(&event)) {
        into.failed = *failed;
        into.order += 'x';
        ++into.ends;
    }
}

class generation_test : public generation_fixture {
protected:
    static chat::generation_request request(std::string prompt = "Hi") {
        chat::generation_request out;
        out.id = "r1";
        out.client = "c1";
        out.model_typed = "tiny";
        out.model = "tiny:latest";
        chat::message user;
        user.content = std::move(prompt);
        out.messages.push_back(std::move(user));
        return out;
    }
    // Everything that is there now.
    static void drain(generation::generation_handle& handle, reading& into) {
        while (const auto event = handle->poll()) {
            note(into, *event);
        }
        into.cuts = handle->notes().cuts;
        into.dropped = into.cuts.messages;
        into.ignores_tool_choice =
            std::ranges::find(handle->notes().ignored, "tool_choice") != handle->notes().ignored.end();
    }
    reading read(chat::generation_request what) {
        generation::generation_handle handle = begin(std::move(what));
        reading out;
        EXPECT_TRUE(run_until(io, [&] {
            drain(handle, out);
            return out.over();
        }));
        // Nothing may come after the end.
        run_until(io, [&] { return tasks.empty(); });
        drain(handle, out);
        EXPECT_EQ(out.ends, 1);
        return out;
    }
    // As for a client that gets the answer in one piece.
    reading read_whole(chat::generation_request what) {
        generation::generation_handle handle = begin(std::move(what));
        handle->hold_until_end();
        reading out;
        EXPECT_TRUE(run_until(io, [&] {
            drain(handle, out);
            return out.over();
        }));
        EXPECT_EQ(out.ends, 1);
        return out;
    }
    static chat::failure failure(bool retryable) {
        chat::failure out;
        out.kind = chat::failure_kind::runtime_failed;
        out.message = core::say("request.runtime-died/found", "the runtime died");
        out.retryable = retryable;
        return out;
    }
    static scripted_run failing(bool retryable, bool dies = false) {
        scripted_run out;
        out.end = engine::run_end::failed;
        out.failure = failure(retryable);
        if (dies) {
            out.loss = {engine::run_loss::how::died, false, "the runtime died"};
        }
        return out;
    }
    static scripted_run hanging(bool shared = false) {
        scripted_run out = failing(true);
        out.loss = {engine::run_loss::how::hung, shared, "No text came for 5 s."};
        return out;
    }
    static scripted_run saying(std::vector<std::string> pieces, engine::run_end end = engine::run_end::stop) {
        scripted_run out;
        out.pieces = std::move(pieces);
        out.end = end;
        return out;
    }
};

}  // namespace corral::test
