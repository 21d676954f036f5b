#include "generation/turn_cuts.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "corral/core/random_source.hpp"

namespace corral::generation {
namespace {

using chat::role;
using conversation = std::vector<chat::message>;

chat::message says(role from, std::string content) {
    chat::message out;
    out.from = from;
    out.content = std::move(content);
    return out;
}

chat::message calls(const std::string& name, std::size_t count = 1) {
    chat::message out = says(role::assistant, "");
    for (std::size_t i = 0; i < count; ++i) {
        out.calls.push_back({"", name, {{"where", "here"}}});
    }
    return out;
}

std::string outline(const conversation& messages) {
    std::string out;
    for (const chat::message& one : messages) {
        out += (one.calls.empty() ? one.content.substr(0, 2) : "C" + one.calls[0].name) + " ";
    }
    return out;
}

std::string cut(conversation messages, std::size_t room) {
    EXPECT_GT(cut_turns(messages, room).messages, 0U);
    return outline(messages);
}

TEST(turn_cuts, what_fits_stays_as_it_is) {
    conversation all{says(role::assistant, "A0"), says(role::user, "U1")};
    EXPECT_EQ(cut_turns(all, 100).messages, 0U);
    EXPECT_EQ(outline(all), "A0 U1 ");
}

TEST(turn_cuts, a_question_goes_with_all_that_answers_it) {
    const std::string text(60, '.');
    conversation all{says(role::system, "S"), says(role::assistant, "A0")};
    for (const char* n : {"1", "2", "3", "4"}) {
        all.push_back(says(role::user, std::string("U") + n + text));
        all.push_back(says(role::assistant, std::string("A") + n + text));
    }
    all.insert(all.begin() + 4, says(role::system, "T"));
    all.push_back(says(role::user, "U5"));
    EXPECT_EQ(cut(all, 400), "S T U4 A4 U5 ") << "no more than half of the room, and no orphan of an answer";
}

TEST(turn_cuts, the_task_of_a_tool_loop_stays_with_its_newest_call_and_result) {
    conversation all{says(role::system, "S"), says(role::user, "U1 an older one"),
                     says(role::assistant, "A1"), says(role::user, "U2 the task")};
    for (int i = 0; i < 20; ++i) {
        all.push_back(calls(std::to_string(i)));
        all.push_back(says(role::tool, "R" + std::string(60, 'r')));
    }
    const std::string left = cut(all, 500);
    EXPECT_TRUE(left.starts_with("S U2 C")) << left;
    EXPECT_TRUE(left.ends_with(" C19 Rr ")) << left;
}

TEST(turn_cuts, what_programs_write_in_the_name_of_the_person_is_no_task) {
    conversation all{says(role::user, "U1 the task"), says(role::assistant, "A1 look"),
                     says(role::user, "<tool_response>\n" + std::string(300, 'r') + "\n</tool_response>"),
                     says(role::assistant, "A2 look"),
                     says(role::user, "<system-reminder>Go on.</system-reminder>")};
    EXPECT_EQ(cut(all, 250), "U1 A2 <s ");
    const conversation page{says(role::user, "<html></html>")};
    EXPECT_EQ(task_of(page), &page[0]) << "there is no other";
    EXPECT_EQ(task_of({}), nullptr);
}

TEST(turn_cuts, what_programs_write_before_the_words_of_a_person_goes_before_these_do) {
    const std::string note = "<reminder>" + std::string(5000, 'n') + "</reminder>\n\n";
    const std::string words = "U1 the task" + std::string(400, 'u');
    conversation all{says(role::user, note + words), calls("a"), says(role::tool, "R")};
    EXPECT_EQ(cut_turns(all, 3000).messages, 0U);
    EXPECT_TRUE(all[0].content.ends_with(words)) << all[0].content;
    EXPECT_LT(all[0].content.size(), 1000U);
    conversation loop{says(role::user, note + "U1" + note), calls("a"),
                      says(role::tool, std::string(9000, 'r')), says(role::user, note)};
    EXPECT_EQ(task_of(loop), &loop[0]) << "between two notes";
    EXPECT_EQ(persons_words("<a>1</a>2</a>"), "") << "of a result with such a tag in its text";
    EXPECT_EQ(persons_words(" <a b> c"), "<a b> c");
    EXPECT_TRUE(is_persons(says(role::user, ""))) << "an image, say";
    EXPECT_EQ(persons_words("<context>1</context>\n<userRequest>\nRead <a>.\n</userRequest>"), "Read <a>.");
    EXPECT_EQ(persons_words("<user_input mode=\"act\">Read it.</user_input>"), "Read it.");
    EXPECT_EQ(persons_words("<userRequest>"), "<userRequest>");
    EXPECT_EQ(persons_words("<userRequest></userRequest>"), "");
}

TEST(turn_cuts, long_results_are_shortened_before_anything_newer_goes) {
    conversation all{says(role::user, "U1 the task"), calls("a"), says(role::tool, std::string(20'000, 'r')),
                     calls("b"), says(role::tool, std::string(20'000, 'r'))};
    const turn_cuts cuts = cut_turns(all, 3000);
    ASSERT_EQ(outline(all), "U1 Ca rr Cb rr ");
    EXPECT_EQ(cuts.messages, 0U);
    EXPECT_GT(all[4].content.size(), all[2].content.size()) << "the newest keeps more";
    EXPECT_LE(turn_bytes(all), 3000U);
    EXPECT_GT(cuts.newest_bytes, 17'000U);
    EXPECT_GT(cuts.text_bytes, 36'000U);
}

TEST(turn_cuts, a_long_text_in_a_call_is_shortened_too) {
    conversation all{says(role::user, "U1 the task"), calls("write")};
    all[1].calls[0].arguments["content"] = std::string(10'000, 'c');
    all.push_back(says(role::tool, "done"));
    EXPECT_EQ(cut_turns(all, 1500).messages, 0U);
    EXPECT_LE(turn_bytes(all), 1500U);
    EXPECT_NE(all[1].calls[0].arguments["content"].get<std::string>().find("left out"), std::string::npos);
}

TEST(turn_cuts, a_begun_answer_keeps_its_question) {
    conversation all{says(role::user, "U1" + std::string(400, 'u')), says(role::assistant, "A1"),
                     says(role::user, "U2"), says(role::assistant, "A2 begins")};
    EXPECT_EQ(cut(all, 200), "U2 A2 ");
}

// Of any conversation, in as little room as may be.
TEST(turn_cuts, any_conversation_keeps_its_task_its_newest_and_its_order) {
    core::seeded_random dice{20'261};
    const auto up_to = [&](std::uint64_t most) { return dice.next() % (most + 1); };
    const auto text = [&](const std::string& begin) {
        return begin + std::string(up_to(9) == 0 ? up_to(5000) : up_to(200), 'x');
    };
    for (int round = 0; round < 3000; ++round) {
        conversation all;
        int number = 0;
        const auto add = [&](role from, const std::string& kind) {
            all.push_back(says(from, text(kind + std::to_string(number++) + " ")));
        };
        if (up_to(1) == 1) {
            add(role::system, "S");
        }
        if (up_to(4) == 0) {
            add(role::assistant, "greeting");
        }
        const std::uint64_t turns = up_to(8);
        for (std::uint64_t turn = 0; turn <= turns; ++turn) {
            add(role::user, "Q");
            const bool last = turn == turns;
            for (std::uint64_t rounds = up_to(6) == 0 ? up_to(30) : up_to(2); rounds > 0; --rounds) {
                all.push_back(calls("t" + std::to_string(number++), up_to(2) + 1));
                for (std::size_t results = all.back().calls.size(); results > 0; --results) {
                    add(up_to(5) == 0 ? role::user : role::tool, "<tool_response>R");
                    all.back().content += "</tool_response>";
                }
            }
            if (!last || up_to(6) == 0) {
                add(role::assistant, "A");
            }
            if (up_to(8) == 0) {
                add(role::system, "S");
            }
        }
        const std::size_t room = up_to(4000);
        conversation left = all;
        const turn_cuts cuts = cut_turns(left, room);
        ASSERT_EQ(cuts.messages, all.size() - left.size());
        // In order, and each is one of the conversation: texts begin with a number of their own.
        std::vector<std::size_t> kept;
        const auto same = [](const chat::message& one, const chat::message& other) {
            return one.from == other.from && one.content.substr(0, 20) == other.content.substr(0, 20) &&
                   (one.calls.empty() ? other.calls.empty()
                                      : !other.calls.empty() && one.calls[0].name == other.calls[0].name);
        };
        std::size_t at = 0;
        for (const chat::message& one : left) {
            while (at < all.size() && !same(all[at], one)) {
                ASSERT_NE(all[at].from, role::system) << "system prompts stay";
                ++at;
            }
            ASSERT_LT(at, all.size()) << outline(all) << "| " << outline(left);
            kept.push_back(at++);
        }
        const auto is_kept = [&](std::size_t i) {
            return std::find(kept.begin(), kept.end(), i) != kept.end();
        };
        std::size_t question = all.size();
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (all[i].content.starts_with("Q")) {
                question = i;
            }
            const bool result = all[i].content.starts_with("<tool");
            if (result) {
                ASSERT_EQ(is_kept(i), is_kept(i - 1)) << "a call and its results stay together";
            } else if (all[i].from == role::assistant && question < all.size() && is_kept(i)) {
                ASSERT_TRUE(is_kept(question)) << "an answer stays with its question";
            }
        }
        ASSERT_TRUE(is_kept(question)) << "the task stays: " << outline(left);
        std::size_t newest = all.size() - 1;
        while (all[newest].from == role::system) {
            --newest;
        }
        ASSERT_TRUE(is_kept(newest)) << "the newest stays";
        const auto first = std::find_if(left.begin(), left.end(),
                                        [](const chat::message& one) { return one.from != role::system; });
        ASSERT_TRUE(cuts.messages == 0 || first->from == role::user) << outline(left);
        for (std::size_t i = 1; i < kept.size(); ++i) {
            const bool same_role =
                all[kept[i]].from == all[kept[i - 1]].from && all[kept[i]].from != role::system;
            ASSERT_TRUE(!same_role || kept[i] == kept[i - 1] + 1)
                << "roles alternate as they did: " << outline(left);
        }
        ASSERT_TRUE(turn_bytes(left) <= room || turn_bytes(left) < 3500) << room;
        for (const chat::message& one : left) {
            ASSERT_EQ(one.content.find("left out"), one.content.rfind("left out")) << "one mark";
        }
    }
}

// The next turns of a conversation go on where the last one was cut.
TEST(turn_cuts, most_turns_begin_like_the_one_before) {
    core::seeded_random dice{20'262};
    for (const std::size_t room : {3000U, 4700U, 20'000U}) {
        for (const bool loop : {false, true}) {
            conversation all{says(role::user, "Q0 the task")};
            std::string before;
            std::size_t bytes = 0;
            std::size_t common = 0;
            for (int turn = 1; turn <= 200; ++turn) {
                const std::string n = std::to_string(turn);
                const std::string text(room / 20 + dice.next() % (room / 6), 'x');
                if (loop) {
                    all.push_back(calls(n));
                    all.push_back(says(role::tool, n + text));
                } else {
                    all.push_back(says(role::assistant, n + text));
                    all.push_back(says(role::user, "Q" + n));
                }
                conversation left = all;
                if (cut_turns(left, room).messages == 0) {
                    continue;
                }
                std::string now;
                for (const chat::message& one : left) {
                    now += one.content + (one.calls.empty() ? "" : one.calls[0].name) + "|";
                }
                bytes += now.size();
                common += static_cast<std::size_t>(
                    std::mismatch(now.begin(), now.end(), before.begin(), before.end()).first - now.begin());
                before = now;
            }
            EXPECT_GT(common * 100, bytes * 60)
                << room << (loop ? " loop " : " chat ") << common * 100 / bytes;
        }
    }
}

}  // namespace
}  // namespace corral::generation
