#include "generation/turn_summaries.hpp"

#include <gtest/gtest.h>

#include "corral/core/random_source.hpp"
#include "corral/generation/summary_request.hpp"
#include "generation/prompt_cuts.hpp"
#include "generation/turn_cuts.hpp"

namespace corral::generation {
namespace {

using chat::role;
using talk = std::vector<chat::message>;

const core::keyed_hash::key a_key{1, 2};

chat::message spoken(role from, std::string content) {
    chat::message out;
    out.from = from;
    out.content = std::move(content);
    return out;
}

std::vector<const chat::message*> places(const talk& of) {
    std::vector<const chat::message*> out;
    for (const chat::message& each : of) {
        out.push_back(&each);
    }
    return out;
}

talk long_talk() {
    return {spoken(role::user, "My name is Anna."), spoken(role::assistant, std::string(600, 'a')),
            spoken(role::user, "I live in Graz."), spoken(role::assistant, std::string(600, 'b'))};
}

summary_wish wish_for(const turn_summaries& in, const talk& turns, const std::string& who = "key",
                      std::size_t room = 600) {
    summary_wish out;
    out.asking.owner = out.asking.client = who;
    out.share = turn_summaries::share_of(out.asking);
    out.of = in.describe(places(turns), room);
    return out;
}

const std::string* made(turn_summaries& in, const talk& turns, const std::optional<std::string>& text,
                        const std::string& who = "key") {
    in.want(wish_for(in, turns, who));
    while (in.wanted()) {
        in.answer(in.take(), text);
    }
    const summary_wish same = wish_for(in, turns, who);
    return in.find(same.share, same.of);
}

TEST(turn_summaries, what_a_model_may_answer) {
    struct row {
        const char* why;
        std::string answer;
        std::string usable;
    };
    const std::string good = "Anna asked about trains.";
    const row rows[] = {
        {"good", " " + good + "\n", good},
        {"empty", "", ""},
        {"blank", " \n\t ", ""},
        {"says nothing", "ok", ""},
        {"thoughts before", "<think>hm</think>\n" + good, good},
        {"the end of thoughts only", "hm</think>" + good, good},
        {"thoughts without an end", "<think>hm, what now", ""},
        {"thoughts behind", good + " <think>hm", good},
        {"a call", "<tool_call>{\"name\":\"f\"}</tool_call>", ""},
        {"a call without its marks", "{\"name\":\"f\",\"arguments\":{}}", ""},
        {"too long for its room", std::string(300, 'x'), std::string(200, 'x')},
    };
    for (const row& each : rows) {
        EXPECT_EQ(usable_summary(each.answer, 200, 1000), each.usable) << each.why;
    }
    EXPECT_EQ(usable_summary(good, 200, good.size()), "") << "no shorter than what it replaces";
    EXPECT_EQ(usable_summary(std::string(99, 'x') + "\xC3\xA4", 100, 1000), std::string(99, 'x'));
}

TEST(turn_summaries, stands_in_with_the_persons_own_words) {
    turn_summaries all(a_key);
    const std::string* const text = made(all, long_talk(), "They talked of trains.");
    ASSERT_NE(text, nullptr);
    for (const char* part :
         {"4 earlier messages", "My name is Anna.", "I live in Graz.", "They talked of trains."}) {
        EXPECT_NE(text->find(part), std::string::npos) << part << " in " << *text;
    }
    EXPECT_LE(text->size(), 600U);
}

TEST(turn_summaries, only_for_exactly_these_turns_of_this_client) {
    turn_summaries all(a_key);
    ASSERT_NE(made(all, long_talk(), "They talked of trains."), nullptr);
    talk edited = long_talk();
    edited[1].content[0] = 'c';
    talk shorter = long_talk();
    shorter.pop_back();
    for (const summary_wish& other : {wish_for(all, edited), wish_for(all, shorter),
                                      wish_for(all, long_talk(), "another key"), wish_for(all, {})}) {
        EXPECT_EQ(all.find(other.share, other.of), nullptr);
    }
}

TEST(turn_summaries, a_model_that_gives_none_is_not_asked_for_ever) {
    turn_summaries all(a_key);
    all.want(wish_for(all, long_talk()));
    unsigned asked = 0;
    for (; all.wanted() && asked < 10; ++asked) {
        for (int i = 0; i < 5; ++i) {
            all.put_back(all.take());  // a person came, which is not the model's fault
        }
        all.answer(all.take(), std::nullopt);  // broken, without a fallback
    }
    EXPECT_EQ(asked, 3U);
    all.want(wish_for(all, long_talk()));
    EXPECT_FALSE(all.wanted());
    turn_summaries useless(a_key);
    EXPECT_EQ(made(useless, long_talk(), ""), nullptr);
    useless.want(wish_for(useless, long_talk()));
    EXPECT_FALSE(useless.wanted());
}

TEST(turn_summaries, what_is_put_back_gives_way_to_a_newer_one) {
    turn_summaries all(a_key);
    all.want(wish_for(all, long_talk()));
    summary_wish older = all.take();
    talk more = long_talk();
    more.push_back(spoken(role::user, "And buses?"));
    all.want(wish_for(all, more));
    all.put_back(std::move(older));
    EXPECT_EQ(all.take().of.marks.size(), more.size());
    EXPECT_FALSE(all.wanted());
}

TEST(turn_summaries, goes_on_from_the_last_one) {
    turn_summaries all(a_key);
    talk turns = long_talk();
    ASSERT_NE(made(all, turns, "They talked of trains."), nullptr);
    turns.push_back(spoken(role::user, "And buses?"));
    const std::string read = all.transcript_of(wish_for(all, turns));
    EXPECT_EQ(read, std::string(summary_heading) + "They talked of trains.\n\nUser: And buses?\n\n");
}

TEST(turn_summaries, is_bounded_by_client) {
    turn_summaries all(a_key, {6, 3, 2, 3});
    EXPECT_NE(made(all, long_talk(), "The first to come.", "modest"), nullptr);
    for (int i = 0; i < 20; ++i) {
        talk turns = long_talk();
        turns[0].content += std::to_string(i);
        EXPECT_NE(made(all, turns, "They talked of trains.", "greedy" + std::to_string(i % 2)), nullptr);
        EXPECT_LE(all.size(), 6U);
    }
    const summary_wish first = wish_for(all, long_talk(), "modest");
    EXPECT_NE(all.find(first.share, first.of), nullptr) << "the greedy give way";
    for (int i = 0; i < 5; ++i) {
        all.want(wish_for(all, {spoken(role::user, std::to_string(i))}, "w" + std::to_string(i)));
    }
    unsigned wishes = 0;
    for (; all.wanted(); ++wishes) {
        static_cast<void>(all.take());
    }
    EXPECT_EQ(wishes, 2U);
}

TEST(turn_summaries, come_and_leave_the_cut_where_it_is) {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        core::seeded_random random(seed);
        turn_summaries all(a_key);
        chat::generation_request asked;
        asked.owner = "key";
        asked.messages = {spoken(role::system, "S")};
        for (std::uint64_t n = 4 + random.next() % 30; n > 0; --n) {
            asked.messages.push_back(spoken(role::user, "Q" + std::string(random.next() % 300, 'q')));
            asked.messages.push_back(spoken(role::assistant, "A" + std::string(random.next() % 600, 'a')));
        }
        asked.messages.push_back(spoken(role::user, "now"));
        prompt_cutter before(asked, &all);
        if (!before.fit(3000) || before.left_out().marks.empty()) {
            continue;
        }
        summary_wish wish;
        wish.share = turn_summaries::share_of(asked);
        wish.of = before.left_out();
        all.want(wish);
        all.answer(all.take(), std::string(random.next() % 2000, 's') + " a summary of it");
        prompt_cutter after(asked, &all);
        ASSERT_TRUE(after.fit(3000));
        const left_out_turns same = after.left_out();
        const std::string* const text = all.find(wish.share, same);
        if (text == nullptr) {
            continue;  // no shorter than what went
        }
        const talk plain = after.rest().messages;
        after.stand_in(*text);
        const talk& read = after.rest().messages;
        ASSERT_EQ(read.size(), plain.size()) << seed;
        EXPECT_EQ(read[1].content, *text + plain[1].content) << seed;
        EXPECT_EQ(after.cuts().summarised, same.marks.size()) << seed;
        EXPECT_LE(after.bytes(), 3100U) << seed;
    }
}

}  // namespace
}  // namespace corral::generation
