#pragma once
// Token ids on their way to text, in order: ids that could not be decoded yet, or whose text ends inside a
// character, wait here and go with the next piece. Two kinds of tokenizer service are understood
// (docs/facts/vendor_ax.md#tokenizer-semantics, docs/facts/vendor_ax.md#cycle): those that keep
// undecodable ids in a cache of their own and answer "", and those that answer with U+FFFD where a piece cuts
// a character. After a cut one id goes at a time, so that the border of the character is found and nothing
// waits longer than it must.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace corral::engine::ax_poll {

using token_ids = std::vector<std::int64_t>;

class piece_assembly {
public:
    void add(const token_ids& ids);
    // What to ask the tokenizer next; empty when there is nothing to ask. To be followed by on_text(), or by
    // nothing when the call failed.
    [[nodiscard]] token_ids next();
    // The tokenizer's text for next(): what of it is new and certain.
    [[nodiscard]] std::string on_text(std::string_view text);
    // The tokenizer's identity is gone or given up, and with it the ids in its cache: they are sent again,
    // one at a time, so that what can't be decoded takes nothing before it along.
    void on_identity_lost() noexcept;
    // More answers without text than any character needs: the tokenizer's cache is stuck.
    [[nodiscard]] bool stuck() const noexcept { return cached_ && silent_ >= 5; }
    // All that is open was sent to an empty cache, one id at a time.
    [[nodiscard]] bool one_by_one() const noexcept { return singly_; }
    // The tokenizer holds ids in its cache that would come out before any later text.
    [[nodiscard]] bool left_in_cache() const noexcept { return cached_; }
    [[nodiscard]] bool empty() const noexcept { return open_.empty(); }
    // Takes U+FFFD for the first id, or with `all` for every one that was tried; later ones stay. Up to three
    // single ids in a row are one sign: what they were can't be known.
    [[nodiscard]] std::string give_up(bool all);
    // After the end, when next() is empty and ids are left: what can be said without later ones. Where
    // left_in_cache() held before, the identity is lost with it, and what is open is to be asked again.
    // With `all` nothing stays.
    [[nodiscard]] std::string settle(bool all);
    void clear();

private:
    void drop_tried(std::size_t count);

    token_ids open_;         // ids whose text was not wholly given
    std::size_t asked_ = 0;  // end of what next() gave last
    std::size_t tried_ = 0;  // the first of `open_` were sent and end inside a character
    bool cached_ = false;    // ... and the tokenizer keeps them
    bool singly_ = false;    // until all is given, one id at a time
    unsigned silent_ = 0;    // answers without text in a row
    unsigned given_up_ = 0;  // ids one by one in a row
    std::string given_;      // text of `open_` that was given already
    std::string uncertain_;  // ... and what was behind it in the last answer
};

}  // namespace corral::engine::ax_poll
