#include "api/ollama/progress.hpp"

#include <utility>

#include "api/json/json_writer.hpp"
#include "api/ollama/error_reply.hpp"

namespace corral::api::ollama {

namespace {

constexpr const char* last_status = "success";

std::string status_object(std::string_view status) {
    json_writer json;
    json.begin_object().member("status", status).end_object();
    return json.take();
}

core::awaitable<void> send_lines(progress what, http::response_writer& out) {
    std::vector<std::string> lines;
    for (const std::string& status : what.statuses) {
        lines.push_back(status_object(status));
    }
    lines.push_back(what.error.empty() ? status_object(last_status) : error_body(what.error));
    http::response_head head;
    head.content_type = "application/x-ndjson";
    core::error_code gone = co_await out.begin(std::move(head));
    for (std::string& line : lines) {
        if (gone) {
            co_return;
        }
        line += '\n';
        gone = co_await out.write(std::move(line));
    }
    if (!gone) {
        co_await out.finish();
    }
}

}  // namespace

core::awaitable<void> send_progress(progress what, bool stream, http::response_writer& out) {
    if (stream) {
        co_await send_lines(std::move(what), out);
        co_return;
    }
    http::response whole;
    if (what.error.empty()) {
        whole.content_type = json_type;
        whole.body = status_object(last_status);
    } else {
        whole = error_response(500, what.error, stream_error_type);
    }
    co_await out.send(std::move(whole));
}

core::awaitable<void> send_progress_error(unsigned status, std::string text, http::response_writer& out) {
    http::response refused = error_response(status, text, stream_error_type);
    co_await out.send(std::move(refused));
}

}  // namespace corral::api::ollama
