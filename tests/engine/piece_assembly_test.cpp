#include "engine/dialects/ax_poll/piece_assembly.hpp"

#include <map>

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

constexpr const char* cut = "\xEF\xBF\xBD";

// A byte-level tokenizer: an id is a byte. `keeps`: the vendor's kind with a cache; else replacement
// characters. `patience`: ids after which the cache gives what it can.
class byte_tokenizer {
public:
    explicit byte_tokenizer(bool keeps, std::size_t patience = 1'000'000)
        : keeps_(keeps), patience_(patience) {}
    std::string decode(const token_ids& ids) {
        ++calls;
        token_ids all = cache_;
        all.insert(all.end(), ids.begin(), ids.end());
        bool whole = true;
        const std::string text = lossy(keeps_ ? all : ids, whole);
        if (!keeps_) {
            return text;
        }
        if (!whole && all.size() <= patience_) {
            cache_ = all;
            return "";
        }
        cache_.clear();
        return without_signs(text);
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
            whole = whole && !out.ends_with(cut);
            i += need;
        }
        return out;
    }
    static std::string without_signs(std::string text) {
        for (auto at = text.find(cut); at != std::string::npos; at = text.find(cut)) {
            text.erase(at, std::string(cut).size());
        }
        return text;
    }
    bool keeps_;
    std::size_t patience_;
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

// What the tap does with an answer, to its end: every lost identity is a fresh tokenizer.
struct told_answer {
    std::string text;
    int identities = 1;
};

told_answer tell_all(const std::string& answer, std::size_t piece_size, bool keeps, std::size_t patience) {
    told_answer out;
    piece_assembly open;
    byte_tokenizer tokenizer(keeps, patience);
    const auto renew = [&] {
        open.on_identity_lost();
        tokenizer = byte_tokenizer(keeps, patience);
        ++out.identities;
    };
    const auto decode_open = [&] {
        for (token_ids ids = open.next(); !ids.empty(); ids = open.next()) {
            out.text += open.on_text(tokenizer.decode(ids));
            if (open.stuck()) {
                out.text += open.one_by_one() ? open.give_up(false) : "";
                renew();
            }
        }
    };
    const token_ids ids = bytes_of(answer);
    for (std::size_t i = 0; i < ids.size(); i += piece_size) {
        const auto from = ids.begin() + static_cast<std::ptrdiff_t>(i);
        open.add({from, from + static_cast<std::ptrdiff_t>(std::min(piece_size, ids.size() - i))});
        decode_open();
    }
    while (!open.empty() && out.identities < 100) {
        const bool dirty = open.left_in_cache();
        out.text += open.settle(false);
        if (dirty) {
            renew();
        }
        decode_open();
    }
    return out;
}

TEST(piece_assembly, a_replacement_character_of_the_model_takes_no_text_along_wherever_it_stands) {
    struct {
        std::string answer;
        std::string text;
    } const cases[] = {
        {"\uFFFD", "\uFFFD"},
        {"\uFFFD one", "\uFFFD one"},
        {"a\uFFFDb", "a\uFFFDb"},
        {"abc\uFFFD", "abc\uFFFD"},
        {"\u00e9\uFFFD\u00e9", "\u00e9\uFFFD\u00e9"},
        {"\u65e5\uFFFD\u672c end", "\u65e5\uFFFD\u672c end"},
        {"x y z \uFFFD one two three", "x y z \uFFFD one two three"},
        {"one \uFFFD and a dozen of letters \uFFFD and more",
         "one \uFFFD and a dozen of letters \uFFFD and more"},
        {"a\uFFFD\uFFFDb", "a\uFFFD\uFFFDb"},
        {"\uFFFD\uFFFD\uFFFD one", "\uFFFD\uFFFD\uFFFD one"},
        // Emoji without their last byte.
        {"a\xF0\x9F\x98", "a\uFFFD"},
        {"a\xF0\x9F\x98 b \U0001F600", "a\uFFFD b \U0001F600"},
    };
    for (const auto& one : cases) {
        for (std::size_t size = 1; size <= 7; ++size) {
            for (const std::size_t patience : {9UL, 1'000'000UL}) {
                const told_answer got = tell_all(one.answer, size, true, patience);
                EXPECT_EQ(got.text, one.text) << "pieces of " << size << ", patience " << patience;
                EXPECT_LE(got.identities, 12);
            }
        }
    }
}

TEST(piece_assembly, a_tokenizer_without_a_cache_shows_a_replacement_character_once) {
    for (const std::string answer :
         {"\uFFFD", "a\uFFFDb", "abc\uFFFD", "a\uFFFD\uFFFD one", "\u00e9\uFFFD\u00e9"}) {
        const told_answer got = tell_all(answer, 6, false, 0);
        EXPECT_EQ(got.text, answer);
        EXPECT_EQ(got.identities, 1);
    }
}

}  // namespace
}  // namespace corral::engine::ax_poll
