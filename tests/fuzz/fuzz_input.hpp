#pragma once
// The bytes a fuzzer made: the first few choose, the rest is the text. Readable characters choose as well as
// any, so the corpus is text.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace corral::tests {

// A promise of the code under test.
inline void demand(bool kept, std::string_view promise) {
    if (!kept) {
        std::fprintf(stderr, "broken promise: %.*s\n", static_cast<int>(promise.size()), promise.data());
        std::abort();
    }
}

class fuzz_input {
public:
    fuzz_input(const std::uint8_t* data, std::size_t size)
        : rest_(reinterpret_cast<const char*>(data), size) {}

    // 0 when there is nothing left.
    [[nodiscard]] unsigned choice() {
        if (rest_.empty()) {
            return 0;
        }
        const auto byte = static_cast<unsigned char>(rest_.front());
        rest_.remove_prefix(1);
        return byte;
    }
    [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

private:
    std::string_view rest_;
};

// Lengths of pieces, the same few again and again: 0 to 31, and the first byte decides whether they are
// multiplied.
class cut_plan {
public:
    explicit cut_plan(fuzz_input& from) : factor_(from.choice() % 4 == 0 ? 16 : 1) {
        for (auto& length : lengths_) {
            length = from.choice() % 32;
        }
        lengths_[0] = lengths_[0] == 0 ? 1 : lengths_[0];
    }
    [[nodiscard]] std::size_t next() { return lengths_[at_++ % 3] * factor_; }

    [[nodiscard]] std::vector<std::string> cut(std::string_view text) {
        std::vector<std::string> pieces;
        while (!text.empty()) {
            pieces.emplace_back(text.substr(0, next()));
            text.remove_prefix(pieces.back().size());
        }
        return pieces;
    }

private:
    std::size_t factor_;
    std::size_t lengths_[3] = {};
    std::size_t at_ = 0;
};

}  // namespace corral::tests
