#include "generation/model_request.hpp"

#include <string>

#include <gtest/gtest.h>

#include "scheduler/fake_backend.hpp"

namespace corral::generation {
namespace {

class model_request_test : public testing::Test {
protected:
    static chat::generation_request asked() {
        chat::generation_request out;
        out.id = "r1";
        out.messages.emplace_back().content = "Who is Ada?";
        out.format = "json";
        out.limits.num_predict = 50;
        out.thinking = chat::thinking_mode::on;
        return out;
    }
    // As preparation would, with a prompt of so many bytes.
    void prepare(std::size_t bytes = 10) {
        chat::generation_request& open = request.open(model);
        open.sampling.temperature = 0.5;
        open.limits.num_ctx = 4096;
        open.messages.back().content += " As JSON.";
        chat::rendered_prompt prompt;
        prompt.turns = std::string(bytes, 'x');
        chat::render_options how;
        how.format = chat::find_family("chatml");
        request.accept(how, std::move(prompt), std::nullopt);
    }
    void expect_as_asked() const {
        EXPECT_FALSE(request.prepared());
        EXPECT_FALSE(request.prompt());
        EXPECT_FALSE(request->sampling.temperature);
        EXPECT_FALSE(request->limits.num_ctx);
        EXPECT_EQ(request->messages.back().content, "Who is Ada?");
        EXPECT_EQ(request->thinking, chat::thinking_mode::on);
    }

    boost::asio::io_context io;
    test::fake_backend backend{io};
    served_model model{&backend.entry, &backend};
    model_request request{asked()};
};

TEST_F(model_request_test, is_had_back_as_it_was_asked) {
    prepare();
    request.think_no_more();
    request.take_back();
    expect_as_asked();
    prepare();
    EXPECT_EQ(request->messages.back().content, "Who is Ada? As JSON.");
}

TEST_F(model_request_test, a_long_prompt_is_not_kept_while_it_waits) {
    prepare(16 * 1024);
    EXPECT_FALSE(request.put_long_prompt_aside({&backend}));
    EXPECT_TRUE(request.prompt());
    request.take_back();
    prepare(16 * 1024 + 1);
    EXPECT_TRUE(request.put_long_prompt_aside({&backend}));
    expect_as_asked();
    EXPECT_EQ(request.held_at(backend), 0U) << "and nothing is known of one that it was not asked of";
}

TEST_F(model_request_test, what_follows_begins_with_what_was_asked) {
    prepare();
    request.think_no_more();
    const chat::generation_request next = request.beginning_of_next();
    EXPECT_EQ(next.messages.back().content, "Who is Ada?");
    EXPECT_EQ(next.thinking, chat::thinking_mode::on);
    EXPECT_TRUE(request.prepared()) << "it stays as it is";
    request.think_as_asked();
    EXPECT_EQ(request->thinking, chat::thinking_mode::on);
}

TEST_F(model_request_test, a_later_part_gets_the_tokens_that_are_left_and_one_at_least) {
    prepare();
    const struct {
        std::uint32_t written;
        bool empties_thinking;
        std::uint32_t wanted;
        std::uint32_t block;
    } table[] = {{0, false, 50, 0}, {20, false, 30, 0}, {70, false, 1, 0}, {20, true, 38, 8}};
    for (const auto& row : table) {
        chat::rendered_prompt prompt;
        prompt.empties_thinking = row.empties_thinking;
        const auto spec = request.spec(prompt, model, held_part::nothing, backend, row.written);
        EXPECT_EQ(spec.max_tokens, row.wanted) << "row " << (&row - table);
        EXPECT_EQ(spec.block_tokens, row.block) << "row " << (&row - table);
        EXPECT_TRUE(spec.format.is_null());
    }
    EXPECT_EQ(request.spec({}, model, held_part::whole, backend, 0).format, "json");
}

TEST_F(model_request_test, a_stop_is_not_looked_for_in_thoughts_that_the_client_does_not_get) {
    prepare();
    chat::rendered_prompt thinking;
    thinking.thinking = true;
    EXPECT_TRUE(request.plan(thinking, model, false).filter.stops_see_thinking);
    EXPECT_TRUE(request.plan(thinking, model, false).filter.separate_thinking);
    EXPECT_FALSE(request.plan(thinking, model, true).filter.separate_thinking) << "it is past them";
    request.think_no_more();
    EXPECT_FALSE(request.plan(thinking, model, false).filter.stops_see_thinking);
    EXPECT_TRUE(request.plan(thinking, model, false).drops_thinking);
}

}  // namespace
}  // namespace corral::generation
