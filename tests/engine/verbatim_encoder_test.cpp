// How long a text's ids are waited for.

#include "engine/dialects/ax_poll/verbatim_encoder.hpp"

#include <chrono>
#include <exception>
#include <optional>

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "engine/dialects/ax_poll/tokenizer_client.hpp"
#include "played_server.hpp"
#include "run_until.hpp"

namespace corral::engine::ax_poll {
namespace {

using tests::played_server;
using tests::whole_answer;

// A frozen one takes the call and says nothing; its runtime may die meanwhile, or the client leave.
TEST(verbatim_encoder, a_tokenizer_that_says_nothing_is_left_when_nobody_waits_any_more) {
    const played_server service({{whole_answer(200, R"({"uid":"1"})")}, {"", true}});
    boost::asio::io_context loop{1};
    const core::steady_clock_source clock;
    own_identity identity(loop.get_executor(), tokenizer_client(service.at()));
    verbatim_encoder encoder(identity, clock, nullptr);
    bool unwanted = false;
    std::optional<core::result<token_ids>> got;
    boost::asio::co_spawn(
        loop,
        encoder.encode_wrapped("S", "Hi", core::deadline::after(core::seconds{60}, clock.now()),
                               [&unwanted] { return unwanted; }),
        [&got](const std::exception_ptr& thrown, core::result<token_ids> ids) {
            EXPECT_FALSE(thrown);
            got = std::move(ids);
        });
    const auto begun = std::chrono::steady_clock::now();
    while (!got && std::chrono::steady_clock::now() - begun < core::seconds{30}) {
        unwanted = service.requests().size() == 2;
        loop.restart();
        loop.run_one_for(core::milliseconds{20});
    }
    ASSERT_TRUE(got);
    ASSERT_FALSE(*got);
    EXPECT_EQ(got->error().code, core::make_error_code(core::errc::unavailable))
        << got->error().message.text();
    EXPECT_LT(std::chrono::steady_clock::now() - begun, core::seconds{5});
    EXPECT_TRUE(run_until(loop, [&service] { return service.left() == 1; })) << "the call is not left behind";
    EXPECT_TRUE(identity.is_known());
}

// g is 9, a newline 7, the wrapper 1 2 … 3 4.
TEST(wrapper_shape, is_read_from_the_guard_once_twice_and_apart) {
    const auto shape = read_shape("<g>", {1, 2, 9, 3, 4}, {1, 2, 9, 9, 3, 4}, {1, 2, 9, 7, 9, 3, 4});
    ASSERT_TRUE(shape);
    EXPECT_EQ(shape->guard, "<g>");
    EXPECT_EQ(shape->guard_id, 9);
    EXPECT_EQ(shape->before, (token_ids{1, 2}));
    EXPECT_EQ(shape->after, (token_ids{3, 4}));
    EXPECT_EQ(guarded_ids(*shape, {1, 2, 9, 5, 6, 9, 3, 4}), (token_ids{5, 6}));
    EXPECT_EQ(guarded_ids(*shape, {1, 2, 9, 9, 3, 4}), token_ids{});
    EXPECT_EQ(guarded_ids(*shape, {1, 2, 9, 9, 9, 9, 3, 4}), (token_ids{9, 9}));
    EXPECT_EQ(guarded_ids(*shape, {1, 2, 9, 1, 2, 3, 4, 9, 3, 4}), (token_ids{1, 2, 3, 4}));
}

TEST(wrapper_shape, needs_no_wrapper_on_either_side) {
    const auto bare = read_shape("<g>", {9}, {9, 9}, {9, 7, 9});
    ASSERT_TRUE(bare);
    EXPECT_TRUE(bare->before.empty());
    EXPECT_TRUE(bare->after.empty());
    // The guard may stand further away in the wrapper itself.
    const auto chatml =
        read_shape("<g>", {9, 2, 9, 3, 9, 4}, {9, 2, 9, 9, 3, 9, 4}, {9, 2, 9, 7, 9, 3, 9, 4});
    ASSERT_TRUE(chatml);
    EXPECT_EQ(guarded_ids(*chatml, {9, 2, 9, 5, 9, 3, 9, 4}), token_ids{5});
}

struct bad_shape {
    const char* why;
    token_ids once;
    token_ids twice;
    token_ids spaced;
};

const bad_shape bad_shapes[] = {
    {"nothing", {}, {}, {}},
    {"the guard is two ids", {1, 9, 8, 3}, {1, 9, 8, 9, 8, 3}, {1, 9, 8, 7, 9, 8, 3}},
    {"the wrapper changes behind", {1, 9, 3}, {1, 9, 9, 4}, {1, 9, 7, 9, 5}},
    {"the wrapper changes before", {1, 9, 3}, {2, 9, 9, 3}, {3, 9, 7, 9, 3}},
    {"the third is another", {1, 9, 3}, {1, 9, 9, 3}, {1, 9, 7, 9, 4}},
    {"white space is eaten", {1, 9, 3}, {1, 9, 9, 3}, {1, 9, 9, 3}},
    {"the wrapper ends in the guard", {1, 9, 9, 3}, {1, 9, 9, 9, 3}, {1, 9, 9, 7, 9, 3}},
    {"it goes on with the guard", {1, 9, 9, 3}, {1, 9, 9, 9, 3}, {1, 9, 7, 9, 9, 3}},
    {"a second guard is dropped", {1, 9, 3}, {1, 9, 3}, {1, 9, 7, 3}},
};

TEST(wrapper_shape, is_not_believed_when_it_contradicts_itself) {
    for (const bad_shape& one : bad_shapes) {
        EXPECT_FALSE(read_shape("<g>", one.once, one.twice, one.spaced)) << one.why;
    }
}

TEST(wrapper_shape, a_turn_without_it_gives_no_ids) {
    const auto shape = read_shape("<g>", {1, 2, 9, 3, 4}, {1, 2, 9, 9, 3, 4}, {1, 2, 9, 7, 9, 3, 4});
    ASSERT_TRUE(shape);
    const token_ids turns[] = {{},
                               {1, 2, 9, 3, 4},           // one guard for both sides
                               {1, 2, 5, 9, 3, 4},        // no guard in front
                               {1, 2, 9, 5, 3, 4},        // none behind
                               {1, 9, 5, 9, 3, 4},        // something is missing
                               {1, 2, 9, 5, 9, 3, 4, 6},  // something is added
                               {1, 2, 9, 5, 9, 8, 4}};
    for (const token_ids& turn : turns) {
        EXPECT_FALSE(guarded_ids(*shape, turn)) << turn.size();
    }
}

TEST(tokenizer_ids, beyond_the_vocabulary_are_found) {
    EXPECT_TRUE(within_vocabulary({}, 10));
    EXPECT_TRUE(within_vocabulary({0, 9}, 10));
    EXPECT_FALSE(within_vocabulary({0, 10}, 10));
    EXPECT_FALSE(within_vocabulary({-1}, 10));
    EXPECT_TRUE(within_vocabulary({1'000'000}, 0));
    EXPECT_FALSE(within_vocabulary({-1}, 0));
}

}  // namespace
}  // namespace corral::engine::ax_poll
