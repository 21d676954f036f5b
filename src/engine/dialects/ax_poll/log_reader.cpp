#include "engine/dialects/ax_poll/log_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace corral::engine::ax_poll {

namespace {

constexpr std::uint32_t sane_limit = 10'000'000;
constexpr std::size_t longest_line = 512;  // of those that a run reports
constexpr char colour = '\x1b';
constexpr std::string_view chunk_line = "]: prefill_token_num : ";
constexpr std::string_view line_ends = "\n\x1b";

// The number after `key` at the end of a log line's text; 0 when there is none.
std::uint32_t number_after(std::string_view line, std::string_view key) {
    const std::size_t at = line.find(key);
    if (at == std::string_view::npos) {
        return 0;
    }
    const std::string_view rest = line.substr(at + key.size());
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    return error == std::errc{} && end != rest.data() && value <= sane_limit ? value : 0;
}

void learn(std::uint32_t stated, std::uint32_t& learned, std::uint32_t value) {
    if (stated == 0 && value > 0) {
        learned = value;
    }
}

}  // namespace

log_reader::log_reader(catalog::context_sizes known, bool one_chunk)
    : stated_(known),
      sizes_(known),
      limit_(one_chunk ? chunk_line : "]: prefill_max_token_num : "),
      lines_([this](std::string_view line) { on_line(line); }, [](std::string_view) {}) {}

void log_reader::on_process_started() {
    lines_.finish();
    believing_ = true;
}

void log_reader::resume(const catalog::context_sizes& learned) {
    believing_ = false;
    learn(stated_.positions, sizes_.positions, learned.positions);
    learn(stated_.chunk, sizes_.chunk, learned.chunk);
    learn(stated_.prompt_limit, sizes_.prompt_limit, learned.prompt_limit);
}

void log_reader::feed(std::string_view bytes) {
    if (believing_) {
        lines_.feed(bytes);
    }
}

void log_reader::on_line(std::string_view line) {
    if (!believing_ || line.find("Init][") == std::string_view::npos) {
        return;
    }
    learn(stated_.positions, sizes_.positions, number_after(line, "]: max_token_len : "));
    learn(stated_.chunk, sizes_.chunk, number_after(line, chunk_line));
    learn(stated_.prompt_limit, sizes_.prompt_limit, number_after(line, limit_));
    if (line.find("]: LLM init ok") != std::string_view::npos) {
        believing_ = false;
    }
}

void run_report::on_new_process() {
    begin();
    understood_ = false;
    prints_lengths_ = false;
    error_ = false;
}

void run_report::begin() {
    line_.clear();
    read_.reset();
    held_.reset();
    lengths_.reset();
}

void run_report::feed(std::string_view bytes) {
    while (!bytes.empty()) {
        const bool coloured = bytes.front() == colour;
        if (coloured) {  // an answer ends no line, so what is said in its midst begins with the colour alone
            on_line(line_);
            line_.clear();
        }
        const std::size_t end = std::min(bytes.find_first_of(line_ends, coloured ? 1 : 0), bytes.size());
        line_ += bytes.substr(0, std::min(end, longest_line - line_.size()));
        if (end == bytes.size()) {
            return;
        }
        if (bytes[end] != colour) {
            on_line(line_);
            line_.clear();
            bytes.remove_prefix(1);
        }
        bytes.remove_prefix(end);
    }
}

void run_report::on_line(std::string_view line) {
    while (line.starts_with("\x1b[")) {  // colours
        line.remove_prefix(std::min(line.find('m'), line.size() - 1) + 1);
    }
    error_ = error_ || line.starts_with("[E][");
    if (!line.starts_with("[I][")) {
        return;
    }
    const std::uint32_t cached = number_after(line, " precompute_len:");
    const std::uint32_t added = number_after(line, " input_num_token:");
    if (added > 0 && line.find(" SetKVCache][") != std::string_view::npos) {
        read_ = cached + added;
        lengths_ = {cached, added};
        held_.reset();
    } else if (read_ && line.find(" GetKVCache][") != std::string_view::npos) {
        const std::uint32_t held = number_after(line, "]: precompute_len:");
        held_ = held > 0 ? std::optional(held) : std::nullopt;
    }
}

run_report::ending run_report::judge(std::uint32_t made) const {
    if (!understood_ || !read_ || !held_ || made == 0) {
        return ending::unknown;
    }
    const std::uint64_t all = std::uint64_t{*read_} + made;
    if (*held_ == all) {
        return ending::whole;
    }
    // One less, or two where the stop came between two looks at it.
    return *held_ + std::uint64_t{2} == all || *held_ + std::uint64_t{1} == all ? ending::stopped
                                                                                : ending::unknown;
}

run_report::lengths run_report::compare(std::uint32_t held, std::uint32_t added) const noexcept {
    if (!lengths_) {
        return lengths::unknown;
    }
    return lengths_->held == held && lengths_->added == added ? lengths::right : lengths::wrong;
}

void run_report::learn_lengths(std::uint32_t held, std::uint32_t added) {
    prints_lengths_ = prints_lengths_ || compare(held, added) == lengths::right;
}

void run_report::learn(std::uint32_t made) {
    understood_ = understood_ || (made > 0 && read_ && held_ && *held_ == std::uint64_t{*read_} + made);
}

}  // namespace corral::engine::ax_poll
