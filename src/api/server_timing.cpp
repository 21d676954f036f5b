#include "api/server_timing.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "api/add_header.hpp"

namespace corral::api {

namespace {

void add_stage(std::string& to, std::string_view name, core::nanoseconds took,
               std::string_view part_of = {}) {
    const double milliseconds = std::chrono::duration<double, std::milli>(took).count();
    to += fmt::format("{}{};dur={:.3f}", to.empty() ? "" : ", ", name, milliseconds);
    if (!part_of.empty()) {
        to += fmt::format(";desc=\"part of {}\"", part_of);
    }
}

}  // namespace

bool wants_timing(const http::request& incoming) {
    return incoming.headers.find(timing_wish) == "1";
}

std::string server_timing(const chat::generation_timings& took) {
    std::string out;
    const bool over = took.total.count() > 0;
    if (over || took.queue.count() > 0) {
        add_stage(out, "queue", took.queue);
    }
    const std::pair<std::string_view, core::nanoseconds> stages[] = {
        {"reset", took.reset}, {"prefill", took.prefill}, {"decode", took.decode}};
    for (const auto& [name, span] : stages) {
        if (span.count() > 0) {
            add_stage(out, name, span);
        }
    }
    if (over) {
        const core::nanoseconds accounted = took.queue + took.reset + took.prefill + took.decode;
        add_stage(out, "other", std::max(took.total - accounted, core::nanoseconds{0}));
        add_stage(out, "total", took.total);
    }
    if (took.tokenise) {
        add_stage(out, "tokenise", *took.tokenise, "prefill");
    }
    if (took.detokenise) {
        add_stage(out, "detokenise", *took.detokenise, "decode");
    }
    if (took.delivery) {
        add_stage(out, "delivery", *took.delivery, "the answer");
    }
    if (took.prompt.cached_tokens > 0) {
        out += fmt::format("{}cached;desc=\"{} of {} prompt tokens\"", out.empty() ? "" : ", ",
                           took.prompt.cached_tokens, took.prompt.prompt_tokens);
    }
    return out;
}

void add_timing(http::header_fields& fields, const generation::answer_reader& answer) {
    if (!answer.tells_timings()) {
        return;
    }
    const std::string known = server_timing(answer.timings());
    if (!known.empty()) {
        add_header(fields, "Server-Timing", known);
    }
    add_header(fields, "Access-Control-Expose-Headers", "Server-Timing");
}

}  // namespace corral::api
