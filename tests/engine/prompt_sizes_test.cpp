// A prompt that may be too long is counted by the server that shall read it.

#include "engine/streaming/prompt_sizes.hpp"

#include <optional>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "engine/dialects/openai_sse/openai_protocol.hpp"
#include "engine/played_server.hpp"

namespace corral::engine::streaming {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::StartsWith;
using tests::played_answer;
using tests::played_server;
using tests::whole_answer;

constexpr std::uint32_t limit = 1000;

class prompt_sizes_test : public testing::Test {
protected:
    prompt_sizes sizes_of(const played_server& server, catalog::count_source counts) {
        catalog::runtime_traits traits;
        traits.counts = counts;
        traits.model_name = "served";
        traits.thinking_switch = "/chat_template_kwargs/enable_thinking";
        protocol.emplace(traits);
        return prompt_sizes({.clock = &clock,
                             .protocol = &*protocol,
                             .call = core::milliseconds{3000},
                             .at = [&server] { return server.at(); },
                             .label = "tiny"});
    }
    static chat::rendered_prompt prompt(std::size_t letters) {
        chat::rendered_prompt out;
        out.system = "Be brief.";
        out.turns = std::string(letters, 'a');
        out.messages = {{"system", out.system}, {"user", out.turns}};
        return out;
    }
    prompt_measure measured(prompt_sizes& sizes, const chat::rendered_prompt& what) {
        std::optional<prompt_measure> out;
        const core::deadline until = core::deadline::after(core::seconds{20}, clock.now());
        boost::asio::co_spawn(loop, sizes.measure(what, limit, until),
                              [&out](std::exception_ptr, prompt_measure got) { out = got; });
        loop.restart();
        loop.run();
        return out.value_or(prompt_measure{});
    }
    static played_answer answer(unsigned status, const std::string& body) {
        return {whole_answer(status, body)};
    }

    boost::asio::io_context loop;
    core::steady_clock_source clock;
    std::optional<openai_sse::openai_protocol> protocol;
};

std::string tokens(std::size_t count) {
    return json{{"tokens", std::vector<int>(count, 7)}}.dump();
}

TEST_F(prompt_sizes_test, a_prompt_that_fits_whatever_it_is_costs_no_question) {
    const played_server server({answer(500, "{}")});
    auto sizes = sizes_of(server, catalog::count_source::llama_cpp);
    EXPECT_TRUE(measured(sizes, prompt(700)).fits);
    EXPECT_TRUE(server.requests().empty());
}

TEST_F(prompt_sizes_test, llama_cpp_renders_its_template_and_counts_that) {
    const played_server server({answer(200, R"({"prompt":"<wrapped>"})"), answer(200, tokens(1001))});
    auto sizes = sizes_of(server, catalog::count_source::llama_cpp);
    const prompt_measure got = measured(sizes, prompt(3000));
    EXPECT_TRUE(got.exact);
    EXPECT_FALSE(got.fits);
    EXPECT_EQ(got.system_tokens + got.turn_tokens, 1001U);
    EXPECT_THAT(server.requests(),
                ElementsAre(StartsWith("POST /apply-template "), StartsWith("POST /tokenize ")));
    const json first = json::parse(server.bodies()[0]);
    EXPECT_EQ(first["messages"][1]["content"], std::string(3000, 'a'));
    EXPECT_EQ(first["chat_template_kwargs"], json::parse(R"({"enable_thinking":false})"));
    EXPECT_EQ(json::parse(server.bodies()[1]),
              json::parse(R"({"content":"<wrapped>","add_special":true,"parse_special":true})"));
}

TEST_F(prompt_sizes_test, a_raw_prompt_is_counted_as_it_is) {
    const played_server server({answer(200, tokens(999))});
    auto sizes = sizes_of(server, catalog::count_source::llama_cpp);
    chat::rendered_prompt raw = prompt(3000);
    raw.verbatim = true;
    raw.system.clear();
    const prompt_measure got = measured(sizes, raw);
    EXPECT_TRUE(got.exact && got.fits);
    EXPECT_EQ(json::parse(server.bodies()[0])["content"], raw.turns);
}

TEST_F(prompt_sizes_test, a_prompt_that_an_answer_counted_is_known_and_others_are_estimated_by_it) {
    const played_server server({answer(500, "{}")});
    auto sizes = sizes_of(server, catalog::count_source::none);
    EXPECT_FALSE(sizes.known(prompt(2000)));
    sizes.counted(prompt(2000), 999, limit);
    EXPECT_EQ(sizes.likely(prompt(2000)), 999U);
    EXPECT_GT(sizes.likely(prompt(4000)), 1500U) << "two letters to a token, and not four";
}

// Which thread it writes and reads on.
struct watched_protocol final : stream_protocol {
    core::result<stream_request> request_for(const run_spec&) const override { return stream_request{}; }
    std::unique_ptr<answer_reader> reader(const run_spec&) const override { return nullptr; }
    error_part error_of(unsigned, std::string_view) const override { return {}; }
    std::optional<stream_request> size_question(const chat::rendered_prompt& what,
                                                const std::optional<std::string>&) const override {
        wrote = std::this_thread::get_id();
        return stream_request{.target = "/tokenize", .body = what.turns};
    }
    core::result<size_answer> size_in(std::string_view body) const override {
        read = std::this_thread::get_id();
        return size_answer{.tokens = static_cast<std::uint32_t>(body.size()), .text = {}};
    }
    mutable std::thread::id wrote;
    mutable std::thread::id read;
};

TEST_F(prompt_sizes_test, what_is_long_is_written_and_read_beside_the_loop) {
    const watched_protocol watched;
    const auto at_size = [&](std::size_t letters) {
        const played_server server({answer(200, std::string(letters, '7'))});
        prompt_sizes sizes({.clock = &clock,
                            .protocol = &watched,
                            .call = core::seconds{20},
                            .at = [&server] { return server.at(); },
                            .label = "tiny"});
        std::optional<std::uint32_t> got;
        const core::deadline until = core::deadline::after(core::seconds{20}, clock.now());
        boost::asio::co_spawn(
            loop, sizes.count(prompt(letters), until),
            [&got](std::exception_ptr, std::optional<std::uint32_t> tokens) { got = tokens; });
        loop.restart();
        loop.run();
        EXPECT_EQ(got, letters);
        EXPECT_EQ(sizes.likely(prompt(letters)), letters);
    };
    at_size(3000);
    EXPECT_EQ(watched.wrote, std::this_thread::get_id());
    EXPECT_EQ(watched.read, std::this_thread::get_id());
    at_size(200'000);
    EXPECT_NE(watched.wrote, std::this_thread::get_id());
    EXPECT_NE(watched.read, std::this_thread::get_id());
}

TEST_F(prompt_sizes_test, vllm_counts_in_one_step) {
    const played_server server({answer(200, R"({"count":1700,"max_model_len":1001,"tokens":[]})")});
    auto sizes = sizes_of(server, catalog::count_source::vllm);
    const prompt_measure got = measured(sizes, prompt(5000));
    EXPECT_TRUE(got.exact);
    EXPECT_EQ(got.system_tokens + got.turn_tokens, 1700U);
    const json asked = json::parse(server.bodies()[0]);
    EXPECT_EQ(asked["model"], "served");
    EXPECT_EQ(asked["messages"].size(), 2U);
    // The same prompt is not asked about again.
    EXPECT_TRUE(measured(sizes, prompt(5000)).exact);
    EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(prompt_sizes_test, a_server_that_can_not_count_is_estimated_and_left_in_peace) {
    for (const auto& bad : {answer(404, "{}"), answer(200, "[]"), answer(200, "no"), answer(503, "")}) {
        const played_server server({bad});
        auto sizes = sizes_of(server, catalog::count_source::vllm);
        const prompt_measure got = measured(sizes, prompt(3000));
        EXPECT_FALSE(got.exact);
        EXPECT_TRUE(got.fits) << "letters, four to a token";
        (void)measured(sizes, prompt(3100));
        EXPECT_EQ(server.requests().size(), 1U);
    }
}

TEST_F(prompt_sizes_test, a_refusal_with_its_count_is_believed_for_this_prompt_and_the_next) {
    prompt_sizes sizes({.clock = &clock, .protocol = nullptr, .call = {}, .at = {}, .label = "tiny"});
    chat::rendered_prompt table = prompt(0);
    for (int row = 0; row < 60; ++row) {
        table.turns += "12.75 44.5 901\n";
    }
    EXPECT_TRUE(measured(sizes, table).fits);
    EXPECT_TRUE(sizes.refused(table, {1100, 1001, false}, limit));
    const prompt_measure again = measured(sizes, table);
    EXPECT_TRUE(again.exact);
    EXPECT_FALSE(again.fits);
    EXPECT_EQ(again.system_tokens + again.turn_tokens, 1100U);
    table.turns += "9.1 8.2\n";
    EXPECT_FALSE(measured(sizes, table).fits);
    EXPECT_FALSE(sizes.refused(table, {1100, 1001, false}, limit) &&
                 sizes.refused(table, {1100, 1001, false}, limit))
        << "nothing new";
}

TEST_F(prompt_sizes_test, a_refusal_without_a_count_still_makes_the_prompt_too_long) {
    prompt_sizes sizes({.clock = &clock, .protocol = nullptr, .call = {}, .at = {}, .label = "tiny"});
    const chat::rendered_prompt what = prompt(3000);
    EXPECT_TRUE(measured(sizes, what).fits);
    EXPECT_TRUE(sizes.refused(what, {}, limit));
    EXPECT_FALSE(measured(sizes, what).fits);
    sizes.forget_server();
    EXPECT_FALSE(sizes.known(what));
}

TEST_F(prompt_sizes_test, a_prompt_without_a_word_of_an_answer_is_too_long_where_it_may_be) {
    prompt_sizes sizes({.clock = &clock, .protocol = nullptr, .call = {}, .at = {}, .label = "tiny"});
    const auto too_long = [&sizes](const chat::rendered_prompt& what, std::uint32_t counted = 0) {
        return sizes.unanswered(what, counted, limit);
    };
    EXPECT_FALSE(too_long(prompt(100))) << "the model had nothing to say";
    EXPECT_FALSE(too_long(prompt(2400))) << "about 600 tokens";
    EXPECT_FALSE(too_long(prompt(3000), 1000)) << "it was counted, and fits";
    EXPECT_FALSE(sizes.unanswered(prompt(30000), 0, 0)) << "nothing is known of the context";
    EXPECT_TRUE(too_long(prompt(3000))) << "about 750, which may be 1000 in truth";
    EXPECT_FALSE(measured(sizes, prompt(3000)).fits) << "so that it is not sent again";
    EXPECT_TRUE(measured(sizes, prompt(2996)).fits) << "others are thought as long as before";
    EXPECT_TRUE(too_long(prompt(2000), 1001));
    EXPECT_FALSE(measured(sizes, prompt(2000)).fits);
}

TEST_F(prompt_sizes_test, a_context_that_is_shorter_than_thought_is_learnt) {
    prompt_sizes sizes({.clock = &clock, .protocol = nullptr, .call = {}, .at = {}, .label = "tiny"});
    EXPECT_EQ(sizes.context(4096), 4096U);
    (void)sizes.refused(prompt(3000), {3000, 2048, false}, 4095);
    EXPECT_EQ(sizes.context(4096), 2048U);
    EXPECT_EQ(sizes.context(1024), 1024U);
    EXPECT_EQ(sizes.context(0), 2048U);
}

TEST_F(prompt_sizes_test, images_count_as_the_server_counted_them) {
    prompt_sizes sizes(
        {.clock = &clock, .protocol = nullptr, .call = {}, .at = {}, .label = "tiny", .image_tokens = [] {
             return 256U;
         }});
    const auto image = [](std::uint64_t mark) {
        return std::make_shared<const chat::image>(chat::image{"image/png", "AAAA", mark});
    };
    chat::rendered_prompt one = prompt(40);
    one.messages.back().images = {image(1)};
    const prompt_measure before = measured(sizes, one);
    EXPECT_TRUE(before.fits);
    EXPECT_EQ(before.image_tokens, 256U);
    EXPECT_LT(before.system_tokens + before.turn_tokens, 256U + 30U);
    sizes.counted(one, 900, limit);
    const prompt_measure after = measured(sizes, one);
    EXPECT_TRUE(after.fits);
    EXPECT_EQ(after.system_tokens + after.turn_tokens, 900U);
    // Two of them are too many; another one is not thought to be as large.
    chat::rendered_prompt two = one;
    two.messages.insert(two.messages.begin() + 1, {{"user", "", {image(1)}}, {"assistant", ""}});
    EXPECT_FALSE(measured(sizes, two).fits);
    chat::rendered_prompt other = one;
    other.messages.back().images = {image(2)};
    EXPECT_TRUE(measured(sizes, other).fits);
    EXPECT_FALSE(sizes.known(other)) << "the same words with another image are another prompt";
    // Refused with its count: this prompt, and this image from then on.
    EXPECT_TRUE(sizes.refused(other, {1500, 1001, false}, limit));
    EXPECT_EQ(sizes.known(other), 1500U);
    EXPECT_FALSE(measured(sizes, other).fits);
    EXPECT_TRUE(measured(sizes, prompt(40)).fits) << "its texts are innocent";
    other.turns += " again";
    EXPECT_FALSE(measured(sizes, other).fits);
}

TEST_F(prompt_sizes_test, texts_beside_images_are_counted_by_the_server) {
    const played_server server({answer(200, R"({"count":700,"max_model_len":1001,"tokens":[]})")});
    auto sizes = sizes_of(server, catalog::count_source::vllm);
    chat::rendered_prompt what = prompt(3000);
    what.messages.back().images = {std::make_shared<const chat::image>(chat::image{"image/png", "AAAA", 1})};
    const prompt_measure got = measured(sizes, what);
    EXPECT_FALSE(got.exact) << "the image was never counted";
    EXPECT_EQ(got.system_tokens + got.turn_tokens - got.image_tokens, 700U);
    EXPECT_EQ(server.bodies()[0].find("AAAA"), std::string::npos);
    sizes.counted(what, 950, limit);
    EXPECT_TRUE(measured(sizes, what).exact);
    EXPECT_EQ(sizes.known(what), 950U);
}

}  // namespace
}  // namespace corral::engine::streaming
