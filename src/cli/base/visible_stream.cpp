#include "cli/base/visible_stream.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "corral/core/utf8.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

constexpr std::size_t most_held = 64 * 1024;

// Bytes at the end of `text` that may be the beginning of a character.
std::size_t unfinished(std::string_view text) {
    constexpr std::size_t longest = 3;
    for (std::size_t back = 1; back <= std::min(longest, text.size()); ++back) {
        if (core::next_utf8(text.substr(text.size() - back)).kind == core::utf8_kind::cut_short) {
            return back;
        }
    }
    return 0;
}

}  // namespace

visible_stream::visible_stream(std::ostream& stream) : stream_(stream), below_(stream.rdbuf(this)) {}

visible_stream::visible_stream(std::ostream& stream, const text_style& style) : visible_stream(stream) {
    style_ = style;
    if (style.live) {
        stream.unsetf(std::ios::unitbuf);  // or each part of a line would go by itself
    }
}

visible_stream::~visible_stream() {
    write_out(true);
    below_->pubsync();
    stream_.rdbuf(below_);
}

visible_stream::int_type visible_stream::overflow(int_type letter) {
    if (traits_type::eq_int_type(letter, traits_type::eof())) {
        return traits_type::not_eof(letter);
    }
    const char one = traits_type::to_char_type(letter);
    return xsputn(&one, 1) == 1 ? letter : traits_type::eof();
}

std::streamsize visible_stream::xsputn(const char* text, std::streamsize length) {
    held_.append(text, static_cast<std::size_t>(length));
    const bool goes =
        held_.size() >= most_held ||
        std::string_view(text, static_cast<std::size_t>(length)).find('\n') != std::string_view::npos;
    return !goes || write_out(false) ? length : 0;
}

int visible_stream::sync() {
    return write_out(false) && below_->pubsync() == 0 ? 0 : -1;
}

std::string visible_stream::dressed(std::string_view text) const {
    if (!style_.live) {
        return std::string(text);
    }
    static constexpr std::array<std::pair<std::string_view, colour>, 3> heads{
        {{"error:", colour::red}, {"left out:", colour::red}, {"warning:", colour::yellow}}};
    std::string out;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end);
        for (const auto& [head, paint] : heads) {
            if (line.starts_with(head)) {
                out += painted(head, paint, style_);
                line.remove_prefix(head.size());
            }
        }
        out += line;
    }
    return wrapped(out, style_);
}

bool visible_stream::write_out(bool all) {
    const std::size_t kept = all ? 0 : unfinished(held_);
    const std::string shown =
        dressed(telemetry::printable_page(std::string_view(held_).substr(0, held_.size() - kept)));
    held_.erase(0, held_.size() - kept);
    const auto length = static_cast<std::streamsize>(shown.size());
    return below_->sputn(shown.data(), length) == length;
}

}  // namespace corral::cli
