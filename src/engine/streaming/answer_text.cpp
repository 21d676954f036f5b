#include "engine/streaming/answer_text.hpp"

#include <algorithm>
#include <utility>

namespace corral::engine::streaming {

namespace {

constexpr std::uint64_t narrow_in_token = 4;

struct widths {
    std::uint64_t narrow = 0;
    std::uint64_t wide = 0;
};

widths widths_of(std::string_view text) noexcept {
    widths out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        out.narrow += byte < 0x80 ? 1 : 0;
        out.wide += byte >= 0xC0 ? 1 : 0;
    }
    return out;
}

std::uint32_t tokens_of(std::uint64_t narrow, std::uint64_t wide) noexcept {
    constexpr std::uint64_t most = UINT32_MAX;
    return static_cast<std::uint32_t>(
        std::min(most, (narrow + narrow_in_token - 1) / narrow_in_token + wide));
}

}  // namespace

std::uint32_t estimated_tokens(std::string_view text) noexcept {
    const widths found = widths_of(text);
    return tokens_of(found.narrow, found.wide);
}

bool answer_text::reached(std::uint32_t most) const noexcept {
    return unit_ == catalog::chunk_unit::token ? tokens_ >= most : narrow_ / narrow_in_token + wide_ >= most;
}

void answer_text::count(std::string_view piece) {
    any_ = true;
    if (unit_ == catalog::chunk_unit::token) {
        ++tokens_;
        return;
    }
    const widths found = widths_of(piece);
    narrow_ += found.narrow;
    wide_ += found.wide;
    tokens_ = tokens_of(narrow_, wide_);
}

void answer_text::add(std::string_view piece) {
    if (piece.empty()) {
        return;
    }
    if (thinking_) {
        held_ += "</think>\n\n";
        thinking_ = false;
    }
    held_ += piece;
    count(piece);
}

void answer_text::add_thinking(std::string_view piece) {
    if (piece.empty()) {
        return;
    }
    if (!thinking_ && !any_) {
        held_ += "<think>\n";
        thinking_ = true;
    }
    if (thinking_) {  // behind the answer's text nobody would know it for a thought
        held_ += piece;
    }
    count(piece);
}

std::string answer_text::ready(bool all) {
    if (all && thinking_) {
        held_ += "</think>\n\n";
        thinking_ = false;
    }
    if (!decided_) {
        bool perhaps = false;
        for (const std::string& text : error_texts_) {
            error_ = error_ || held_.starts_with(text);
            perhaps = perhaps || text.starts_with(held_);
        }
        if (error_ || (perhaps && !all)) {
            return {};
        }
        decided_ = !held_.empty();
    }
    return std::exchange(held_, {});
}

}  // namespace corral::engine::streaming
