// How an answer that nobody wants any more is ended, by each means that servers have.

#include "engine/streaming/stream_run.hpp"

#include <exception>
#include <optional>

#include <gmock/gmock.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "engine/stream_run_fixture.hpp"

namespace corral::engine::streaming {
namespace {

using core::milliseconds;
using core::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using tests::event_stream;
using tests::kept_text;
using tests::long_enough;
using tests::played_server;
using tests::said;
using tests::stream_done;
using tests::whole_answer;

class stream_settle_test : public tests::stream_run_fixture {};

TEST_F(stream_settle_test, a_client_that_leaves_ends_the_run_by_leaving) {
    const played_server server({{event_stream(said("a")), true}});
    EXPECT_EQ(run(server, {}, true).end, run_end::cancelled);
    const auto end = std::chrono::steady_clock::now() + long_enough;
    while (server.left() == 0 && std::chrono::steady_clock::now() < end) {
        loop.restart();
        loop.run_for(milliseconds{10});
    }
    EXPECT_EQ(server.left(), 1U);
    EXPECT_TRUE(restarts.empty());
}

TEST_F(stream_settle_test, a_run_that_nothing_ends_is_read_to_its_end_and_then_the_runtime_is_restarted) {
    traits.cancel = catalog::cancel_method::drain;
    const played_server endless({{event_stream(said("a")), true}});
    EXPECT_EQ(run(endless, {}, true).end, run_end::cancelled);
    EXPECT_THAT(restarts,
                ElementsAre(HasSubstr("hang: The runtime stood still in an answer that was not wanted")))
        << "it said nothing more";

    restarts.clear();
    const played_server short_one({{event_stream(said("a") + said("b") + stream_done)}});
    EXPECT_EQ(run(short_one, {}, true).end, run_end::cancelled);
    EXPECT_TRUE(restarts.empty()) << "it came to its end by itself";
}

TEST_F(stream_settle_test, a_call_that_ends_runs_is_made) {
    traits.cancel = catalog::cancel_method::call;
    traits.cancel_target = "/stop";
    const played_server server({{event_stream(said("a")), true}, {whole_answer(200, "{}")}});
    EXPECT_EQ(run(server, {}, true).end, run_end::cancelled);
    const auto asked = server.requests();
    ASSERT_GE(asked.size(), 2U);
    EXPECT_EQ(asked[1], "GET /stop HTTP/1.1");
    EXPECT_THAT(restarts, SizeIs(1)) << "and this server did not heed it";
}

TEST_F(stream_settle_test, a_call_that_is_heeded_ends_the_run_and_restarts_nothing) {
    traits.cancel = catalog::cancel_method::call;
    traits.cancel_target = "/stop";
    const played_server server({{event_stream(said("a")), true, true}, {whole_answer(200, "{}")}});
    EXPECT_EQ(run(server, {}, true).end, run_end::cancelled);
    EXPECT_THAT(server.requests(), testing::Contains("GET /stop HTTP/1.1"));
    EXPECT_TRUE(restarts.empty());
}

TEST_F(stream_settle_test, a_server_that_can_only_be_restarted_is) {
    traits.cancel = catalog::cancel_method::restart;
    const played_server server({{event_stream(said("a")), true}});
    EXPECT_EQ(run(server, {}, true).end, run_end::cancelled);
    EXPECT_THAT(restarts,
                ElementsAre(HasSubstr("cancel: The runtime was busy with an answer that was not wanted")));
}

TEST_F(stream_settle_test, an_answer_that_the_server_breaks_off_is_not_told_as_one_that_nobody_wanted) {
    traits.cancel = catalog::cancel_method::restart;
    const played_server server({{event_stream(said("a"))}});
    const run_outcome out = run(server);
    EXPECT_EQ(out.end, run_end::failed);
    EXPECT_THAT(restarts, ElementsAre(HasSubstr("The runtime broke off an answer")));
}

TEST_F(stream_settle_test,
       a_server_that_loads_sooner_than_its_answer_must_end_is_replaced_at_once_and_by_choice) {
    traits.cancel = catalog::cancel_method::drain;
    clocks.scrub = seconds{20};
    load = milliseconds{50};
    const played_server server({{event_stream(said("a")), true}});
    const auto began = std::chrono::steady_clock::now();
    const run_outcome out = run(server, {}, true);
    EXPECT_LT(std::chrono::steady_clock::now() - began, seconds{5});
    EXPECT_EQ(out.end, run_end::cancelled);
    EXPECT_EQ(out.loss.what, run_loss::how::none);
    EXPECT_THAT(restarts, ElementsAre(HasSubstr("cancel: ")));
}

TEST_F(stream_settle_test, where_the_server_can_be_asked_it_is_idle_before_the_next_one_comes) {
    traits.idle = {"/slots", "/*/is_processing", "false"};
    const played_server server({{event_stream(said("a")), true},
                                {whole_answer(200, R"([{"is_processing": true}])")},
                                {whole_answer(200, R"([{"is_processing": false}])")}});
    EXPECT_EQ(run(server, {}, true).end, run_end::cancelled);
    EXPECT_THAT(server.requests(),
                ElementsAre(HasSubstr("POST"), "GET /slots HTTP/1.1", "GET /slots HTTP/1.1"));
    EXPECT_TRUE(restarts.empty());
}

TEST_F(stream_settle_test, one_that_stays_at_work_for_longer_than_a_load_takes_is_replaced) {
    clocks.scrub = seconds{25};
    load = milliseconds{50};
    traits.idle = {"/slots", "/*/is_processing", "false"};
    const played_server server(
        {{event_stream(said("a")), true}, {whole_answer(200, R"([{"is_processing": true}])")}});
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(run(server, {}, true).end, run_end::cancelled);
    EXPECT_LT(std::chrono::steady_clock::now() - began, seconds{15});
    EXPECT_THAT(restarts, ElementsAre(HasSubstr("cancel: ")));
}

// As the first test of a server may be whose process has ended: who waits for rest would wait for ever.
TEST_F(stream_settle_test, a_run_that_is_cut_leaves_the_server_to_the_next) {
    const played_server server({{"", true}});
    stream_run runs(parts_for(server));
    run_control control(loop.get_executor());
    boost::asio::cancellation_signal cut;
    std::optional<bool> threw;
    boost::asio::co_spawn(loop, runs.run(spec(), sink, control, {}, true),
                          boost::asio::bind_cancellation_slot(
                              cut.slot(), [&threw](const std::exception_ptr& thrown, const run_outcome&) {
                                  threw = thrown != nullptr;
                              }));
    ASSERT_TRUE(loop_until([&server] { return !server.requests().empty(); }));
    EXPECT_TRUE(runs.busy());
    std::optional<bool> rested;
    boost::asio::co_spawn(loop, runs.come_to_rest(core::deadline::after(long_enough, clock.now())),
                          [&rested](const std::exception_ptr&, bool idle) { rested = idle; });
    boost::asio::post(loop, [&cut] { cut.emit(boost::asio::cancellation_type::terminal); });
    ASSERT_TRUE(loop_until([&] { return threw && rested; }));
    EXPECT_TRUE(*threw);
    EXPECT_TRUE(*rested);
    EXPECT_FALSE(runs.busy());
    boost::asio::post(loop, [this] { tasks.cancel(); });  // the call that went with it
    EXPECT_TRUE(loop_until([this] { return tasks.empty(); }));
}

}  // namespace
}  // namespace corral::engine::streaming
