#include "engine/spoken_text.hpp"

#include <cstring>

#include <algorithm>
#include <array>

namespace corral::engine {

namespace {

constexpr std::array<bool, 256> spoken = [] {
    std::array<bool, 256> out{};
    for (std::size_t c = 0; c < out.size(); ++c) {
        out[c] = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
    }
    return out;
}();

// Without a branch for each letter: a prompt of 256 KiB comes on the loop.
void add_bare(std::string& to, std::string_view text) {
    std::size_t end = to.size();
    to.resize(end + text.size());
    for (const char c : text) {
        to[end] = c;
        end += spoken[static_cast<unsigned char>(c)] ? 1 : 0;
    }
    to.resize(end);
}

bool occurs(std::string_view wanted, std::string_view in) {
    // std::string_view::find is slow where the first letter is frequent.
    return ::memmem(in.data(), in.size(), wanted.data(), wanted.size()) != nullptr;
}

}  // namespace

std::string bare(std::string_view text) {
    std::string out;
    add_bare(out, text);
    return out;
}

void spoken_text::add(std::string_view text) {
    text = text.substr(0, most_bytes - std::min(most_bytes, taken_));
    taken_ += text.size();
    add_bare(bare_, text);
}

bool spoken_text::holds(std::string_view bare_sign) {
    auto at = searches_.find(bare_sign);
    if (at == searches_.end()) {
        at = searches_.emplace(bare_sign, search{}).first;
    }
    search& known = at->second;
    if (!known.found && (known.until < bare_.size() || bare_sign.empty())) {
        // A sign may end in what is new.
        const std::size_t from = known.until - std::min(known.until, bare_sign.size());
        known.found = occurs(bare_sign, std::string_view(bare_).substr(from));
        known.until = bare_.size();
    }
    return known.found;
}

}  // namespace corral::engine
