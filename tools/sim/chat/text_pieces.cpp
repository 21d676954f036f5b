#include "chat/text_pieces.hpp"

#include <algorithm>

#include "utf8.hpp"

namespace corral::sim {
namespace {

std::size_t character_bytes(char lead) {
    const auto byte = static_cast<unsigned char>(lead);
    if (byte >= 0xF0) return 4;
    if (byte >= 0xE0) return 3;
    return byte >= 0xC0 ? 2 : 1;
}

}  // namespace

std::size_t whole_characters(std::string_view text) {
    std::size_t at = text.size();
    for (std::size_t back = 0; back < 4 && at > 0; ++back) {
        const auto byte = static_cast<unsigned char>(text[--at]);
        if ((byte & 0xC0) == 0x80) continue;
        return at + character_bytes(text[at]) > text.size() ? at : text.size();
    }
    return text.size();
}

std::size_t text_pieces::sendable() const {
    auto end = whole_characters(held_);
    for (const auto& stop : stops_)
        for (auto length = std::min(stop.size() - 1, held_.size()); length > 0; --length)
            if (std::string_view(held_).substr(held_.size() - length) ==
                std::string_view(stop).substr(0, length)) {
                end = std::min(end, held_.size() - length);
                break;
            }
    return end;
}

void text_pieces::send(const std::string& bytes) {
    if (bytes.empty()) return;
    const auto text = decode_utf8(bytes).text;
    sent_ += text;
    if (!by_character_) {
        send_(text);
        return;
    }
    for (std::size_t at = 0; at < text.size();) {
        const auto length = character_bytes(text[at]);
        send_(text.substr(at, length));
        at += length;
    }
}

bool text_pieces::add(std::string_view token) {
    held_ += token;
    ++tokens_;
    std::size_t found = std::string::npos;
    for (const auto& stop : stops_) found = std::min(found, held_.find(stop));
    if (found != std::string::npos) {
        held_.resize(found);
        flush();
        return true;
    }
    if (tokens_ < tokens_per_piece_) return false;
    tokens_ = 0;
    const auto end = sendable();
    send(held_.substr(0, end));
    held_.erase(0, end);
    return false;
}

void text_pieces::flush() {
    send(held_);
    held_.clear();
}

}  // namespace corral::sim
