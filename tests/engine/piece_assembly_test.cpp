#include "engine/dialects/ax_poll/piece_assembly.hpp"

#include <map>

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

constexpr const char* cut = "\xEF\xBF\xBD";

// A byte-level tokenizer: an id is a byte. `keeps`: the vendor's kind with a cache; else replacement
// characters.
class byte_tokenizer {
public:
    explicit byte_tokenizer(bool keeps) : keeps_(keeps) {}
    std::string decode(const token_ids& ids) {
        ++calls;
        token_ids all = cache_;
        all.insert(all.end(), ids.begin(), ids.end());
        bool whole = true;
        const std::string text = lossy(keeps_ ? all : ids, whole);
        if (!keeps_) {
            return text;
        }
        cache_ = whole ? token_ids{} : all;
        return whole ? text : "";
    }
    int calls = 0;

private:
    static std::string lossy(const token_ids& ids, bool& whole) {
        std::string out;
        for (std::size_t i = 0; i < ids.size();) {
            const auto lead = static_cast<unsigned char>(ids[i]);
            const std::size_t need = lead < 0x80    ? 1
                                     : lead >= 0xF8 ? 0
                                     : lead >= 0xF0 ? 4
                                     : lead >= 0xE0 ? 3
                                     : lead >= 0xC0 ? 2
                                                    : 0;
            bool valid = need > 0 && i + need <= ids.size();
            for (std::size_t k = 1; valid && k < need; ++k) {
                valid = (ids[i + k] & 0xC0) == 0x80;
            }
            if (!valid) {
                out += cut;
                whole = false;
                ++i;
                continue;
            }
            for (std::size_t k = 0; k < need; ++k) {
                out += static_cast<char>(ids[i + k]);
            }
            i += need;
        }
        return out;
    }
    bool keeps_;
    token_ids cache_;
};

std::string ask_all(piece_assembly& open, byte_tokenizer& tokenizer) {
    std::string text;
    for (token_ids ids = open.next(); !ids.empty(); ids = open.next()) {
        text += open.on_text(tokenizer.decode(ids));
    }
    return text;
}

token_ids bytes_of(const std::string& text) {
    token_ids out;
    for (const char c : text) {
        out.push_back(static_cast<unsigned char>(c));
    }
    return out;
}

const std::string samples[] = {
    "plain words only",
    "h\u00e9llo \u4e16\u754c, \u4f60\u597d\u5417\uff1f \u4e16\u754c\u4e16\u754c\u4e16\u754c",
    "\U0001F600\U0001F601 a \U0001F602\u00df\u00df",
};

TEST(piece_assembly, gives_the_same_text_for_every_cutting_and_both_kinds_of_tokenizer) {
    for (const bool keeps : {true, false}) {
        for (const std::string& sample : samples) {
            const token_ids ids = bytes_of(sample);
            for (std::size_t size = 1; size <= 7; ++size) {
                piece_assembly open;
                byte_tokenizer tokenizer(keeps);
                std::string text;
                for (std::size_t i = 0; i < ids.size(); i += size) {
                    const auto from = ids.begin() + static_cast<std::ptrdiff_t>(i);
                    open.add({from, from + static_cast<std::ptrdiff_t>(std::min(size, ids.size() - i))});
                    text += ask_all(open, tokenizer);
                    EXPECT_FALSE(open.stuck());
                }
                EXPECT_EQ(text, sample) << "pieces of " << size << ", cache " << keeps;
                EXPECT_TRUE(open.empty());
            }
        }
    }
}

TEST(piece_assembly, plain_text_costs_one_call_a_piece) {
    piece_assembly open;
    byte_tokenizer tokenizer(true);
    for (int i = 0; i < 20; ++i) {
        open.add(bytes_of("abc"));
        EXPECT_EQ(ask_all(open, tokenizer), "abc");
    }
    EXPECT_EQ(tokenizer.calls, 20);
}

TEST(piece_assembly, pieces_held_while_the_tokenizer_was_away_come_whole_and_in_order) {
    for (const bool keeps : {true, false}) {
        const std::string sample = "one \u4e16\u754c two \u4f60\u597d three";
        piece_assembly open;
        byte_tokenizer tokenizer(keeps);
        open.add(bytes_of(sample.substr(0, 5)));
        std::string text = ask_all(open, tokenizer);
        for (std::size_t i = 5; i < sample.size(); i += 3) {
            open.add(bytes_of(sample.substr(i, 3)));
            EXPECT_FALSE(open.next().empty());  // asked, but nobody answered
        }
        // The process that comes back knows nothing of the ids in the old one's cache.
        open.on_identity_lost();
        byte_tokenizer restarted(keeps);
        text += ask_all(open, restarted);
        EXPECT_EQ(text, sample);
    }
}

TEST(piece_assembly, a_stuck_cache_is_noticed_and_nothing_is_lost_on_a_fresh_identity) {
    piece_assembly open;
    byte_tokenizer stuck(true);
    EXPECT_EQ(stuck.decode({0xE4}), "");
    EXPECT_EQ(stuck.decode({0x20}), "");
    std::string text;
    int pieces = 0;
    while (!open.stuck()) {
        ASSERT_LT(++pieces, 5);
        open.add(bytes_of("abc"));
        for (token_ids ids = open.next(); !ids.empty() && !open.stuck(); ids = open.next()) {
            text += open.on_text(stuck.decode(ids));
        }
    }
    EXPECT_EQ(text, "");
    open.on_identity_lost();
    byte_tokenizer fresh(true);
    text = ask_all(open, fresh);
    EXPECT_EQ(text.size(), static_cast<std::size_t>(pieces) * 3);
}

TEST(piece_assembly, what_nobody_can_decode_becomes_a_replacement_character) {
    piece_assembly open;
    byte_tokenizer tokenizer(true);
    open.add({0xFF, 'a', 'b'});
    for (token_ids ids = open.next(); !ids.empty() && !open.stuck(); ids = open.next()) {
        (void)open.on_text(tokenizer.decode(ids));
        open.add({'c'});
    }
    EXPECT_TRUE(open.stuck());
    piece_assembly other = open;
    EXPECT_EQ(open.give_up(false), cut);
    byte_tokenizer fresh(true);
    EXPECT_EQ(ask_all(open, fresh), "abccccc");
    EXPECT_EQ(other.give_up(true), cut);
    EXPECT_EQ(ask_all(other, fresh), "c");
}

TEST(piece_assembly, a_cut_character_takes_no_text_before_it_along) {
    piece_assembly open;
    byte_tokenizer tokenizer(true);
    open.add({'a', 'b', 0xE4});
    EXPECT_EQ(ask_all(open, tokenizer), "");
    open.on_identity_lost();
    byte_tokenizer fresh(true);
    EXPECT_EQ(ask_all(open, fresh), "ab");
    open.add({0xB8, 0x96, 'c', 'd'});
    EXPECT_EQ(ask_all(open, fresh), "\u4e16cd");
    EXPECT_TRUE(open.empty());
}

}  // namespace
}  // namespace corral::engine::ax_poll
