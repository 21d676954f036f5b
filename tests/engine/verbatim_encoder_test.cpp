// How long a text's ids are waited for.

#include "engine/dialects/ax_poll/verbatim_encoder.hpp"

#include <chrono>
#include <exception>
#include <optional>

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "played_server.hpp"

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
    while (service.left() == 0 && std::chrono::steady_clock::now() - begun < core::seconds{30}) {
        loop.restart();
        loop.run_one_for(core::milliseconds{20});
    }
    EXPECT_EQ(service.left(), 1U) << "the call is not left behind";
    EXPECT_TRUE(identity.is_known());
}

}  // namespace
}  // namespace corral::engine::ax_poll
