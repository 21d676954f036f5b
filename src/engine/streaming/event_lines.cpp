#include "engine/streaming/event_lines.hpp"

#include <utility>

#include "corral/core/say.hpp"

namespace corral::engine::streaming {

core::result<void> event_lines::feed(std::string_view bytes, std::vector<std::string>& out) {
    for (const char c : bytes) {
        if (c == '\n' && std::exchange(after_cr_, false)) {
            continue;
        }
        after_cr_ = c == '\r';
        if (c == '\n' || c == '\r') {
            const bool says_nothing = line_.empty() && name_.empty() && !has_data_ && !first_line_;
            if (!says_nothing) {  // a server may send nothing else, as fast as it can
                end_line(out);
            }
            continue;
        }
        if (line_.size() + name_.size() + data_.size() >= most_) {
            return core::make_failure(core::errc::limit_exceeded,
                                      core::say("runtime.protocol/event-kib", most_ >> 10U));
        }
        line_ += c;
    }
    return {};
}

void event_lines::finish(std::vector<std::string>& out) {
    end_line(out);
    end_line(out);
}

void event_lines::end_line(std::vector<std::string>& out) {
    constexpr std::string_view mark = "\xef\xbb\xbf";
    std::string line = std::exchange(line_, {});
    if (std::exchange(first_line_, false) && line.starts_with(mark)) {
        line.erase(0, mark.size());
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
    const std::string_view field = std::string_view(line).substr(0, colon);
    // llama-server until late 2025: a failure, as a field of its own.
    const bool is_data = field == "data" || (field == "error" && !named_);
    if (!is_data && (field != "event" || !named_)) {
        return;
    }
    std::string_view value =
        colon == std::string::npos ? std::string_view{} : std::string_view(line).substr(colon + 1);
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
