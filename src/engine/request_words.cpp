#include "engine/request_words.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace corral::engine {

namespace {

constexpr std::size_t block = 8;         // a run of twice its letters but one has a whole one
constexpr std::size_t most_probes = 32;  // in the table
constexpr std::size_t most_alike = 4;    // of one block of a text that repeats itself
constexpr std::uint32_t number_bits = 16;
constexpr std::uint32_t number_mask = (1U << number_bits) - 1;
static_assert(spoken_text::most_bytes / block < number_mask);
static_assert(spoken_text::least_run >= 2 * block - 1);

constexpr std::array<bool, 256> spoken_bytes = [] {
    std::array<bool, 256> out{};
    for (std::size_t c = 0; c < out.size(); ++c) {
        out[c] = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
    }
    return out;
}();

}  // namespace

bool is_spoken(char c) noexcept {
    return spoken_bytes[static_cast<unsigned char>(c)];
}

namespace {

// Without a branch for each letter: a prompt of 256 KiB comes on the loop.
void add_bare(std::string& to, std::string_view text) {
    const std::size_t before = to.size();
    to.resize(before + text.size());
    char* const out = to.data() + before;
    std::size_t end = 0;
    for (const char c : text) {
        out[end] = c;
        end += is_spoken(c) ? 1 : 0;
    }
    to.resize(before + end);
}

std::uint64_t hash_of(const char* at) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, block);
    word *= 0x9e3779b97f4a7c15U;
    return word ^ (word >> 32U);
}

// Not of the bits that choose the slot.
std::uint32_t tag_of(std::uint64_t hash) {
    return static_cast<std::uint32_t>(hash >> 40U) << number_bits;
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
    index();
}

void spoken_text::index() {
    const std::size_t whole = bare_.size() / block;
    if (whole * 2 > blocks_.size()) {
        blocks_.assign(std::bit_ceil(whole * 2), 0);
        indexed_ = 0;
    }
    for (; indexed_ < whole; ++indexed_) {
        put(indexed_);
    }
}

void spoken_text::put(std::size_t number) {
    const std::uint64_t hash = hash_of(bare_.data() + number * block);
    std::size_t alike = 0;
    for (std::size_t probe = 0; probe < most_probes && alike < most_alike; ++probe) {
        std::uint32_t& slot = blocks_[(hash + probe) & (blocks_.size() - 1)];
        if (slot == 0) {
            slot = tag_of(hash) | static_cast<std::uint32_t>(number + 1);
            return;
        }
        alike += (slot & ~number_mask) == tag_of(hash) ? 1 : 0;
    }
}

std::size_t spoken_text::run_at(std::string_view line, std::size_t at, std::size_t place) const {
    if (bare_.compare(place, block, line.substr(at, block)) != 0) {
        return std::string_view::npos;
    }
    std::size_t begin = at;
    while (begin > 0 && place > 0 && line[begin - 1] == bare_[place - 1]) {
        --begin;
        --place;
    }
    const std::size_t most = std::min({least_run, line.size() - begin, bare_.size() - place});
    const bool is_long = most == least_run && bare_.compare(place, most, line.substr(begin, most)) == 0;
    return is_long ? begin : std::string_view::npos;
}

std::size_t spoken_text::run_in(std::string_view line) const {
    for (std::size_t at = 0; !blocks_.empty() && at + block <= line.size(); ++at) {
        const std::uint64_t hash = hash_of(line.data() + at);
        std::size_t first = std::string_view::npos;
        for (std::size_t probe = 0; probe < most_probes; ++probe) {
            const std::uint32_t slot = blocks_[(hash + probe) & (blocks_.size() - 1)];
            if (slot == 0) {
                break;
            }
            if ((slot & ~number_mask) == tag_of(hash)) {
                first = std::min(first, run_at(line, at, ((slot & number_mask) - 1) * block));
            }
        }
        if (first != std::string_view::npos) {
            return first;
        }
    }
    return std::string_view::npos;
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

namespace {

constexpr std::size_t most_requests = 8;  // what a runtime holds back comes with the next run's lines

// Of a letter of bare(line); a letter of several bytes is whole.
std::size_t place_in(std::string_view line, std::size_t letter) {
    std::size_t at = 0;
    while (!is_spoken(line[at]) || letter-- > 0) {
        ++at;
    }
    while (at > 0 && (static_cast<unsigned char>(line[at]) & 0xC0U) == 0x80U) {
        --at;
    }
    return at;
}

}  // namespace

request_words::listener::listener(request_words& of, const chat::rendered_prompt& prompt, run_sink& next)
    : words_(std::make_shared<spoken_text>()), next_(next) {
    words_->add(prompt.system);
    words_->add(prompt.turns);
    for (const auto& each : prompt.messages) {
        words_->add(each.text);
    }
    of.recent_.push_back(words_);
    if (of.recent_.size() > most_requests) {
        of.recent_.pop_front();
    }
}

void request_words::listener::on_text(std::string_view piece, const run_progress& now) {
    words_->add(piece);
    next_.on_text(piece, now);
}

bool request_words::hold(std::string_view sign) const {
    const std::string wanted = bare(sign);
    return std::any_of(recent_.begin(), recent_.end(), [&](const auto& each) {
        // Of a long one the rest is not known.
        return each->is_cut() || each->holds(wanted);
    });
}

std::size_t request_words::begin_in(std::string_view line) const {
    std::string shortened = bare(line);
    std::size_t first = std::string_view::npos;
    for (const auto& each : recent_) {
        const std::size_t begin = each->run_in(shortened);
        if (begin != std::string_view::npos) {
            first = begin;
            shortened.resize(std::min(shortened.size(), begin + spoken_text::least_run));
        }
    }
    return first == std::string_view::npos ? first : place_in(line, first);
}

}  // namespace corral::engine
