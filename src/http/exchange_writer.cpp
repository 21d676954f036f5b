#include "session.hpp"

#include <ctime>
#include <utility>

#include "corral/core/text.hpp"

namespace corral::http {

namespace {

// A call out of order is the caller's bug; the stream is left as it is.
core::error_code out_of_order() {
    return core::make_error_code(core::errc::invalid);
}

}  // namespace

std::string exchange_writer::open(const response_head& head, body_framing framing, std::size_t length) {
    framing_ = framing;
    if (close_after_ || asks_to_close(head.headers) || framing == body_framing::until_close) {
        facts_.keep_alive = false;
    }
    const head_facts facts{facts_.http10, facts_.keep_alive, framing, length, date_.at(std::time(nullptr))};
    return format_head(head, facts);
}

core::awaitable<core::error_code> exchange_writer::put(const gather& parts) {
    return corked_ || !held_.empty() ? put_behind_held(parts) : to_.write(parts);
}

core::awaitable<core::error_code> exchange_writer::put_behind_held(gather parts) {
    for (const std::string_view part : parts) {
        held_ += part;
    }
    if (corked_) {
        co_return core::error_code{};
    }
    const std::string all = std::exchange(held_, {});
    const gather whole{all, {}, {}};
    co_return co_await to_.write(whole);
}

core::awaitable<core::error_code> exchange_writer::send(response whole) {
    if (to_.error()) {
        co_return to_.error();
    }
    if (stage_ != stage::fresh) {
        co_return out_of_order();
    }
    stage_ = stage::streaming;
    const response_head fields{whole.status, std::move(whole.content_type), std::move(whole.headers)};
    const bool no_body = never_has_body(whole.status);
    const std::string head =
        open(fields, no_body ? body_framing::none : body_framing::length, whole.body.size());
    const gather parts{head, no_body || facts_.head_request ? std::string_view{} : whole.body, {}};
    const core::error_code error = co_await to_.write(parts);
    if (!error) {
        stage_ = stage::finished;
    }
    co_return error;
}

core::awaitable<core::error_code> exchange_writer::begin(response_head head) {
    if (to_.error()) {
        co_return to_.error();
    }
    if (stage_ != stage::fresh) {
        co_return out_of_order();
    }
    stage_ = stage::streaming;
    const auto length = core::whole_number<std::size_t>(head.headers.find("Content-Length"));
    const body_framing framing = never_has_body(head.status) ? body_framing::none
                                 : length                    ? body_framing::length
                                 : facts_.http10             ? body_framing::until_close
                                                             : body_framing::chunked;
    const std::string text = open(head, framing, length.value_or(0));
    const gather parts{text, {}, {}};
    co_return co_await put(parts);
}

core::awaitable<core::error_code> exchange_writer::write(std::string piece) {
    if (to_.error()) {
        co_return to_.error();
    }
    if (stage_ != stage::streaming) {
        co_return out_of_order();
    }
    // An empty chunk would end the stream.
    const bool nothing = piece.empty() || facts_.head_request || framing_ == body_framing::none;
    if (nothing && held_.empty()) {
        co_return core::error_code{};
    }
    if (nothing || framing_ != body_framing::chunked) {
        const gather parts{nothing ? std::string_view{} : piece, {}, {}};
        co_return co_await put(parts);
    }
    const std::string size = chunk_size_line(piece.size());
    const gather parts{size, piece, "\r\n"};
    co_return co_await put(parts);
}

core::awaitable<core::error_code> exchange_writer::finish() {
    header_fields none;
    return finish_with(std::move(none));
}

core::awaitable<core::error_code> exchange_writer::finish_with(header_fields trailers) {
    if (to_.error()) {
        co_return to_.error();
    }
    if (stage_ != stage::streaming) {
        co_return out_of_order();
    }
    corked_ = false;
    const bool in_chunks = framing_ == body_framing::chunked && !facts_.head_request;
    const std::string last = in_chunks ? last_chunk(trailers) : std::string();
    if (in_chunks || !held_.empty()) {
        const gather parts{last, {}, {}};
        const core::error_code error = co_await put(parts);
        if (error) {
            co_return error;
        }
    }
    stage_ = stage::finished;
    co_return core::error_code{};
}

}  // namespace corral::http
