#include "generation/prompt_quarantine.hpp"

#include <gtest/gtest.h>

namespace corral::generation {
namespace {

using core::seconds;
using how = engine::run_loss::how;

const core::steady_time start{seconds{1000}};

chat::generation_request asking(std::string content) {
    chat::generation_request out;
    chat::message user;
    user.content = std::move(content);
    out.messages.push_back(std::move(user));
    return out;
}

TEST(prompt_quarantine, knows_a_prompt_by_what_it_asks_and_not_by_how) {
    const prompt_quarantine table({1, 2});
    const auto mark = [&](const chat::generation_request& what) {
        return table.mark_of(table.content_of(what), "m", 0);
    };
    const prompt_mark plain = mark(asking("Hi"));
    chat::generation_request other = asking("Hi");
    other.id = "r2";
    other.client = "somebody";
    other.sampling.seed = 7;
    other.limits.num_predict = 4;
    EXPECT_EQ(mark(other), plain);

    EXPECT_NE(mark(asking("Hi ")), plain);
    EXPECT_NE(table.mark_of(table.content_of(asking("Hi")), "m", 1), plain)
        << "another tier is another runtime";
    EXPECT_NE(table.mark_of(table.content_of(asking("Hi")), "n", 0), plain);
    EXPECT_NE(prompt_quarantine({1, 3}).content_of(asking("Hi")), table.content_of(asking("Hi")))
        << "the key";
    other.messages.front().from = chat::role::system;
    EXPECT_NE(mark(other), plain);
    chat::generation_request with_tools = asking("Hi");
    with_tools.tools = nlohmann::ordered_json::array({1});
    EXPECT_NE(mark(with_tools), plain);
    chat::generation_request raw;
    raw.raw_prompt = "Hi";
    EXPECT_NE(mark(raw), plain);
    chat::generation_request seeing = asking("Hi");
    const auto image = [](std::uint64_t number) {
        return std::make_shared<const chat::image>(chat::image{"image/png", "AAAA", number});
    };
    seeing.messages.front().images = {image(1)};
    EXPECT_NE(mark(seeing), plain);
    chat::generation_request seeing_else = seeing;
    seeing_else.messages.front().images = {image(2)};
    EXPECT_NE(mark(seeing), mark(seeing_else));
    // Long ones are told apart by both ends and the length.
    const std::string filler(1'000'000, 'x');
    EXPECT_NE(mark(asking(filler + "a")), mark(asking(filler + "b")));
    EXPECT_NE(mark(asking(filler)), mark(asking(filler + "x")));
}

TEST(prompt_quarantine, counts_deaths_and_hangs_together_and_shared_ones_half) {
    prompt_quarantine table({1, 2});
    table.note(5, {how::none, false, ""}, 0, start);
    EXPECT_TRUE(table.empty());
    table.note(5, {how::died, true, "It died. It is being restarted."}, 0, start);
    EXPECT_EQ(table.find(5, 0, start)->losses, 0U);
    table.note(5, {how::hung, true, "x"}, 0, start);
    EXPECT_EQ(table.find(5, 0, start)->losses, 1U);
    table.note(5, {how::died, false, "It died. It is being restarted."}, 0, start);
    const prompt_record found = table.find(5, 0, start).value();
    EXPECT_EQ(found.losses, 2U);
    EXPECT_EQ(found.deaths, 2U);
    EXPECT_EQ(found.hangs, 1U);
    EXPECT_EQ(found.last, "It died.");
    EXPECT_FALSE(table.find(6, 0, start));
    table.pardon(5);
    EXPECT_TRUE(table.empty());
}

TEST(prompt_quarantine, forgets_after_its_time_and_when_the_device_was_to_blame) {
    prompt_quarantine table({1, 2}, {.lasts = seconds{60}});
    table.note(5, {how::hung, false, "x"}, 0, start);
    EXPECT_TRUE(table.find(5, 0, start + seconds{59}));
    EXPECT_FALSE(table.find(5, 0, start + seconds{60}));
    EXPECT_FALSE(table.find(5, 1, start)) << "the card was lost since";
    table.note(5, {how::hung, false, "x"}, 1, start);
    EXPECT_EQ(table.find(5, 1, start)->losses, 1U) << "what was before does not count";
    table.note(5, {how::hung, false, "x"}, 1, start + seconds{61});
    EXPECT_EQ(table.find(5, 1, start + seconds{61})->losses, 1U);
    table.forget();
    EXPECT_TRUE(table.empty());
}

TEST(prompt_quarantine, who_does_harm_again_is_refused_at_once_and_for_twice_as_long) {
    prompt_quarantine table({1, 2}, {.lasts = seconds{60}, .longest = seconds{200}});
    core::steady_time now = start;
    const auto harm = [&] {
        table.note(5, {how::died, false, "x"}, 0, now);
        return table.find(5, 0, now);
    };
    EXPECT_EQ(harm()->losses, 1U);
    EXPECT_EQ(harm()->until, now + seconds{60}) << "two at the same time are one lesson";
    unsigned losses = 2;
    for (const int lasts : {120, 200, 200}) {
        now = table.find(5, 0, now)->until;
        EXPECT_FALSE(table.find(5, 0, now)) << "it has another chance";
        EXPECT_EQ(harm()->losses, ++losses);
        EXPECT_EQ(table.find(5, 0, now)->until, now + seconds{lasts});
    }
    now += seconds{200 + 199};
    EXPECT_EQ(harm()->losses, ++losses) << "remembered for as long as the longest";
    now += seconds{200 + 200};
    EXPECT_EQ(harm()->losses, 1U);
    table.pardon(5);
    EXPECT_EQ(harm()->until, now + seconds{60});
    EXPECT_EQ(harm()->losses, 2U);
    now += seconds{60};
    table.note(5, {how::died, false, "x"}, 1, now);
    EXPECT_EQ(table.find(5, 1, now)->losses, 1U) << "the card was lost since";
}

TEST(prompt_quarantine, keeps_so_many_prompts_and_no_more) {
    prompt_quarantine table({1, 2}, {.lasts = seconds{60}, .most = 3});
    for (prompt_mark each = 1; each <= 50; ++each) {
        table.note(each, {how::hung, false, std::string(100'000, 'x')}, 0, start + core::milliseconds(each));
        EXPECT_LE(table.size(), 3U);
    }
    EXPECT_FALSE(table.find(47, 0, start + seconds{1}));
    EXPECT_TRUE(table.find(48, 0, start + seconds{1}));
    EXPECT_LE(table.find(48, 0, start + seconds{1})->last.size(), 500U);
}

}  // namespace
}  // namespace corral::generation
