#include "engine/streaming/event_lines.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "corral/core/say.hpp"

namespace corral::engine::streaming {

core::result<void> event_lines::feed(std::string_view bytes, std::vector<std::string>& out) {
    while (!bytes.empty()) {
        if (std::exchange(after_cr_, false) && bytes.front() == '\n') {
            bytes.remove_prefix(1);
            continue;
        }
        const auto* const end = std::ranges::find_if(bytes, [](char c) { return c == '\n' || c == '\r'; });
        const std::string_view piece = bytes.substr(0, static_cast<std::size_t>(end - bytes.begin()));
        if (line_.size() + name_.size() + data_.size() + piece.size() > most_) {
            return core::make_failure(core::errc::limit_exceeded,
                                      core::say("runtime.protocol/event-kib", most_ >> 10U));
        }
        if (end == bytes.end()) {
            line_ += piece;
            break;
        }
        after_cr_ = *end == '\r';
        bytes.remove_prefix(piece.size() + 1);
        if (line_.empty()) {
            end_line(piece, out);
        } else {
            line_ += piece;
            end_line(line_, out);
            line_.clear();
        }
    }
    return {};
}

void event_lines::finish(std::vector<std::string>& out) {
    end_line(line_, out);
    line_.clear();
    end_line({}, out);
}

void event_lines::end_line(std::string_view line, std::vector<std::string>& out) {
    constexpr std::string_view mark = "\xef\xbb\xbf";
    if (std::exchange(first_line_, false) && line.starts_with(mark)) {
        line.remove_prefix(mark.size());
    }
    if (line.empty()) {
        const std::string name = std::exchange(name_, {});
        if (std::exchange(has_data_, false)) {
            out.push_back(named_ ? name + '\n' + data_ : data_);
            data_.clear();
        }
        return;
    }
    const std::size_t colon = line.find(':');
    const std::string_view field = line.substr(0, colon);
    // llama-server until late 2025: a failure, as a field of its own.
    const bool is_data = field == "data" || (field == "error" && !named_);
    if (!is_data && (field != "event" || !named_)) {
        return;
    }
    std::string_view value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
    if (value.starts_with(' ')) {
        value.remove_prefix(1);
    }
    if (field == "event") {
        name_ = value;
        return;
    }
    data_ += (has_data_ ? "\n" : "");
    data_ += value;
    has_data_ = true;
}

}  // namespace corral::engine::streaming
