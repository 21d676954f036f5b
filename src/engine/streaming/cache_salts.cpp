#include "engine/streaming/cache_salts.hpp"

#include <fmt/format.h>

namespace corral::engine::streaming {

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

}  // namespace corral::engine::streaming
