// What is left of a turn that ends in no way of its own.

#include "engine/dialects/ax_poll/cycle_runner.hpp"

#include <chrono>
#include <exception>
#include <optional>

#include <gtest/gtest.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "played_server.hpp"
#include "run_until.hpp"

namespace corral::engine::ax_poll {
namespace {

using tests::played_server;
using tests::whole_answer;

constexpr core::seconds long_enough{30};

class silent_sink final : public run_sink {
public:
    void on_text(std::string_view /*piece*/, const run_progress& /*now*/) override {}
};

catalog::engine_clocks patient_for_a_while() {
    catalog::engine_clocks out;
    out.call = core::milliseconds{5000};
    out.call_bounds = {out.call, out.call};
    return out;
}

// Over a runtime without a tap.
class cycle_runner_test : public ::testing::Test {
protected:
    cycle_runner_test() {
        supervisor::service_status ready;
        ready.name = "runtime";
        ready.state = supervisor::service_state::ready;
        ready.pid = 1;
        ready.starts = 1;
        epochs.on_status(ready);
    }

    [[nodiscard]] cycle_parts parts() {
        return cycle_parts{
            .on = loop.get_executor(),
            .clock = &clock,
            .link = runtime_link(&at, &learned, clock, [] { return false; }),
            .tap = nullptr,
            .verbatim = nullptr,
            .epochs = &epochs,
            .halted = {},
            .settings = {},
            .learned = &learned,
            .sampling = {},
            .sizes = [] { return catalog::context_sizes{}; },
            .restart = [](const act::restart& what) { ADD_FAILURE() << what.cause.text(); },
            .tokenizer_hung = {},
            .intrusion = {},
            .examine_tokenizer = {},
            .reuse = {},
        };
    }

    [[nodiscard]] run_spec spec() const {
        run_spec out;
        out.id = "test";
        out.prompt.system = "S";
        out.prompt.turns = "hi";
        out.until = core::deadline::after(long_enough, clock.now());
        return out;
    }

    template <typename Condition>
    bool loop_until(Condition condition) {
        return run_until(loop, condition);
    }

    bool comes_to_rest(cycle_runner& cycle) {
        std::optional<bool> rested;
        boost::asio::co_spawn(loop, cycle.come_to_rest(core::deadline::after(long_enough, clock.now())),
                              [&rested](const std::exception_ptr& thrown, bool idle) {
                                  EXPECT_FALSE(thrown);
                                  rested = idle;
                              });
        EXPECT_TRUE(loop_until([&rested] { return rested.has_value(); }));
        return rested.value_or(false);
    }

    boost::asio::io_context loop{1};
    core::steady_clock_source clock;
    boost::asio::ip::tcp::endpoint at;
    process_epochs epochs{"runtime", "", false};
    cycle_clocks learned{patient_for_a_while()};
    silent_sink sink;
};

// As the first test of a runtime was whose process had ended: every later turn waited for it, and the next line of the
// runtime was looked at with a turn that was gone.
TEST_F(cycle_runner_test, a_turn_that_is_cut_leaves_the_runtime_to_the_next) {
    const played_server server({{"", true}, {whole_answer(200, R"({"done":true,"response":""})")}});
    at = server.at();
    cycle_runner cycle(parts());
    run_control control(loop.get_executor());
    boost::asio::cancellation_signal cut;
    std::optional<bool> threw;
    boost::asio::co_spawn(loop, cycle.run(spec(), sink, control, {}, true),
                          boost::asio::bind_cancellation_slot(
                              cut.slot(), [&threw](const std::exception_ptr& thrown, const run_outcome&) {
                                  threw = thrown != nullptr;
                              }));
    ASSERT_TRUE(loop_until([&server] { return server.requests().size() == 1; }));
    EXPECT_TRUE(cycle.busy());
    boost::asio::post(loop, [&cut] { cut.emit(boost::asio::cancellation_type::terminal); });
    ASSERT_TRUE(loop_until([&threw] { return threw.has_value(); }));
    EXPECT_TRUE(*threw);
    EXPECT_FALSE(cycle.busy());
    cycle.on_output("a line\n");
    cycle.on_tap_event();
    EXPECT_TRUE(comes_to_rest(cycle));
    EXPECT_FALSE(cycle.busy());
}

TEST_F(cycle_runner_test, who_waits_for_a_turn_may_leave) {
    const played_server server({{"", true}});
    at = server.at();
    cycle_runner cycle(parts());
    run_control first(loop.get_executor());
    run_control second(loop.get_executor());
    std::optional<run_end> ended;
    std::optional<run_end> left;
    unsigned told = 0;
    boost::asio::co_spawn(loop, cycle.run(spec(), sink, first, {}, false),
                          [&ended](const std::exception_ptr&, const run_outcome& out) { ended = out.end; });
    boost::asio::co_spawn(loop,
                          cycle.run(
                              spec(), sink, second, [&told](const run_outcome&) { ++told; }, false),
                          [&left](const std::exception_ptr&, const run_outcome& out) { left = out.end; });
    ASSERT_TRUE(loop_until([&server] { return server.requests().size() == 1; }));
    second.cancel();
    ASSERT_TRUE(loop_until([&left] { return left.has_value(); }));
    EXPECT_EQ(*left, run_end::cancelled);
    EXPECT_EQ(told, 1U);
    EXPECT_FALSE(ended);
    EXPECT_TRUE(cycle.busy()) << "with the first";
    supervisor::service_status gone;
    gone.name = "runtime";
    gone.starts = 1;
    epochs.on_status(gone);
    cycle.on_status();
    EXPECT_TRUE(loop_until([&ended] { return ended.has_value(); })) << "its call has its own end";
    EXPECT_FALSE(cycle.busy());
}

// When all ends, what waits is destroyed with the loop, behind what it waits for.
TEST_F(cycle_runner_test, a_turn_may_outlive_its_runner) {
    const played_server server({{"", true}});
    at = server.at();
    run_control control(loop.get_executor());
    std::optional<boost::asio::io_context> own(std::in_place, 1);
    {
        cycle_parts made = parts();
        made.on = own->get_executor();
        cycle_runner cycle(std::move(made));
        boost::asio::co_spawn(*own, cycle.run(spec(), sink, control, {}, true),
                              [](const std::exception_ptr&, const run_outcome&) {});
        run_until(*own, [&server] { return !server.requests().empty(); });
        EXPECT_TRUE(cycle.busy());
    }
    own.reset();
}

}  // namespace
}  // namespace corral::engine::ax_poll
