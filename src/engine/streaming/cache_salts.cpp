#include "engine/streaming/cache_salts.hpp"

#include <fmt/format.h>

namespace corral::engine::streaming {

namespace {

// Words of unsalted_prompts; the name of the owner follows the first.
constexpr char of_one = '+';
constexpr std::string_view of_none = "none";
constexpr std::string_view of_several = "several";

}  // namespace

cache_salts::cache_salts() {
    for (core::keyed_hash::key& each : keys_) {
        each = core::keyed_hash::random_key();
    }
}

std::string cache_salts::hashed(std::string_view kind, std::string_view text) const {
    std::string out;
    for (const core::keyed_hash::key& each : keys_) {
        core::keyed_hash hash(each);
        hash.feed_part(kind);
        hash.feed_part(text);
        out += fmt::format("{:016x}", hash.result());
    }
    return out;
}

std::string cache_salts::of(std::string_view owner) const {
    return owner.empty() ? std::string{} : hashed("owner", owner);
}

std::string cache_salts::once() {
    return hashed("once", std::to_string(++uses_));
}

unsalted_prompts unsalted_prompts::known_from(std::string_view word) {
    unsalted_prompts out;
    if (word.starts_with(of_one)) {
        out.owner_ = word.substr(1);
    } else {
        out.several_ = word != of_none;
    }
    return out;
}

std::string unsalted_prompts::word() const {
    if (several_) {
        return std::string(of_several);
    }
    return owner_ ? of_one + *owner_ : std::string(of_none);
}

void unsalted_prompts::note(std::string_view owner) {
    if (!owner_) {
        owner_ = owner;
    }
    several_ = several_ || *owner_ != owner;
}

bool unsalted_prompts::take(std::string_view owner, bool anyone) {
    const bool alone = !several_ && (!owner_ || *owner_ == owner);
    if (!alone && !anyone) {
        return false;
    }
    note(owner);
    return true;
}

}  // namespace corral::engine::streaming
