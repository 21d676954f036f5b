#include "engine/dialects/ax_poll/piece_assembly.hpp"

#include <algorithm>
#include <utility>

namespace corral::engine::ax_poll {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";
// Ids of one call; pieces of the runtime have 3. Those and as many single ones as make a cache stuck() stay
// below the ten at which the Qwen2.5 script gives text without what it couldn't decode.
constexpr std::size_t most_at_once = 4;
constexpr std::size_t most_tried = 16;  // no character is cut into more
constexpr unsigned ids_of_a_sign = 3;   // at most: U+FFFD has three bytes, and so many of a character are cut

// `text` without the one to three replacement characters that a cut character leaves at its end. More are
// meant.
std::string_view certain_part(std::string_view text) {
    std::size_t cut = 0;
    std::string_view rest = text;
    while (rest.ends_with(replacement)) {
        rest.remove_suffix(replacement.size());
        ++cut;
    }
    return cut <= 3 ? rest : text;
}

}  // namespace

void piece_assembly::add(const token_ids& ids) {
    open_.insert(open_.end(), ids.begin(), ids.end());
}

token_ids piece_assembly::next() {
    if (tried_ == open_.size()) {
        return {};
    }
    const std::size_t from = cached_ ? tried_ : 0;
    asked_ = tried_ == 0 && !singly_ ? std::min(open_.size(), most_at_once) : tried_ + 1;
    return {open_.begin() + static_cast<std::ptrdiff_t>(from),
            open_.begin() + static_cast<std::ptrdiff_t>(asked_)};
}

std::string piece_assembly::on_text(std::string_view text) {
    if (text.empty()) {
        cached_ = true;
        tried_ = asked_;
        ++silent_;
        return {};
    }
    silent_ = 0;
    given_up_ = 0;
    const std::string_view certain = certain_part(text);
    const std::size_t known = std::min(given_.size(), text.size());
    if (cached_ || certain.size() == text.size() || asked_ > most_tried) {
        std::string out(text.substr(known));
        drop_tried(asked_);
        return out;
    }
    tried_ = asked_;
    uncertain_ = text.substr(std::max(certain.size(), known));
    if (certain.size() <= given_.size()) {
        return {};
    }
    std::string out(certain.substr(given_.size()));
    given_ = certain;
    return out;
}

void piece_assembly::on_identity_lost() noexcept {
    if (cached_) {
        cached_ = false;
        tried_ = 0;
        singly_ = true;
    }
    silent_ = 0;
}

std::string piece_assembly::give_up(bool all) {
    const bool of_the_last_sign = !all && given_up_ % ids_of_a_sign != 0;
    given_up_ = all ? 0 : given_up_ + 1;
    drop_tried(all ? tried_ : std::min<std::size_t>(tried_, 1));
    return std::string(of_the_last_sign ? std::string_view() : replacement);
}

std::string piece_assembly::settle(bool all) {
    if (!cached_) {
        std::string out = std::move(uncertain_);
        drop_tried(tried_);
        return out;
    }
    return singly_ || all ? give_up(all) : std::string();
}

void piece_assembly::drop_tried(std::size_t count) {
    open_.erase(open_.begin(), open_.begin() + static_cast<std::ptrdiff_t>(count));
    asked_ = 0;
    tried_ = 0;
    cached_ = false;
    singly_ = singly_ && !open_.empty();
    silent_ = 0;
    given_.clear();
    uncertain_.clear();
}

void piece_assembly::clear() {
    given_up_ = 0;
    drop_tried(open_.size());
}

}  // namespace corral::engine::ax_poll
