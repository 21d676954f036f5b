#pragma once
// Heads of GGUF files as a converter writes them.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace corral::tests {

class gguf_bytes {
public:
    gguf_bytes(std::uint64_t tensors, std::uint64_t pairs) {
        text_ = "GGUF";
        number(3, 4);
        number(tensors, 8);
        number(pairs, 8);
    }
    void pair(std::string_view key, std::string_view value) {
        string(key);
        number(8, 4);
        string(value);
    }
    void pair(std::string_view key, std::uint32_t value) {
        string(key);
        number(4, 4);
        number(value, 4);
    }
    void list(std::string_view key, const std::vector<std::string>& values) {
        string(key);
        number(9, 4);
        number(8, 4);
        number(values.size(), 8);
        for (const auto& one : values) {
            string(one);
        }
    }
    void raw_pair(std::string_view key, std::uint32_t type, std::string_view value) {
        string(key);
        number(type, 4);
        text_ += value;
    }
    void tensor(std::string_view name, std::uint64_t offset, std::uint32_t type = 0) {
        string(name);
        number(2, 4);
        number(32, 8);
        number(32, 8);
        number(type, 4);
        number(offset, 8);
    }
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    void number(std::uint64_t value, int bytes) {
        for (int i = 0; i < bytes; ++i) {
            text_ += static_cast<char>(value >> (8 * i) & 0xFFU);
        }
    }
    void string(std::string_view value) {
        number(value.size(), 8);
        text_ += value;
    }

    std::string text_;
};

}  // namespace corral::tests
