#include "chat/answer/utf8_assembler.hpp"

#include "corral/core/utf8.hpp"

namespace corral::chat {

namespace {

constexpr unsigned char first_continuation = 0x80;
constexpr unsigned char last_continuation = 0xBF;

}  // namespace

std::string utf8_assembler::feed(std::string_view bytes) {
    std::string out;
    out.reserve(pending_.size() + bytes.size());
    for (const char byte : bytes) {
        step(byte, out);
    }
    return out;
}

std::string utf8_assembler::finish() {
    const bool incomplete = missing_ != 0;
    missing_ = 0;
    pending_.clear();
    return incomplete ? std::string(core::replacement_character) : std::string();
}

void utf8_assembler::step(char byte, std::string& out) {
    if (missing_ == 0) {
        begin(byte, out);
        return;
    }
    const auto value = static_cast<unsigned char>(byte);
    if (value < lowest_ || value > highest_) {
        out += finish();
        begin(byte, out);
        return;
    }
    pending_ += byte;
    lowest_ = first_continuation;
    highest_ = last_continuation;
    if (--missing_ == 0) {
        out += pending_;
        pending_.clear();
    }
}

void utf8_assembler::begin(char byte, std::string& out) {
    const auto value = static_cast<unsigned char>(byte);
    if (value < 0x80) {
        out += byte;
        return;
    }
    if (value < 0xC2 || value > 0xF4) {
        out += core::replacement_character;
        return;
    }
    pending_ = byte;
    lowest_ = value == 0xE0 ? 0xA0 : value == 0xF0 ? 0x90 : first_continuation;
    highest_ = value == 0xED ? 0x9F : value == 0xF4 ? 0x8F : last_continuation;
    missing_ = value < 0xE0 ? 1 : value < 0xF0 ? 2 : 3;
}

}  // namespace corral::chat
