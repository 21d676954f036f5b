#include "api/answer_stream.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <optional>
#include <utility>

#include "api/add_header.hpp"
#include "api/failure_status.hpp"
#include "api/server_timing.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::api {

namespace {

// The next event, with a sign of life for each stretch of silence once the stream is open, which it is before the
// client or a proxy loses its patience. Nothing when the client has gone.
class patient_reader {
public:
    // `id`: as the queue knows the request.
    patient_reader(const api_context& context, generation::answer_reader& answer, answer_format& format,
                   std::string id, http::response_writer& out)
        : context_(context), answer_(answer), format_(format), id_(std::move(id)), out_(out) {}

    [[nodiscard]] core::awaitable<std::optional<chat::generation_event>> next() {
        while (true) {
            const core::milliseconds patience = open_ ? context_.silence : context_.first_byte;
            core::deadline until;
            if (patience.count() > 0) {
                until = core::deadline::after(patience, context_.clock->now());
            }
            std::optional<chat::generation_event> event = co_await answer_.next_before(until);
            if (event) {
                co_return event;
            }
            const core::error_code opened = co_await open();
            if (opened) {
                co_return std::nullopt;
            }
            std::string sign = place_of_now() + format_.keep_alive();
            const core::error_code gone = co_await out_.write(std::move(sign));
            if (gone) {
                co_return std::nullopt;
            }
        }
    }

    // The head and what comes before any event, once; they go out with what is written next.
    [[nodiscard]] core::awaitable<core::error_code> open() {
        if (open_) {
            co_return core::error_code{};
        }
        open_ = true;
        http::response_head head = format_.head();
        add_notes(head.headers, answer_);
        if (answer_.tells_timings()) {
            add_header(head.headers, "Trailer", "Server-Timing");
        }
        out_.cork(true);
        core::error_code gone = co_await out_.begin(std::move(head));
        const std::uint32_t tokens = answer_.timings().prompt.prompt_tokens;
        if (answer_.notes().cuts.any() && tokens > 0) {
            format_.shortened_to(tokens);
        }
        std::string opening = format_.opening();
        if (!gone && !opening.empty()) {
            gone = co_await out_.write(std::move(opening));
        }
        out_.cork(false);
        co_return gone;
    }

    [[nodiscard]] bool is_open() const noexcept { return open_; }

    // As out.write(), and the time that took counts as the client's. The last goes out with finish().
    [[nodiscard]] core::awaitable<core::error_code> deliver(std::string bytes, bool last) {
        out_.cork(last);
        const core::steady_time begun = context_.clock->now();
        const core::error_code gone = co_await out_.write(std::move(bytes));
        answer_.note_delivery(context_.clock->now() - begun);
        co_return gone;
    }

    // What is known only now goes behind the body, for those who asked.
    [[nodiscard]] core::awaitable<core::error_code> finish() {
        if (!answer_.tells_timings()) {
            co_return co_await out_.finish();
        }
        http::header_fields trailers;
        add_header(trailers, "Server-Timing", server_timing(answer_.timings()));
        co_return co_await out_.finish_with(std::move(trailers));
    }

private:
    // For who reads a stream that waits: ": queue position=3 estimate=12".
    [[nodiscard]] std::string place_of_now() const {
        const auto place = format_.takes_comments() ? context_.admission->place_of(id_) : std::nullopt;
        if (!place) {
            return {};
        }
        return ": queue position=" + std::to_string(place->ahead) +
               (place->estimate ? " estimate=" + std::to_string(place->estimate->count()) : "") + "\n";
    }

    const api_context& context_;
    generation::answer_reader& answer_;
    answer_format& format_;
    std::string id_;
    http::response_writer& out_;
    bool open_ = false;
};

bool is_end(const chat::generation_event& event) {
    return std::holds_alternative<chat::finished_event>(event) ||
           std::holds_alternative<chat::failed_event>(event);
}

// How a note begins, whatever it says then.
constexpr std::string_view opening_of(std::string_view name) {
    const std::string_view text = core::find_wording(name).text;
    return text.substr(0, text.find_first_of(",:"));
}

constexpr std::string_view half_answer = opening_of("request.half-answer");
constexpr std::string_view half_read = opening_of("request.not-all-read/cut");

// A failure for the reader of a chat, in the answer's own text.
std::string as_text(const chat::failed_event& why, bool behind_text) {
    return (behind_text ? "\n\n" : "") + core::say("request.half-answer", failure_text(why, {}));
}

// A long list of logprobs would hold the loop for milliseconds.
core::awaitable<std::string> written(core::worker* elsewhere, const chat::token_logprobs& tokens,
                                     std::function<std::string()> write) {
    constexpr std::size_t small = 64UL * 1024;
    std::string out;
    std::function<void()> work = [&out, &write] { out = write(); };
    auto writing = core::run_on(chat::size_of(tokens) > small ? elsewhere : nullptr, std::move(work));
    co_await std::move(writing);
    co_return out;
}

// Where a note of ours at the end of an answer begins; npos: there is none. A note is a paragraph of one line, so that a
// client's history of many notes is read once and not once a note.
std::size_t last_note(std::string_view answer) {
    const std::size_t end = answer.rfind('\n');
    const std::size_t line = end == std::string_view::npos ? 0 : end + 1;
    const std::string_view last = answer.substr(line);
    const bool note = last.ends_with(']') && (last.starts_with(half_answer) || last.starts_with(half_read));
    if (!note || (line != 0 && !answer.substr(0, line).ends_with("\n\n"))) {
        return std::string_view::npos;
    }
    return line == 0 ? 0 : line - 2;
}

// There are several where one server of ours stands behind another, and clients may end a text with a line's end.
void cut_notes(std::string& answer) {
    std::string_view left = core::trimmed(answer);
    left = std::string_view(answer).substr(0, static_cast<std::size_t>(left.end() - answer.data()));
    for (std::size_t at = last_note(left); at != std::string_view::npos; at = last_note(left)) {
        left = left.substr(0, at);
        answer.resize(at);
    }
}

// What people read as text of the answer.
struct shown_notes {
    bool failure = false;
    bool cuts = false;
};

// Its connection for OpenAI's format bears the name of its HTTP library alone.
bool is_open_webui(const http::request& incoming) {
    return incoming.headers.find("User-Agent").find("aiohttp/") != std::string_view::npos;
}

core::awaitable<void> stream_answer(const api_context& context, generation::answer_reader& answer,
                                    answer_format& format, std::string id, shown_notes shown,
                                    http::response_writer& out) {
    patient_reader reader(context, answer, format, std::move(id), out);
    bool has_text = false;
    bool has_calls = false;
    bool over = false;
    while (!over) {
        std::optional<chat::generation_event> event = co_await reader.next();
        if (!event) {
            co_return;
        }
        const auto* why = std::get_if<chat::failed_event>(&*event);
        if (why != nullptr && why->kind == chat::failure_kind::cancelled) {
            co_return;
        }
        if (why != nullptr && !reader.is_open()) {
            http::response refused = format.refusal(*why, true);
            add_notes(refused.headers, answer);
            co_await out.send(std::move(refused));
            co_return;
        }
        const bool opens = !reader.is_open();
        core::error_code gone = co_await reader.open();
        over = is_end(*event);
        if (over) {
            format.stopped_by(answer.notes().stopped_by);
        }
        std::string bytes;
        if (why != nullptr && shown.failure) {
            chat::generation_event note = chat::text_event{as_text(*why, has_text)};
            bytes = format.encode(note);
        }
        has_text = has_text || std::holds_alternative<chat::text_event>(*event);
        has_calls = has_calls || std::holds_alternative<chat::tool_call_event>(*event);
        if (const auto* end = std::get_if<chat::finished_event>(&*event)) {
            const std::string& cuts = answer.notes().cuts_note;
            if (shown.cuts && has_text && !has_calls && !cuts.empty()) {
                chat::generation_event note = chat::text_event{"\n\n" + cuts};
                bytes = format.encode(note);
            }
            auto writing = written(context.decoding, end->logprobs, [&] { return format.encode(*event); });
            const std::string end_of_answer = co_await std::move(writing);
            bytes += end_of_answer;
        } else {
            bytes += format.encode(*event);
        }
        if (!gone && (opens || !bytes.empty())) {
            gone = co_await reader.deliver(std::move(bytes), over);
        }
        if (gone) {
            co_return;
        }
    }
    co_await reader.finish();
}

void add_logprobs(whole_answer& to, chat::token_logprobs& more) {
    std::ranges::move(more, std::back_inserter(to.logprobs));
    more.clear();
}

core::awaitable<whole_answer> collect_answer(generation::answer_reader& answer) {
    whole_answer out;
    answer.hold_until_end();
    while (true) {
        chat::generation_event event = co_await answer.next();
        if (auto* text = std::get_if<chat::text_event>(&event)) {
            out.text += text->text;
            add_logprobs(out, text->logprobs);
        } else if (auto* thinking = std::get_if<chat::thinking_event>(&event)) {
            out.thinking += thinking->text;
            add_logprobs(out, thinking->logprobs);
        } else if (auto* call = std::get_if<chat::tool_call_event>(&event)) {
            out.calls.push_back(std::move(call->call));
        } else if (auto* why = std::get_if<chat::failed_event>(&event)) {
            out.end = std::move(*why);
            co_return out;
        } else {
            auto& end = std::get<chat::finished_event>(event);
            add_logprobs(out, end.logprobs);
            out.end = std::move(end);
            co_return out;
        }
    }
}

}  // namespace

void remove_notes(std::vector<chat::message>& history) {
    for (chat::message& each : history) {
        if (each.from == chat::role::assistant) {
            cut_notes(each.content);
        }
    }
}

core::awaitable<void> run_and_answer(const api_context& context, const http::request& incoming,
                                     chat::generation_request request, generation::served model,
                                     std::unique_ptr<answer_format> format, bool stream,
                                     http::response_writer& out) {
    // A sentence in the midst of JSON, or of somebody's code, would do harm.
    const bool for_people =
        context.shows_stream_errors && request.format.is_null() && !request.raw_prompt && !request.hole;
    const shown_notes shown{for_people && format->hides_failures(),
                            for_people && (format->hides_failures() || is_open_webui(incoming))};
    remove_notes(request.messages);
    std::string id = request.id;
    const generation::generation_handle handle =
        context.generations->start(std::move(request), std::move(model));
    if (wants_timing(incoming)) {
        handle->tell_timings();
    }
    if (stream) {
        co_await stream_answer(context, *handle, *format, std::move(id), shown, out);
        co_return;
    }
    const whole_answer said = co_await collect_answer(*handle);
    http::response whole;
    if (const auto* why = std::get_if<chat::failed_event>(&said.end)) {
        if (why->kind == chat::failure_kind::cancelled) {
            co_return;
        }
        whole = format->refusal(*why, false);
    } else {
        format->stopped_by(handle->notes().stopped_by);
        whole.content_type = format->whole_type();
        auto writing = written(context.decoding, said.logprobs,
                               [&] { return format->whole(said, std::get<chat::finished_event>(said.end)); });
        whole.body = co_await std::move(writing);
    }
    add_notes(whole.headers, *handle);
    co_await out.send(std::move(whole));
}

namespace {

// A client's own word, as it may stand in a header.
std::string as_token(std::string name) {
    constexpr std::string_view others = "_.-:";
    for (char& each : name) {
        const bool plain = (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') ||
                           (each >= '0' && each <= '9') || others.find(each) != std::string_view::npos;
        each = plain ? each : '?';
    }
    return name;
}

// Only what an agent goes by; sampling that a runtime does not honour is in the log.
void add_ignored(http::header_fields& fields, const std::vector<std::string>& names) {
    constexpr std::array<std::string_view, 5> told{"tool_choice", "truncation", "previous_response_id",
                                                   "conversation", "mcp_servers"};
    constexpr std::size_t most = 8;
    std::string out;
    std::size_t count = 0;
    for (const std::string& name : names) {
        const bool counts = name.starts_with("tools.") || name.starts_with("content.") ||
                            std::ranges::find(told, name) != told.end();
        if (counts && count++ < most) {
            out += (out.empty() ? "" : ", ") + as_token(name);
        }
    }
    if (!out.empty()) {
        add_header(fields, "Corral-Ignored", out);
    }
}

}  // namespace

void add_notes(http::header_fields& fields, const generation::answer_reader& answer) {
    const generation::answer_notes& notes = answer.notes();
    if (notes.cuts.messages > 0) {
        add_header(fields, "Corral-Dropped-Messages", std::to_string(notes.cuts.messages));
    }
    if (notes.cuts.any()) {
        add_header(fields, "Corral-Shortened", generation::to_text(notes.cuts));
    }
    if (notes.moved_lines > 0) {
        add_header(fields, "Corral-Moved-Lines", std::to_string(notes.moved_lines));
    }
    add_ignored(fields, notes.ignored);
    if (!notes.served_by.empty()) {
        add_header(fields, "Corral-Served-By", notes.served_by);
        add_header(fields, "Corral-Tier", std::to_string(notes.tier));
    }
    add_place(fields, notes.place);
    add_timing(fields, answer);
}

void add_place(http::header_fields& fields, const std::optional<scheduler::queue_place>& place) {
    if (!place) {
        return;
    }
    add_header(fields, "Corral-Queue-Position", std::to_string(place->ahead));
    if (place->loads) {
        add_header(fields, "Corral-Model-State", "loading");
    }
    if (place->estimate) {
        add_header(fields, "Corral-Queue-Estimate", std::to_string(place->estimate->count()));
    }
}

}  // namespace corral::api
