#pragma once
// How many tokens a prompt will be where no server may be asked: by the kinds of its characters, and by what counts of
// earlier prompts showed of this model's vocabulary. Pure.

#include <array>
#include <cstdint>
#include <deque>
#include <string_view>

#include "corral/chat/generation_request.hpp"

namespace corral::engine::streaming {

// Characters by kind: ASCII letters and blanks; digits, and blanks and signs beside one, which few vocabularies join;
// other ASCII; two bytes; more bytes.
inline constexpr std::size_t character_kinds = 5;

struct text_shape {
    std::array<std::uint64_t, character_kinds> characters{};
    std::uint64_t bytes = 0;

    void add(std::string_view text) noexcept;
    void add(const text_shape& other) noexcept;
};

class token_estimate {
public:
    // `may_fall` false: counts of the server may be too low (it cuts, or leaves out what it remembers), so they
    // only ever raise an estimate above the usual one.
    explicit token_estimate(bool may_fall = true) noexcept : may_fall_(may_fall) {}

    [[nodiscard]] std::uint32_t of(const text_shape& shape) const noexcept;
    // Of a letter of ASCII text; 0 before anything was learned.
    [[nodiscard]] double of_a_letter() const noexcept {
        return tokens_each_ == usual ? 0.0 : tokens_each_.front();
    }
    // A prompt of this shape was counted: one that counts more than thought is believed at once, one that counts
    // less by half, each within what a vocabulary can be.
    void learn(const text_shape& shape, std::uint32_t tokens) noexcept;

private:
    [[nodiscard]] double exactly(const text_shape& shape) const noexcept;

    static constexpr std::array<double, character_kinds> usual{0.25, 1.0, 0.35, 0.6, 1.0};
    std::array<double, character_kinds> tokens_each_ = usual;
    bool may_fall_;
};

// What images take, by what counts of earlier prompts showed of each: a size in pixels says nothing of another model.
class image_estimate {
public:
    struct guess {
        std::uint32_t tokens = 0;
        bool exact = true;  // each of them was counted before
    };
    // `fresh`: of one that was never counted.
    [[nodiscard]] guess of(const chat::image_list& images, std::uint32_t fresh) const;
    // Together they took so many; those that were never counted share what the others leave.
    void learn(const chat::image_list& images, std::uint32_t tokens);

private:
    struct counted {
        std::uint64_t mark = 0;
        std::uint32_t tokens = 0;
    };
    [[nodiscard]] const counted* find(std::uint64_t mark) const;

    std::deque<counted> known_;  // newest last
};

}  // namespace corral::engine::streaming
