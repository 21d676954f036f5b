#include "engine/streaming/token_estimate.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "corral/core/stated_number.hpp"

namespace corral::engine::streaming {

namespace {

// What a character of each kind takes in the most generous vocabulary and in the poorest, which has a token for
// each byte.
constexpr std::array<double, character_kinds> least{0.08, 0.3, 0.1, 0.2, 0.3};
constexpr std::array<double, character_kinds> most{1.0, 1.2, 1.2, 2.2, 4.2};

bool is_digit(std::string_view text, std::size_t at) noexcept {
    return at < text.size() && text[at] >= '0' && text[at] <= '9';
}

std::size_t kind_of(std::string_view text, std::size_t at) noexcept {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead >= 0x80) {
        return lead < 0xE0 ? 3 : 4;
    }
    const auto letter = static_cast<unsigned char>(lead | 0x20U);
    if (letter >= 'a' && letter <= 'z') {
        return 0;
    }
    if (is_digit(text, at) || is_digit(text, at + 1) || (at > 0 && is_digit(text, at - 1))) {
        return 1;
    }
    return lead == ' ' || lead == '\n' ? 0 : 2;
}

}  // namespace

void text_shape::add(std::string_view text) noexcept {
    bytes += text.size();
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte < 0x80 || byte >= 0xC0) {
            ++characters[kind_of(text, at)];
        }
    }
}

void text_shape::add(const text_shape& other) noexcept {
    bytes += other.bytes;
    for (std::size_t kind = 0; kind < character_kinds; ++kind) {
        characters[kind] += other.characters[kind];
    }
}

double token_estimate::exactly(const text_shape& shape) const noexcept {
    double out = 0;
    for (std::size_t kind = 0; kind < character_kinds; ++kind) {
        out += tokens_each_[kind] * static_cast<double>(shape.characters[kind]);
    }
    return out;
}

std::uint32_t token_estimate::of(const text_shape& shape) const noexcept {
    return static_cast<std::uint32_t>(std::min<double>(std::ceil(exactly(shape)), core::most_stated));
}

// The step that corrects the estimate of this prompt and changes the kinds as little as can be, those that vary
// most between vocabularies first. Where a kind is at its bound the others take the rest.
void token_estimate::learn(const text_shape& shape, std::uint32_t tokens) noexcept {
    const double first = tokens - exactly(shape);
    const double wanted = exactly(shape) + (first < 0 ? first / 2 : first);
    for (std::size_t round = 0; round < character_kinds; ++round) {
        const double error = wanted - exactly(shape);
        double room = 0;
        std::array<double, character_kinds> gain{};
        for (std::size_t kind = 0; kind < character_kinds; ++kind) {
            const double bound = error > 0 ? most[kind] : may_fall_ ? least[kind] : usual[kind];
            const bool moves = error > 0 ? tokens_each_[kind] < bound : tokens_each_[kind] > bound;
            const auto count = static_cast<double>(shape.characters[kind]);
            gain[kind] = moves ? count * usual[kind] * usual[kind] : 0;
            room += gain[kind] * count;
        }
        if (room <= 0 || std::abs(error) < 1) {
            return;
        }
        for (std::size_t kind = 0; kind < character_kinds; ++kind) {
            const double floor = may_fall_ ? least[kind] : usual[kind];
            tokens_each_[kind] =
                std::clamp(tokens_each_[kind] + error * gain[kind] / room, floor, most[kind]);
        }
    }
}

image_estimate::guess image_estimate::of(const chat::image_list& images, std::uint32_t fresh) const {
    guess out;
    for (const auto& each : images) {
        const counted* const before = find(each->mark);
        out.exact = out.exact && before != nullptr;
        out.tokens = core::sum_of(out.tokens, before != nullptr ? before->tokens : fresh);
    }
    return out;
}

void image_estimate::learn(const chat::image_list& images, std::uint32_t tokens) {
    constexpr std::size_t most_known = 256;
    std::uint64_t taken = 0;
    std::uint64_t strangers = 0;
    std::vector<counted> fresh;
    for (const auto& each : images) {
        const counted* const before = find(each->mark);
        taken += before != nullptr ? before->tokens : 0;
        strangers += before == nullptr ? 1 : 0;
    }
    for (const auto& each : images) {
        const counted* const before = find(each->mark);
        if (before != nullptr && strangers > 0) {
            continue;
        }
        // What was known of all of them is as doubtful as this, but for their proportions.
        const std::uint64_t share =
            before != nullptr ? std::uint64_t{before->tokens} * tokens / std::max<std::uint64_t>(1, taken)
                              : (tokens - std::min<std::uint64_t>(tokens, taken)) / strangers;
        fresh.push_back({each->mark, static_cast<std::uint32_t>(std::max<std::uint64_t>(1, share))});
    }
    for (const counted& each : fresh) {
        std::erase_if(known_, [&](const counted& one) { return one.mark == each.mark; });
        known_.push_back(each);
    }
    while (known_.size() > most_known) {
        known_.pop_front();
    }
}

const image_estimate::counted* image_estimate::find(std::uint64_t mark) const {
    const auto found = std::ranges::find(known_, mark, &counted::mark);
    return found == known_.end() ? nullptr : &*found;
}

}  // namespace corral::engine::streaming
