#include "engine/streaming/prefix_places.hpp"

#include <set>

#include <gtest/gtest.h>

#include "corral/core/random_source.hpp"

namespace corral::engine::streaming {
namespace {

using catalog::prefix_cache;

TEST(prefix_places, a_conversation_goes_back_to_its_slot) {
    prefix_places all(prefix_cache::llama_cpp, 2);
    const auto first = all.take("one: hello", "anna");
    ASSERT_TRUE(first);
    all.leave(*first, true);
    const auto second = all.take("two: good morning", "anna");
    EXPECT_NE(second->slot, first->slot) << "the unused one";
    all.leave(*second, true);
    const auto again = all.take("one: hello, and more of it", "anna");
    EXPECT_EQ(again->slot, first->slot);
    EXPECT_FALSE(again->computes_all);
    all.leave(*again, true);
    EXPECT_EQ(all.held("two: good morning, and more", "anna"), 17U);
}

TEST(prefix_places, nothing_of_another_owner_is_used) {
    prefix_places all(prefix_cache::llama_cpp, 1);
    const auto first = all.take("a secret question", "anna");
    EXPECT_FALSE(first->computes_all) << "nobody was there before";
    all.leave(*first, true);
    EXPECT_EQ(all.held("a secret question", "ben"), 0U);
    EXPECT_EQ(all.held("a secret question", ""), 0U);
    const auto other = all.take("a secret question", "ben");
    EXPECT_TRUE(other->computes_all);
    all.leave(*other, true);
    EXPECT_TRUE(all.take("a secret question", "anna")->computes_all) << "it is ben's now";
}

TEST(prefix_places, a_stranger_gets_the_slot_that_was_left_alone_for_longest_and_its_own_before_others) {
    prefix_places all(prefix_cache::llama_cpp, 3);
    std::vector<prefix_places::choice> taken;
    for (const char* who : {"anna", "ben", "anna"}) {
        taken.push_back(*all.take(std::string(who) + std::to_string(taken.size()), who));
    }
    for (const auto& each : taken) {
        all.leave(each, true);
    }
    EXPECT_EQ(all.take("something else", "anna")->place, taken[0].place);
    EXPECT_EQ(all.take("something else", "carl")->place, taken[1].place);
}

TEST(prefix_places, a_system_prompt_that_all_share_is_no_conversation) {
    prefix_places all(prefix_cache::automatic, 1);
    const auto run = all.take("You are a clerk. " + std::string(200, 'x'), "anna");
    EXPECT_FALSE(run->slot) << "the server chooses";
    all.leave(*run, true);
    EXPECT_EQ(all.held("You are a clerk. " + std::string(200, 'y'), "anna"), 0U);
}

TEST(prefix_places, a_run_that_goes_on_holds_nothing_for_others_and_a_refused_one_left_nothing) {
    prefix_places all(prefix_cache::automatic, 1);
    const auto run = all.take("one", "anna");
    EXPECT_EQ(all.held("one and two", "anna"), 0U);
    EXPECT_FALSE(all.take("two", "anna")) << "no place is left";
    all.leave(*run, false);
    EXPECT_EQ(all.held("one and two", "anna"), 0U);
}

TEST(prefix_places, a_new_process_holds_nothing_and_no_slot_is_given_twice) {
    prefix_places all(prefix_cache::llama_cpp, 1);
    const auto run = all.take("one", "anna");
    all.forget();
    EXPECT_FALSE(all.take("two", "ben")) << "the old run has not left yet";
    all.leave(*run, true);
    EXPECT_FALSE(all.take("two", "ben")->computes_all) << "nothing of anna is in the new process";
}

TEST(prefix_places, nothing_of_a_process_that_was_taken_over_is_used_before_it_is_computed_anew) {
    prefix_places all(prefix_cache::llama_cpp, 1);
    all.doubt();
    for (const char* who : {"", "anna"}) {
        EXPECT_EQ(all.held("one", who), 0U);
    }
    const auto first = all.take("one", "");
    EXPECT_TRUE(first->computes_all);
    all.leave(*first, true);
    EXPECT_FALSE(all.take("one and two", "")->computes_all);
}

TEST(prefix_places, none_where_the_server_keeps_nothing) {
    prefix_places all(prefix_cache::none, 4);
    EXPECT_FALSE(all.take("one", "anna"));
    EXPECT_EQ(all.held("one", "anna"), 0U);
}

TEST(prefix_places, conversations_in_messages_begin_alike_turn_after_turn) {
    chat::rendered_prompt one;
    one.messages = {{"system", "Be brief."}, {"user", "Hi"}};
    chat::rendered_prompt two = one;
    two.messages.push_back({"assistant", "Hello"});
    two.messages.push_back({"user", "And?"});
    EXPECT_TRUE(prefix_text(two).starts_with(prefix_text(one)));
    two.messages[1].text = "Hi there";
    EXPECT_FALSE(prefix_text(two).starts_with(prefix_text(one)));
    chat::rendered_prompt moved = one;
    moved.messages = {{"system", "Be brief.user"}, {"", "Hi"}};
    EXPECT_NE(prefix_text(moved), prefix_text(one));
}

// Whatever comes and goes: no slot for two runs at once, and what one owner left is used by no other.
// A copy of the whole would hold the loop.
TEST(prefix_places, of_a_long_prompt_the_beginning_alone_is_copied) {
    const std::string much(8UL * 1024 * 1024, 'x');
    chat::rendered_prompt whole;
    whole.system = much;
    whole.turns = much;
    chat::rendered_prompt turns;
    turns.messages = {{"system", much}, {"user", much}};
    for (const chat::rendered_prompt& each : {whole, turns}) {
        const std::string text = prefix_text(each);
        EXPECT_GT(text.size(), 1000U);
        EXPECT_LT(text.size(), 1024U * 1024);
    }
}

TEST(prefix_places, a_random_walk_gives_no_slot_twice_and_shows_nobody_what_is_not_his) {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        core::seeded_random dice(seed);
        prefix_places all(prefix_cache::llama_cpp, 3);
        std::vector<prefix_places::choice> inside;
        std::vector<std::string> owner_of(3, "nobody");
        for (int step = 0; step < 400; ++step) {
            const std::string owner(1, static_cast<char>('a' + dice.next() % 3));
            if (dice.next() % 2 == 0) {
                const auto got = all.take(
                    "talk " + std::to_string(dice.next() % 4) + std::string(dice.next() % 30, 'x'), owner);
                ASSERT_EQ(got.has_value(), inside.size() < 3);
                if (!got) {
                    continue;
                }
                for (const auto& each : inside) {
                    ASSERT_NE(each.place, got->place);
                }
                const bool others = owner_of[got->place] != "nobody" && owner_of[got->place] != owner;
                ASSERT_EQ(got->computes_all, others);
                owner_of[got->place] = owner;
                inside.push_back(*got);
            } else if (!inside.empty()) {
                all.leave(inside.back(), dice.next() % 4 != 0);
                inside.pop_back();
            } else if (dice.next() % 8 == 0) {
                all.forget();
                owner_of.assign(3, "nobody");
            }
        }
    }
}

}  // namespace
}  // namespace corral::engine::streaming
