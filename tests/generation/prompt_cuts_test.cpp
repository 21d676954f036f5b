#include "generation/prompt_cuts.hpp"

#include <gtest/gtest.h>

#include "corral/core/utf8.hpp"

namespace corral::generation {
namespace {

chat::message turn(chat::role from, std::string content) {
    chat::message out;
    out.from = from;
    out.content = std::move(content);
    return out;
}

nlohmann::ordered_json tool(const std::string& name, const std::string& said = "Does it.") {
    return {{"type", "function"},
            {"function",
             {{"name", name},
              {"description", said},
              {"parameters",
               {{"type", "object"},
                {"properties",
                 {{"where", {{"type", "string"}, {"description", said}, {"enum", {"description"}}}}}}}}}}};
}

chat::generation_request asking(std::string text) {
    chat::generation_request out;
    out.messages.push_back(turn(chat::role::user, std::move(text)));
    return out;
}

// What the parts have of a budget, with a question that lets each of them want more.
TEST(prompt_cuts, each_part_has_its_share_and_leaves_the_rest_to_the_others) {
    auto whole = asking(std::string(9000, 'u'));
    prompt_cutter alone(whole);
    EXPECT_TRUE(alone.fit(4000));
    EXPECT_GT(alone.bytes(), 3800U);
    whole.messages.insert(whole.messages.begin(), turn(chat::role::system, std::string(9000, 's')));
    prompt_cutter two(whole);
    EXPECT_TRUE(two.fit(4000));
    EXPECT_NEAR(static_cast<double>(two.rest().messages[0].content.size()), 1333, 40) << "a third";
    whole.tools = nlohmann::ordered_json::array();
    for (int i = 0; i < 36; ++i) {
        whole.tools.push_back(tool("tool_" + std::to_string(i)));
    }
    prompt_cutter three(whole);
    EXPECT_TRUE(three.fit(4000));
    EXPECT_LE(three.bytes(), 4000U);
    EXPECT_NEAR(static_cast<double>(three.rest().messages[0].content.size()), 1000, 80);
    EXPECT_GT(three.rest().tools.size(), 3U);
    whole.messages.back().content = "use tool 7";
    prompt_cutter asked(whole);
    EXPECT_TRUE(asked.fit(4000));
    EXPECT_NEAR(static_cast<double>(asked.rest().messages[0].content.size()), 2000, 250);
    EXPECT_GT(asked.rest().tools.size(), 10U);
    EXPECT_NE(asked.rest().tools.dump().find("tool_7"), std::string::npos);
    EXPECT_EQ(asked.rest().messages.back().content, "use tool 7");
}

// The budget in bytes varies with what the history is made of.
TEST(prompt_cuts, an_agent_loop_keeps_its_tools_while_the_budget_varies) {
    for (const bool keeps : {false, true}) {
        auto whole = asking("Go through all files.");
        whole.messages.insert(whole.messages.begin(), turn(chat::role::system, std::string(1000, 's')));
        whole.tools = nlohmann::ordered_json::array();
        for (int i = 0; i < 30; ++i) {
            whole.tools.push_back(tool("tool_" + std::to_string(i), "Does much. " + std::string(200, 'd')));
        }
        kept_budgets kept;
        std::string before;
        int changes = 0;
        for (std::size_t step = 0; step < 24; ++step) {
            const std::string name = step < 20 ? "tool_1" : "tool_29";
            whole.messages.push_back(turn(chat::role::assistant, ""));
            whole.messages.back().calls.push_back({"", name, {{"path", "f" + std::to_string(step)}}});
            whole.messages.push_back(turn(chat::role::tool, std::string(20 + 60 * (step % 5), 'r')));
            const std::size_t budget = 4000 + step * 7 % 5 * 300;
            prompt_cutter cutter(whole, nullptr, keeps ? kept.find(whole) : 0);
            ASSERT_TRUE(cutter.fit(budget));
            EXPECT_LE(cutter.bytes(), budget + 100) << step;
            EXPECT_GE(cutter.bytes(), std::min<std::size_t>(budget / 2, 2000)) << step;
            kept.note(whole, cutter.beginning_budget());
            const std::string now = cutter.rest().tools.dump() + cutter.rest().messages.front().content;
            EXPECT_NE(now.find(name), std::string::npos);
            changes += step > 1 && now != before ? 1 : 0;
            before = now;
        }
        if (keeps) {
            EXPECT_LE(changes, 1) << "where the tool came in";
        } else {
            EXPECT_GT(changes, 5);
        }
    }
}

TEST(prompt_cuts, a_kept_budget_follows_one_that_is_far_from_it) {
    auto whole = asking(std::string(9000, 'u'));
    whole.client = "c";
    kept_budgets kept;
    EXPECT_EQ(kept.find(whole), 0U);
    kept.note(whole, 4000);
    EXPECT_EQ(kept.find(whole), 4000U);
    const auto used = [&](std::size_t budget) {
        prompt_cutter cutter(whole, nullptr, kept.find(whole));
        EXPECT_TRUE(cutter.fit(budget));
        return cutter.beginning_budget();
    };
    EXPECT_EQ(used(3200), 4000U);
    EXPECT_EQ(used(5200), 4000U);
    EXPECT_EQ(used(2400), 3200U);
    EXPECT_EQ(used(8000), 6000U);
    auto other = whole;
    other.owner = "somebody else";
    EXPECT_EQ(kept.find(other), 0U);
    other = whole;
    other.messages.front().content = "another conversation";
    EXPECT_EQ(kept.find(other), 0U);
    for (std::size_t i = 0; i < 64; ++i) {
        other.model = std::to_string(i);
        kept.note(other, 1);
    }
    EXPECT_EQ(kept.find(whole), 0U) << "the oldest goes";
}

TEST(prompt_cuts, images_go_with_their_turns) {
    const auto image = std::make_shared<const chat::image>(chat::image{"image/png", "AAAA", 1});
    auto whole = asking("newest");
    for (int i = 0; i < 3; ++i) {
        whole.messages.insert(whole.messages.begin(),
                              {turn(chat::role::user, "look"), turn(chat::role::assistant, "yes")});
        whole.messages.front().images = {image};
    }
    whole.messages.back().images = {image};
    prompt_cutter cutter(whole);
    EXPECT_GT(cutter.bytes(), 4000U);
    EXPECT_TRUE(cutter.fit(2700));
    EXPECT_EQ(cutter.cuts().messages, 4U);
    ASSERT_EQ(cutter.rest().messages.size(), 3U);
    EXPECT_EQ(cutter.rest().messages.back().images.size(), 1U);
}

TEST(prompt_cuts, a_long_text_keeps_its_ends_and_whole_characters) {
    std::string text = "begin ";
    for (int i = 0; i < 500; ++i) {
        text += "\u4f60";
    }
    auto whole = asking(text + " end");
    whole.messages.insert(whole.messages.begin(), turn(chat::role::system, "Be brief."));
    for (std::size_t budget = 900; budget < 920; ++budget) {
        prompt_cutter cutter(whole);
        EXPECT_TRUE(cutter.fit(budget + 100));
        EXPECT_TRUE(cutter.fit(budget));
        EXPECT_LE(cutter.bytes(), budget);
        const std::string& left = cutter.rest().messages[1].content;
        EXPECT_EQ(left.compare(0, 6, "begin "), 0);
        EXPECT_EQ(left.substr(left.size() - 4), " end");
        EXPECT_EQ(left.find("left out"), left.rfind("left out")) << "one mark";
        EXPECT_GT(cutter.cuts().newest_bytes, 500U);
        for (std::string_view rest = left; !rest.empty();) {
            const std::size_t length = core::character_length(rest);
            ASSERT_GT(length, 0U) << "a character was cut in two";
            rest.remove_prefix(length);
        }
        EXPECT_EQ(cutter.rest().messages[0].content, "Be brief.");
    }
}

// As Codex and Claude Code ask for it; what they get takes the place of all that was said.
TEST(prompt_cuts, a_conversation_that_is_to_be_summed_up_is_told_from_its_beginning) {
    auto whole = asking("The gate code is 4711.");
    whole.messages.insert(whole.messages.begin(), turn(chat::role::system, std::string(9000, 's')));
    for (int i = 0; i < 12; ++i) {
        whole.messages.push_back(turn(chat::role::assistant, ""));
        whole.messages.back().calls.push_back({"c", "read", {{"path", "part" + std::to_string(i)}}});
        whole.messages.push_back(turn(chat::role::tool, std::string(9000, 'r') + std::to_string(i) + "!"));
    }
    whole.tools = nlohmann::ordered_json::array({tool("read")});
    const std::string question = "You are performing a CONTEXT CHECKPOINT COMPACTION. Write a summary.";
    whole.messages.push_back(turn(chat::role::user, question));
    whole.messages.push_back(turn(chat::role::system, "# Environment"));
    prompt_cutter cutter(whole);
    EXPECT_TRUE(cutter.fit(6000));
    EXPECT_LE(cutter.bytes(), 6100U);
    EXPECT_GT(cutter.bytes(), 4500U);
    ASSERT_EQ(cutter.rest().messages.size(), 1U);
    const std::string& told = cutter.rest().messages[0].content;
    EXPECT_TRUE(told.ends_with(question)) << told;
    EXPECT_NE(told.find("User: The gate code is 4711."), std::string::npos) << told;
    for (int i = 0; i < 12; ++i) {
        EXPECT_NE(told.find("part" + std::to_string(i) + "\""), std::string::npos) << i << told;
        EXPECT_NE(told.find("r" + std::to_string(i) + "!"), std::string::npos) << i << told;
    }
    EXPECT_TRUE(cutter.rest().tools.is_null());
    EXPECT_GT(cutter.cuts().text_bytes, 100'000U);
    EXPECT_EQ(note_for_people(cutter.cuts(), false), "") << "it would stand in the summary";
    whole.messages.erase(whole.messages.begin() + 1, whole.messages.end() - 2);
    whole.messages[1].content += std::string(9000, 'q');
    prompt_cutter alone(whole);
    EXPECT_TRUE(alone.fit(4000));
    EXPECT_EQ(alone.rest().messages.size(), 3U) << "nothing was said before it";
}

TEST(prompt_cuts, a_text_with_a_hole_loses_its_far_ends) {
    chat::generation_request whole;
    whole.hole = chat::fill_in_middle{std::string(1000, 'p') + "near", "close" + std::string(500, 's')};
    prompt_cutter cutter(whole);
    EXPECT_TRUE(cutter.fit(400));
    EXPECT_EQ(cutter.bytes(), 400U);
    EXPECT_EQ(cutter.rest().hole->prefix.substr(cutter.rest().hole->prefix.size() - 4), "near");
    EXPECT_EQ(cutter.rest().hole->suffix.substr(0, 5), "close");
    whole.hole.reset();
    whole.raw_prompt = "begin" + std::string(1000, 'p') + "end";
    prompt_cutter raw(whole);
    EXPECT_TRUE(raw.fit(400));
    EXPECT_LE(raw.bytes(), 400U);
    EXPECT_TRUE(raw.rest().raw_prompt->ends_with("end"));
}

TEST(prompt_cuts, short_texts_stay_whole) {
    const auto whole = asking(std::string(160, 'x'));
    prompt_cutter cutter(whole);
    EXPECT_FALSE(cutter.fit(10));
    EXPECT_FALSE(cutter.cuts().any());
}

TEST(prompt_cuts, people_are_told_of_what_they_miss) {
    EXPECT_EQ(note_for_people({.messages = 2, .tools = 30, .text_bytes = 90}, false), "")
        << "less than a tenth";
    EXPECT_EQ(note_for_people({.messages = 2, .a_tenth = true}, true), "") << "a program's history";
    EXPECT_EQ(
        note_for_people({.messages = 1, .text_bytes = 5128, .newest_bytes = 5120, .a_tenth = true}, false),
        "[The model did not read all of this, for its context is too small: 5120 bytes of the newest "
        "messages, 1 earlier message, 8 bytes of other texts left out.]");
}

TEST(prompt_cuts, figures_name_the_parts_that_went) {
    EXPECT_EQ(to_text({}), "");
    EXPECT_EQ(to_text({.messages = 4, .tools = 33, .descriptions = 3, .text_bytes = 5120}),
              "messages=4, tools=33, descriptions=3, text-bytes=5120");
}

TEST(prompt_cuts, clients_are_remembered_for_an_hour_and_in_bounds) {
    shortened_requests told;
    const core::steady_time start{std::chrono::hours{100}};
    for (int i = 0; i < 100; ++i) {
        told.add("client-" + std::to_string(i), "m", {.tools = 1}, start);
    }
    EXPECT_EQ(told.warnings(start).size(), 32U);
    told.add("client-99", "m", {.tools = 2}, start + std::chrono::hours{1});
    const auto later = told.warnings(start + std::chrono::hours{1} + std::chrono::seconds{1});
    ASSERT_EQ(later.size(), 1U);
    EXPECT_NE(later[0].find("client-99"), std::string::npos);
    EXPECT_NE(later[0].find("(2, the last by tools=2)"), std::string::npos);
}

TEST(prompt_cuts, moved_lines_are_told_beside_what_was_shortened) {
    shortened_requests told;
    const core::steady_time start{std::chrono::hours{100}};
    told.add("c", "m", {.tools = 1}, start);
    told.add_moved("c", "m", 2, start);
    told.add_moved("c", "m", 3, start);
    const auto both = told.warnings(start);
    ASSERT_EQ(both.size(), 2U);
    EXPECT_NE(both[1].find("requests of c to model m (2, the last by moved-lines=3)"), std::string::npos);
}

}  // namespace
}  // namespace corral::generation
